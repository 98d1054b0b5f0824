#!/usr/bin/env python3
"""A function of rules for the tests of the gateway. It speaks the Lambda Runtime API and writes each event to standard output.

Members of the event are instructions:
  "failures": N   reports an error for the first N attempts of an event with this "name"
  "exit": true    exits during the invocation
  "sleep": N      responds after N seconds
  "env": [NAME]   writes these variables, too
  "context": true responds with the Cognito identity of the invocation
"""

import http.client
import json
import os
import sys
import time

API = "/2018-06-01/runtime/invocation/"
attempts = {}


def respond(event, identity):
    known = event if isinstance(event, dict) else {}
    attempts[known.get("name")] = attempts.get(known.get("name"), 0) + 1
    variables = {name: os.environ.get(name) for name in known.get("env", [])}
    print("event " + json.dumps({"event": event, "attempt": attempts[known.get("name")], "env": variables}), flush=True)
    time.sleep(known.get("sleep", 0))
    if known.get("exit"):
        os._exit(1)
    if attempts[known.get("name")] <= known.get("failures", 0):
        raise RuntimeError("failing as asked")
    return {"identity": identity and json.loads(identity)} if known.get("context") else {}


def main():
    while True:
        host = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        host.request("GET", API + "next")
        response = host.getresponse()
        event = json.loads(response.read())
        request = response.headers["lambda-runtime-aws-request-id"]
        try:
            identity = response.headers["lambda-runtime-cognito-identity"]
            kind, body = "response", respond(event, identity)
        except Exception as error:
            kind, body = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        host.request("POST", API + "%s/%s" % (request, kind), json.dumps(body))
        host.getresponse().read()
        host.close()


if __name__ == "__main__":
    sys.exit(main())
