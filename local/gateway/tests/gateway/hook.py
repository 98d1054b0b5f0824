#!/usr/bin/env python3
"""A pre-provisioning hook for the tests of the gateway. It speaks the Lambda Runtime API and does what the parameter `Hook`
of the device says: allow, deny, text (the text "true"), list, empty, error, hang, or slow (allows after a second)."""

import http.client
import json
import os
import time

API = "/2018-06-01/runtime/"
ANSWERS = {
    "allow": {"allowProvisioning": True, "parameterOverrides": {"Place": "hook"}},
    "slow": {"allowProvisioning": True},
    "deny": {"allowProvisioning": False},
    "text": {"allowProvisioning": "true"},
    "list": ["allowProvisioning"],
    "empty": {},
}


def main():
    host = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        host.request("GET", API + "invocation/next")
        response = host.getresponse()
        event = json.loads(response.read())
        request = response.headers["lambda-runtime-aws-request-id"]
        instruction = event["parameters"].get("Hook", "allow")
        if instruction == "hang":
            time.sleep(3600)
        if instruction == "slow":
            time.sleep(1)
        kind, body = "response", ANSWERS.get(instruction)
        if instruction == "error":
            kind, body = "error", {"errorType": "Failure", "errorMessage": "failing as asked"}
        host.request("POST", API + "invocation/%s/%s" % (request, kind), json.dumps(body))
        host.getresponse().read()


if __name__ == "__main__":
    main()
