#!/usr/bin/env python3
"""An authorizer that allows every client, with the statements of policies/p.json at its start.

It does not start if the policy contains the word `unstartable`.
"""

import http.client
import json
import os
import sys

API = "/2018-06-01/runtime/"
ARN = "arn:aws:iot:us-east-1:123456789012:"


def main():
    with open(os.path.join(os.environ["LAMBDA_TASK_ROOT"], "policies/p.json")) as file:
        policy = json.load(file)
    if "unstartable" in json.dumps(policy):
        print("unstartable", file=sys.stderr, flush=True)
        return 1
    host = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        host.request("GET", API + "invocation/next")
        response = host.getresponse()
        event = json.loads(response.read())
        client_id = event["protocolData"]["mqtt"]["clientId"]
        text = json.dumps(policy).replace("${mqtt:client_id}", client_id).replace("${sub}", client_id)
        document = json.loads(text)
        for statement in document["Statement"]:
            statement["Resource"] = ARN + statement["Resource"]
        body = {
            "isAuthenticated": True,
            "principalId": "p",
            "disconnectAfterInSeconds": 86400,
            "refreshAfterInSeconds": 300,
            "policyDocuments": [document],
        }
        request = response.headers["lambda-runtime-aws-request-id"]
        host.request("POST", API + "invocation/%s/response" % request, json.dumps(body))
        host.getresponse().read()


if __name__ == "__main__":
    sys.exit(main())
