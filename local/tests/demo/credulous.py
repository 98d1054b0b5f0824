#!/usr/bin/env python3
"""A custom authorizer that lets in whoever comes, to whatever they like: what the demo must not be content with."""

import http.client
import json
import os

API = "/2018-06-01/runtime/"
ANSWER = {
    "isAuthenticated": True,
    "principalId": "anybody",
    "disconnectAfterInSeconds": 300,
    "refreshAfterInSeconds": 300,
    "policyDocuments": [
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    ],
}

host = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    host.request("GET", API + "invocation/next")
    response = host.getresponse()
    response.read()
    request = response.headers["lambda-runtime-aws-request-id"]
    host.request("POST", API + "invocation/%s/response" % request, json.dumps(ANSWER))
    host.getresponse().read()
