"""AWS's own Runtime Interface Emulator around an unpacked package, and what it should answer.

https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

import base64
import hashlib
import json
import re
import socket
import subprocess
import time
import urllib.request

import jwt

# The emulator's own account and Region are in the ARN that it tells a function.
PREFIX = "arn:aws:iot:us-east-1:012345678912:"
REFUSED = {"isAuthenticated": False, "principalId": "refused", "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300, "policyDocuments": []}
WEEK = 7 * 86400


class Emulator:
    """One start of the emulator, which starts the function with the first event."""

    def __init__(self, program, folder, under=(), environment=None):
        ports = [free(), free()]
        addresses = [f"127.0.0.1:{port}" for port in ports]
        # Without both addresses, or without a command, it would serve whoever asks.
        command = [program, "--runtime-interface-emulator-address", addresses[0], "--runtime-api-address", addresses[1], *under, "./bootstrap"]
        self.log = folder.parent / "emulator.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
        self.url = f"http://{addresses[0]}/2015-03-31/functions/function/invocations"
        wait(ports[0], self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def ask(self, event):
        """The answer, and how long it took in milliseconds."""
        start = time.perf_counter()
        with urllib.request.urlopen(self.url, json.dumps(event).encode(), timeout=30) as answer:
            body = answer.read()
        return json.loads(body), (time.perf_counter() - start) * 1000

    def codes(self):
        """The code of each refusal in the log, in order."""
        return re.findall(r'"code":"(\w+)"', self.log.read_text(errors="replace"))


def free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait(port, emulator):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if emulator.process.poll() is not None:
                break
            time.sleep(0.05)
    raise SystemExit(f"FAILED: the emulator does not listen: {emulator.log.read_text(errors='replace')[-500:]}")


def token(key, **claims):
    claims = {
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "devices": ["lamp-1", "lamp-2"],
        "exp": int(time.time()) + WEEK,
    } | claims
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "package"})


def event(password, client_id="ana"):
    return {
        "protocols": ["tls", "mqtt"], "signatureVerified": False, "connectionMetadata": {"id": "e56f08c3-c559-490f-aa9f-7e8427d0f57b"},
        "protocolData": {
            "tls": {"serverName": "example-ats.iot.us-east-1.amazonaws.com"},
            "mqtt": {"username": "ana", "clientId": client_id, "password": base64.b64encode(password.encode()).decode()},
        },
    }


def admitted():
    """What ana of acme is answered beside policies, and each right that app-user and device-owner give her."""
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


def rights(answer):
    """Each action with each resource, of statements that all allow."""
    found = set()
    for document in answer["policyDocuments"]:
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow", statement
            actions, resources = ([value] if isinstance(value, str) else value for value in (statement["Action"], statement["Resource"]))
            found |= {(action, resource) for action in actions for resource in resources}
    return found
