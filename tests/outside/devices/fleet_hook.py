#!/usr/bin/env python3
"""A pre-provisioning hook in plain Python, by Lambda's Runtime API. It denies the serial number `stolen`, and adds a
parameter for the others."""

import http.client
import json
import os

API = "/2018-06-01/runtime/invocation/"


def main():
    host = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        host.request("GET", API + "next")
        response = host.getresponse()
        event = json.loads(response.read())
        request = response.headers["lambda-runtime-aws-request-id"]
        expected = {"claimCertificateId", "certificateId", "certificatePem", "templateArn", "clientId", "parameters"}
        allows = set(event) == expected and event["parameters"]["SerialNumber"] != "stolen"
        answer = {"allowProvisioning": allows, "parameterOverrides": {"Place": "hall"}}
        host.request("POST", f"{API}{request}/response", json.dumps(answer))
        host.getresponse().read()


if __name__ == "__main__":
    main()
