"""An unpacked package in AWS's Runtime Interface Emulator, and the expected responses.

https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

import base64
import hashlib
import json
import re
import socket
import time
import urllib.request

import jwt

from lib.ports import free_ports
from lib.process import Process

# The account and Region of the ARN that the emulator gives a function.
PREFIX = "arn:aws:iot:us-east-1:012345678912:"
DENIED = {"isAuthenticated": False, "principalId": "refused", "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300, "policyDocuments": []}
WEEK = 7 * 86400


class Emulator(Process):
    """One start of the emulator, which starts the function with the first event."""

    def __init__(self, program, folder, wrapper=(), environment=None, handler=None, enter=None):
        ports = free_ports(2)
        addresses = [f"127.0.0.1:{port}" for port in ports]
        # Without both addresses, or without a command, it would listen on all interfaces.
        options = ["--runtime-interface-emulator-address", addresses[0], "--runtime-api-address", addresses[1]]
        # The last argument of several is the function's handler.
        command = [program, *options, *wrapper, "./bootstrap", *([handler] if handler else [])]
        super().__init__(command, lambda: is_open(ports[0]), cwd=folder, environment=environment, enter=enter)
        self.url = f"http://{addresses[0]}/2015-03-31/functions/function/invocations"

    def invoke(self, event):
        """The response, and the milliseconds that it took."""
        start = time.perf_counter()
        with urllib.request.urlopen(self.url, json.dumps(event).encode(), timeout=30) as response:
            body = response.read()
        return json.loads(body), (time.perf_counter() - start) * 1000

    def codes(self):
        """The code of each denial in the log, in order."""
        return re.findall(r'"code":"(\w+)"', self.output())


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def token(key, **claims):
    claims = {
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "devices": ["lamp-1", "lamp-2"],
        "exp": int(time.time()) + WEEK,
    } | claims
    return jwt.encode(claims, key.private, algorithm="ES256", headers={"kid": key.kid})


def event(password, client_id="ana"):
    return {
        "protocols": ["tls", "mqtt"], "signatureVerified": False, "connectionMetadata": {"id": "e56f08c3-c559-490f-aa9f-7e8427d0f57b"},
        "protocolData": {
            "tls": {"serverName": "example-ats.iot.us-east-1.amazonaws.com"},
            "mqtt": {"username": "ana", "clientId": client_id, "password": base64.b64encode(password.encode()).decode()},
        },
    }


def expected_response():
    """The response for ana of acme without its policies, and each permission that app-user and device-owner grant
    her."""
    issuer = "https://login.example.com/"
    users, devices = "acme/users/ana/*", [f"acme/devices/{name}" for name in ("lamp-1", "lamp-2")]
    statements = [
        ("Connect", ["client/ana"]),
        ("Publish", [f"topic/{users}", *(f"topic/{device}/commands" for device in devices)]),
        ("Subscribe", [f"topicfilter/{users}", *(f"topicfilter/{device}/state/*" for device in devices)]),
        ("Receive", [f"topic/{users}", *(f"topic/{device}/state/*" for device in devices)]),
    ]
    return {
        "isAuthenticated": True, "principalId": hashlib.sha256(f"{len(issuer)}:{issuer}ana".encode()).hexdigest(),
        "disconnectAfterInSeconds": 86400, "refreshAfterInSeconds": 3600,
    }, {(f"iot:{action}", PREFIX + resource) for action, resources in statements for resource in resources}


def permissions(response):
    """Each action with each resource of a response. All its statements have to be Allow."""
    found = set()
    for document in response["policyDocuments"]:
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow", statement
            actions, resources = ([value] if isinstance(value, str) else value for value in (statement["Action"], statement["Resource"]))
            found |= {(action, resource) for action in actions for resource in resources}
    return found
