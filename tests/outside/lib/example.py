"""The shipped example configuration with keys of this run, the events that it is measured with, and its secret on
loopback."""

import base64
import contextlib
import http.server
import json
import pathlib
import re
import shutil
import tempfile
import threading
import time
import uuid

import jwt

from lib.keys import key_set, new_key
from lib.paths import ROOT

NOW = int(time.time())
KEYS = {algorithm: new_key(algorithm, algorithm) for algorithm in ("RS256", "ES256")}
ISSUER = "https://login.example.com/"


def jwks():
    """The public keys, with `kid`, `alg` and `use`."""
    keys = json.loads(key_set(*KEYS.values()))["keys"]
    return json.dumps({"keys": [key | {"use": "sig"} for key in keys]})


def token(algorithm, kid=None, **claims):
    """A token with twelve claims, as identity providers issue them to apps."""
    claims = {
        "iss": ISSUER, "aud": ["iot.example.com", f"{ISSUER}userinfo"], "sub": "ana",
        "azp": "mobile-app", "tenant": "acme", "devices": ["lamp-1", "lamp-2"], "role": "user",
        "scope": "openid profile iot:connect",
        "jti": "0f8fad5b-d9cb-469f-a165-70867728950e", "iat": NOW, "nbf": NOW, "exp": NOW + 86400,
    } | claims
    return jwt.encode(claims, KEYS[algorithm].private, algorithm=algorithm, headers={"kid": kid or algorithm})


def event(password, client_id="ana"):
    """A WebSocket connect with this MQTT password."""
    host = "example-ats.iot.eu-west-1.amazonaws.com"
    headers = {
        "Host": host, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "u0dfs8i0I43d1a9dwL3z/A==", "Sec-WebSocket-Protocol": "mqtt",
    }
    password = base64.b64encode(password.encode()).decode()
    http = {"headers": headers, "queryString": "?x-amz-customauthorizer-name=jwt"}
    mqtt = {"username": "ana?SDK=NodeJSv2&Version=1.21.8", "clientId": client_id, "password": password}
    return json.dumps({
        "signatureVerified": False, "protocols": ["tls", "http", "mqtt"],
        "protocolData": {"tls": {"serverName": host}, "http": http, "mqtt": mqtt},
        "connectionMetadata": {"id": "e56f08c3-c559-490f-aa9f-7e8427d0f57b"},
    }, separators=(",", ":")).encode()


def with_twenty_devices():
    return token("RS256", devices=[f"lamp-{number:02}" for number in range(20)])


# Each call's event, and whether it is allowed.
CALLS = {
    "RS256": lambda: (event(token("RS256")), True),
    "ES256": lambda: (event(token("ES256")), True),
    "RS256, twenty devices": lambda: (event(with_twenty_devices()), True),
    "no token": lambda: (event("password"), False),
    "unknown issuer": lambda: (event(token("RS256", iss="https://other.example.com/")), False),
    "unknown kid": lambda: (event(token("RS256", kid="other")), False),
}


@contextlib.contextmanager
def packaged():
    """The shipped example as it is packaged: the files that its configuration names, and no others."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = (ROOT / "authorizer.toml").read_text()
        keys, policies = re.findall(r'"file:(\S+)"', config), re.findall(r'^policy = "(.+)"', config, re.M)
        for name in ["authorizer.toml", *keys, *(f"policies/{name}.json" for name in policies)]:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
        yield folder


@contextlib.contextmanager
def deployment(keys="file:keys/users.jwks.json", revoked=None):
    """The shipped example with the keys of this run, and with a revocation list of so many subjects."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copytree(ROOT / "policies", folder / "policies")
        config = (ROOT / "authorizer.toml").read_text().replace("file:keys/users.jwks.json", keys)
        if revoked is not None:
            config += '\n[revocation]\nsource = "file:revoked.json"\nrefresh_seconds = 86400\nmax_stale_seconds = 86400\n'
            subjects = [str(uuid.UUID(int=number)) for number in range(revoked)]
            (folder / "revoked.json").write_text(json.dumps({"version": 1, "sub": {"users": subjects}}))
        (folder / "authorizer.toml").write_text(config)
        (folder / "keys").mkdir()
        (folder / "keys/users.jwks.json").write_text(jwks())
        yield folder


class SecretsManager(http.server.BaseHTTPRequestHandler):
    """The part of AWS Secrets Manager that a start needs. moto would do, but slows the start that is measured."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if request["VersionStage"] == "AWSCURRENT":
            status, body = 200, {"Name": "keys", "SecretString": jwks(), "VersionStages": ["AWSCURRENT"]}
        else:
            status, body = 400, {"__type": "ResourceNotFoundException", "Message": "no such stage"}
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def secrets_manager():
    """The environment of a function that reads its secret on loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SecretsManager)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{server.server_port}", "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "example",
    }
    server.shutdown()
