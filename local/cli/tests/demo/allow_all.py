#!/usr/bin/env python3
"""A custom authorizer that allows every client everything. With it the demo must fail."""

import http.client
import json
import os

API = "/2018-06-01/runtime/"
RESPONSE = {
    "isAuthenticated": True,
    "principalId": "anyone",
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
    host.request("POST", API + "invocation/%s/response" % request, json.dumps(RESPONSE))
    host.getresponse().read()
