#!/usr/bin/env python3
"""A custom authorizer that allows one token, its argument, for the client's id. It speaks the Lambda Runtime API."""

import base64
import http.client
import json
import os
import sys

ARN = "arn:aws:iot:us-east-1:123456789012:"
API = "/2018-06-01/runtime/invocation/"


def respond(event):
    mqtt = event.get("protocolData", {}).get("mqtt", {})
    token = base64.b64decode(mqtt.get("password", "")).decode()
    allowed = token == sys.argv[1]
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": ARN + "client/" + mqtt.get("clientId", "")}
    return {
        "isAuthenticated": allowed,
        "principalId": sys.argv[1],
        "disconnectAfterInSeconds": 86400,
        "refreshAfterInSeconds": 300,
        "policyDocuments": [{"Version": "2012-10-17", "Statement": [statement]}] if allowed else [],
    }


while True:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request("GET", API + "next")
    event = connection.getresponse()
    request_id = event.getheader("Lambda-Runtime-Aws-Request-Id")
    body = json.dumps(respond(json.loads(event.read())))
    connection.request("POST", API + request_id + "/response", body)
    connection.getresponse().read()
    connection.close()
