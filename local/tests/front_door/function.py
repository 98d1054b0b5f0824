#!/usr/bin/env python3
"""A custom authorizer for the tests of the front door: it speaks the Lambda Runtime API and does as the client says.

The MQTT password (or the token of an HTTPS publish) tells it what to do:
  good      lets the client in with the policy below, cut to its client id
  bad       answers isAuthenticated = false
  illegal   answers with a principal that AWS IoT would not accept
  error     reports an error
  die       ends the process while it holds the request
  killed    is killed while it holds the request
  hang      never answers
  short     lets the client in for the shortest time
  show      writes the event to standard error and lets the client in
  impostor  lets the client in with another principal than its certificate's
  once      lets the client in for the shortest refresh, and refuses the refresh
  {...}     lets the client in with the statements of "first", and with those of "then" when it is asked again; null
            refuses. ARN: stands for the head of an ARN. "client id" in a line of its own tells what the event says
"""

import base64
import http.client
import json
import os
import signal
import sys
import time

ARN = "arn:aws:iot:us-east-1:123456789012:"
API = "/2018-06-01/runtime/"
REFUSED = {
    "isAuthenticated": False,
    "principalId": "refused",
    "disconnectAfterInSeconds": 300,
    "refreshAfterInSeconds": 300,
    "policyDocuments": [],
}
seen = set()


def allow(action, *resources):
    return {"Effect": "Allow", "Action": "iot:" + action, "Resource": [ARN + resource for resource in resources]}


def policy(own):
    topics = ["topic/own/%s/*" % own, "topic/shared/*"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("Connect", "client/" + own),
            allow("Publish", *topics),
            allow("RetainPublish", "topic/own/%s/kept" % own),
            allow("Subscribe", "topicfilter/own/%s/*" % own, "topicfilter/shared/*", "topicfilter/$share/g/shared/*"),
            allow("Receive", "topic/own/%s/*" % own, "topic/shared/open"),
        ],
    }


def as_told(wish, connection):
    told = json.loads(wish.replace("ARN:", ARN))
    statements = told.get("then", told["first"]) if connection in seen else told["first"]
    seen.add(connection)
    if statements is None:
        return REFUSED
    return {
        "isAuthenticated": True,
        "principalId": "told",
        "disconnectAfterInSeconds": told.get("disconnect", 86400),
        "refreshAfterInSeconds": 300,
        "policyDocuments": [{"Version": "2012-10-17", "Statement": statements}],
    }


def decide(event):
    mqtt = event["protocolData"].get("mqtt", {})
    wish = event.get("token") or base64.b64decode(mqtt.get("password", "")).decode()
    connection = event["connectionMetadata"]["id"]
    if wish.startswith("{"):
        print("client id %r" % mqtt.get("clientId"), flush=True)
        return as_told(wish, connection)
    refresh, again = wish == "once", connection in seen
    seen.add(connection)
    if wish == "show":
        print("event " + json.dumps(event), file=sys.stderr, flush=True)
    if wish == "die":
        print("dying as asked", file=sys.stderr, flush=True)
        os._exit(3)
    if wish == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if wish == "hang":
        time.sleep(3600)
    if wish == "error":
        raise RuntimeError("failing as asked")
    if wish in ("bad", "") or (refresh and again):
        return REFUSED
    principal = event["protocolData"].get("tls", {}).get("principalId", "p" + str(os.getpid()))
    return {
        "isAuthenticated": True,
        "principalId": {"illegal": "not legal!", "impostor": "p"}.get(wish, principal),
        "disconnectAfterInSeconds": 300 if wish == "short" else 86400,
        "refreshAfterInSeconds": 300,
        "policyDocuments": [policy(mqtt.get("clientId", "http"))],
    }


def main():
    if os.environ.get("FAULT"):
        print("fault: " + os.environ["FAULT"], file=sys.stderr, flush=True)
        return 1
    host = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        host.request("GET", API + "invocation/next")
        response = host.getresponse()
        event = json.loads(response.read())
        request = response.headers["lambda-runtime-aws-request-id"]
        try:
            kind, body = "response", decide(event)
        except Exception as error:
            kind, body = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        host.request("POST", API + "invocation/%s/%s" % (request, kind), json.dumps(body))
        host.getresponse().read()


if __name__ == "__main__":
    sys.exit(main())
