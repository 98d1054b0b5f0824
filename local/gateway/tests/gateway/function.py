#!/usr/bin/env python3
"""A custom authorizer for the tests of the gateway. It speaks the Lambda Runtime API and follows the client's instructions.

The MQTT password, or the header or parameter `token`, is the instruction:
  good      allows the client with the policy below, for its client id
  bad       denies the client
  illegal   responds with an invalid principal
  error     reports an error
  die       exits during the invocation
  killed    is killed during the invocation
  hang      sends no response
  skip      requests the next event without a response
  short     allows the client for the shortest time
  show      writes the event to standard error and allows the client
  impostor  allows the client with a principal other than the certificate's id
  once      allows the client and denies the refresh
  {...}     allows the client with the statements of "first", and at a refresh with those of "then"; null denies. ARN: is
            replaced by the prefix of an ARN. Writes the client id of the event to standard output
"""

import base64
import http.client
import json
import os
import signal
import sys
import time
from urllib.parse import parse_qs

ARN = "arn:aws:iot:%s:123456789012:" % os.environ["AWS_REGION"]
API = "/2018-06-01/runtime/"
DENIED = {
    "isAuthenticated": False,
    "principalId": "refused",
    "disconnectAfterInSeconds": 300,
    "refreshAfterInSeconds": 300,
    "policyDocuments": [],
}
connections = set()


def allow(action, *resources):
    return {"Effect": "Allow", "Action": "iot:" + action, "Resource": [ARN + resource for resource in resources]}


def policy(client_id):
    topics = ["topic/own/%s/*" % client_id, "topic/shared/*"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("Connect", "client/" + client_id),
            allow("Publish", *topics),
            allow("RetainPublish", "topic/own/%s/kept" % client_id),
            allow("Subscribe", "topicfilter/own/%s/*" % client_id, "topicfilter/shared/*", "topicfilter/$share/g/shared/*"),
            allow("Receive", "topic/own/%s/*" % client_id, "topic/shared/open"),
        ],
    }


def as_instructed(text, connection, principal):
    instructions = json.loads(text.replace("ARN:", ARN))
    first = instructions["first"]
    statements = instructions.get("then", first) if connection in connections else first
    connections.add(connection)
    if statements is None:
        return DENIED
    return {
        "isAuthenticated": True,
        "principalId": principal,
        "disconnectAfterInSeconds": instructions.get("disconnect", 86400),
        "refreshAfterInSeconds": 300,
        "policyDocuments": [{"Version": "2012-10-17", "Statement": statements}],
    }


def token(event):
    """The event's token, which is absent without token signing, or the header, query or user-name parameter `token`."""
    data = event["protocolData"]
    http, username = data.get("http", {}), data.get("mqtt", {}).get("username", "")
    places = [http.get("queryString", "?").lstrip("?"), username.partition("?")[2]]
    parameters = [parse_qs(place.replace("+", "%2B"), keep_blank_values=True).get("token", []) for place in places]
    headers = [value for name, value in http.get("headers", {}).items() if name.lower() == "token"]
    return next((value for value in [event.get("token"), *headers, *sum(parameters, [])] if value), None)


def decide(event):
    mqtt = event["protocolData"].get("mqtt", {})
    instruction = token(event) or base64.b64decode(mqtt.get("password", "")).decode()
    connection = event["connectionMetadata"]["id"]
    if instruction.startswith("{"):
        print("client id %r" % mqtt.get("clientId"), flush=True)
        return as_instructed(instruction, connection, event["protocolData"].get("tls", {}).get("principalId", "instructed"))
    is_refresh = connection in connections
    connections.add(connection)
    if instruction == "show":
        print("event " + json.dumps(event), file=sys.stderr, flush=True)
    if instruction == "die":
        print("exiting as instructed", file=sys.stderr, flush=True)
        os._exit(3)
    if instruction == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if instruction == "hang":
        time.sleep(3600)
    if instruction == "skip":
        return None
    if instruction == "error":
        raise RuntimeError("failing as asked")
    if instruction in ("bad", "") or (instruction == "once" and is_refresh):
        return DENIED
    principal = event["protocolData"].get("tls", {}).get("principalId", "p" + str(os.getpid()))
    return {
        "isAuthenticated": True,
        "principalId": {"illegal": "not valid!", "impostor": "p"}.get(instruction, principal),
        "disconnectAfterInSeconds": 300 if instruction == "short" else 86400,
        "refreshAfterInSeconds": 300,
        "policyDocuments": [policy(mqtt.get("clientId", "http"))],
    }


def main():
    if os.environ.get("START_ERROR"):
        print("error: " + os.environ["START_ERROR"], file=sys.stderr, flush=True)
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
        if body is None:
            continue
        host.request("POST", API + "invocation/%s/%s" % (request, kind), json.dumps(body))
        host.getresponse().read()


if __name__ == "__main__":
    sys.exit(main())
