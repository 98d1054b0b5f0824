"""What the release `bootstrap` costs in instructions, counted by valgrind, and in memory: they repeat, where times do not.

A start is counted to its first poll; a call as the difference between many and few, through the Runtime API, log line and all. Echo, the smallest function
that `lambda_runtime` makes, is counted beside it in the same run.

`instructions.py` compares with baselines.json and fails beyond its tolerance; `--update` accepts what it finds. Run by ./test. On a machine whose C library
or valgrind is another one there is nothing to compare with: the counts are printed, and the gate is skipped by name.
"""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/differential"))
import function  # noqa: E402

BASELINES = pathlib.Path(__file__).with_name("baselines.json")
TOLERANCE = 0.01
# How many neighbours of a page come along is the kernel's choice, and another one's may differ; functions out of order are 40 % more.
MEMORY_TOLERANCE = 0.15
FEW, MANY = 10, 60
NOW = int(time.time())
KEYS = {"RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048), "ES256": ec.generate_private_key(ec.SECP256R1())}


def key_set():
    """The public halves, named by their algorithm."""
    keys = []
    for name, key in KEYS.items():
        reader = RSAAlgorithm if name == "RS256" else ECAlgorithm
        keys.append({**reader.to_jwk(key.public_key(), as_dict=True), "kid": name, "alg": name, "use": "sig"})
        keys[-1].pop("key_ops", None)
    return json.dumps({"keys": keys})


def token(algorithm, kid=None, **claims):
    """An app's token as an identity provider writes it: twelve claims."""
    claims = {
        "iss": "https://login.example.com/", "aud": ["iot.example.com", "https://login.example.com/userinfo"], "sub": "ana",
        "azp": "mobile-app", "tenant": "acme", "devices": ["lamp-1", "lamp-2"], "role": "user", "scope": "openid profile iot:connect",
        "jti": "0f8fad5b-d9cb-469f-a165-70867728950e", "iat": NOW, "nbf": NOW, "exp": NOW + 86400,
    } | claims
    return jwt.encode(claims, KEYS[algorithm], algorithm=algorithm, headers={"kid": kid or algorithm})


def event(password):
    """A WebSocket connect with that MQTT password."""
    host = "example-ats.iot.eu-west-1.amazonaws.com"
    headers = {
        "Host": host, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "u0dfs8i0I43d1a9dwL3z/A==", "Sec-WebSocket-Protocol": "mqtt",
    }
    mqtt = {"username": "ana?SDK=NodeJSv2&Version=1.21.8", "clientId": "ana", "password": base64.b64encode(password.encode()).decode()}
    return json.dumps({
        "signatureVerified": False, "protocols": ["tls", "http", "mqtt"],
        "protocolData": {"tls": {"serverName": host}, "http": {"headers": headers, "queryString": "?x-amz-customauthorizer-name=jwt"}, "mqtt": mqtt},
        "connectionMetadata": {"id": "e56f08c3-c559-490f-aa9f-7e8427d0f57b"},
    }, separators=(",", ":")).encode()


def twenty():
    return token("RS256", devices=[f"lamp-{at:02}" for at in range(20)])


CALLS = {
    "RS256": lambda: (event(token("RS256")), True),
    "ES256": lambda: (event(token("ES256")), True),
    "RS256, twenty devices": lambda: (event(twenty()), True),
    "no token": lambda: (event("password"), False),
    "unknown issuer": lambda: (event(token("RS256", iss="https://other.example.com/")), False),
    "unknown kid": lambda: (event(token("RS256", kid="other")), False),
}


class SecretsManager(http.server.BaseHTTPRequestHandler):
    """As much of AWS Secrets Manager as a start asks for, since moto's own time would be counted by nobody: the instructions are the function's."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked["VersionStage"] == "AWSCURRENT":
            status, body = 200, {"Name": "keys", "SecretString": key_set(), "VersionStages": ["AWSCURRENT"]}
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
def packed():
    """The shipped example as it is packed: the files that it names, and no others."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = (ROOT / "authorizer.toml").read_text()
        names = re.findall(r'"file:(\S+)"', config) + [f"policies/{name}.json" for name in re.findall(r'^policy = "(.+)"', config, re.M)]
        for name in ["authorizer.toml", *names]:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
        yield folder


@contextlib.contextmanager
def deployment(keys="file:keys/users.jwks.json"):
    """The shipped example with keys of this run."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run(["cp", "-r", ROOT / "policies", folder], check=True)
        config = (ROOT / "authorizer.toml").read_text().replace("file:keys/users.jwks.json", keys)
        (folder / "authorizer.toml").write_text(config)
        (folder / "keys").mkdir()
        (folder / "keys/users.jwks.json").write_text(key_set())
        yield folder


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


def count(binary, folder, calls=(), environment=()):
    """Instructions from the start to the first poll, or to the last of some calls."""
    under = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    sandbox = function.Function(binary, folder, under, environment)
    if not sandbox.server.polled.wait(60):
        raise SystemExit(f"FAILED: no first poll in 60 s: {sandbox.written()[1][-500:]}")
    for asked, admitted in calls:
        answer = sandbox.ask(asked, 30)
        if admitted is not None and answer["isAuthenticated"] != admitted:
            raise SystemExit(f"FAILED: {answer}")
    sandbox.server.polled.clear()
    # The last answer has been read; the next poll follows it at once.
    time.sleep(0.2)
    sandbox.process.send_signal(signal.SIGTERM)
    sandbox.process.wait(30)
    return int(re.search(r"Collected : (\d+)", sandbox.written()[1]).group(1))


def secret_start(binary, folder, environment):
    """Under valgrind, on a busy machine, a fetch may run out of its two seconds: that start did less, and is not the one to be counted."""
    for _ in range(5):
        counted = count(binary, folder, environment=environment)
        if '"event":"keys_changed"' in (folder / "stdout").read_text():
            return counted
    raise SystemExit("FAILED: no fetch under valgrind ended in time; is the machine busy?")


def memory(binary, folder, calls=(), environment=()):
    """The most that it has had resident after a start and some calls, in kB; the middle of some runs, since the C library is at another place in each."""
    most = []
    for _ in range(7):
        sandbox = function.Function(binary, folder, (), environment)
        sandbox.server.polled.wait(60)
        for asked, _ in calls:
            sandbox.ask(asked, 30)
        status = pathlib.Path(f"/proc/{sandbox.process.pid}/status").read_text()
        most.append(int(re.search(r"VmHWM:\s+(\d+)", status).group(1)))
        sandbox.end()
    return sorted(most)[3]


def per_call(binary, folder, call):
    few, many = (count(binary, folder, [call] * calls) for calls in (FEW, MANY))
    return (many - few) // (MANY - FEW)


def measure(binary, floor):
    found = {}
    with packed() as folder:
        found["start: echo"] = count(floor, folder)
        found["start: the example"] = count(binary, folder)
    with deployment() as folder:
        calls = [make() for make in CALLS.values()]
        found["memory: echo"] = memory(floor, folder, [(asked, None) for asked, _ in calls])
        found["memory: bundled keys"] = memory(binary, folder, calls)
        found["start: keys of two kinds"] = count(binary, folder)
        found["call: echo"] = per_call(floor, folder, (CALLS["RS256"]()[0], None))
        for name, make in CALLS.items():
            found[f"call: {name}"] = per_call(binary, folder, make())
    with deployment("secret:keys") as folder, secrets_manager() as environment:
        found["start: a secret, plain loopback"] = secret_start(binary, folder, environment)
        found["memory: a secret, plain loopback"] = memory(binary, folder, [CALLS["RS256"]()], environment)
    return found


def machine():
    """What the counts hang on beside our own code. Valgrind shows every processor with AVX2 alike."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return " ".join([platform.machine(), os.confstr("CS_GNU_LIBC_VERSION"), valgrind])


def main():
    paths = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    found = measure(paths[0] if paths else function.build(ROOT), paths[1] if len(paths) > 1 else function.build(ROOT, "echo"))
    if "--update" in sys.argv:
        BASELINES.write_text(json.dumps({"machine": machine(), "figures": found}, indent=2) + "\n")
    baselines, bad = json.loads(BASELINES.read_text()), 0
    known, comparable = baselines["figures"], baselines["machine"] == machine()
    for name, figure in found.items():
        kind = name.split(":")[0]
        floor = found[f"{kind}: echo"]
        ratio = figure / known[name]
        good = ratio <= 1 + (MEMORY_TOLERANCE if kind == "memory" else TOLERANCE) or not comparable
        bad += not good
        print(
            f"{'ok' if good else 'FAILED'}: {name}: {figure:,} {'kB' if kind == 'memory' else 'instructions'}, {figure / floor:.2f} of echo's, "
            f"{figure - floor:+,} beside it; {ratio:.4f} of the baseline", flush=True,
        )
    if not comparable:
        print(f"skipped: the gate on instructions (its baselines are of {baselines['machine']}, and this is {machine()})")
    print(f"{len(found) - bad if comparable else 0} passed, {bad} failed, {0 if comparable else 1} skipped")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
