"""A deployment whose keys are fetched, the authorizer that runs it, and tokens for it."""

import json
import pathlib
import tempfile
import time
import uuid

import jwt

from lib.function import Function
from lib.paths import TEMPORARY

ISSUER, AUDIENCE = "https://login.example.com/", "iot.example.com"
REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the secret access key of the tests"}
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "client/${mqtt:client_id}"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/acme/${user}/*"},
]}
# The length of a part of a secret that the log must not contain.
WINDOW_CHARACTERS = 16


def token(key, *, issuer=ISSUER, kid=True, **claims):
    """A token that expires in ten minutes, with or without its key's `kid`."""
    claims = {"iss": issuer, "aud": AUDIENCE, "sub": "ana", "exp": int(time.time()) + 600, "jti": uuid.uuid4().hex} | claims
    return jwt.encode(claims, key.private, key.algorithms[0], {"kid": key.kid} if kid else {})


def issuer(keys, *, id="users", issuer=ISSUER, audience=AUDIENCE, algorithms=("ES256",), more=""):
    """An `[[issuer]]` with these key sources."""
    return (f'[[issuer]]\nid = "{id}"\nissuer = "{issuer}"\naudience = ["{audience}"]\nalgorithms = {json.dumps(algorithms)}\n'
            f'keys = {json.dumps(keys)}\nclient_ids = ["${{user}}", "${{user}}/*"]\n{more}\n')


def deploy(folder, *issuers):
    """Writes a deployment, and returns the path of its configuration."""
    ids = [line.split('"')[1] for text in issuers for line in text.splitlines() if line.startswith("id = ")]
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies/own.json").write_text(json.dumps(POLICY))
    grant = f'[[grant]]\npolicy = "own"\nissuer = {json.dumps(ids)}\n'
    (folder / "authorizer.toml").write_text("\n".join([*issuers, '[claims]\nuser = "sub"\n', grant]))
    return folder / "authorizer.toml"


def aws(endpoint, **more):
    """An environment with AWS at `endpoint`. A variable that is `None` in `more` is not set."""
    environment = {"AWS_REGION": REGION, "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint} | CREDENTIALS | more
    return {name: value for name, value in environment.items() if value is not None}


class Sandbox(Function):
    """The authorizer with one deployment. `with` ends it."""

    binary = None

    def __init__(self, *issuers, environment=()):
        """Starts the authorizer, and waits until it has fetched what it needs before its first event."""
        self.folder = tempfile.TemporaryDirectory(dir=TEMPORARY)
        folder = pathlib.Path(self.folder.name)
        deploy(folder, *issuers)
        self.entries, self.log_offset, self.awaited_fetches = [], 0, 0
        super().__init__(self.binary, folder, environment=environment)
        try:
            self.wait_idle()
        except SystemExit:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Its connections break now.
        self.server.handle_error = lambda *_: None
        self.end()
        self.server.server_close()
        self.folder.cleanup()

    def wait_idle(self, seconds=10):
        """Waits until it polls for the next event: then the work after its response is done."""
        if not self.server.polled.wait(seconds):
            raise SystemExit(f"FAILED: the authorizer did not poll within {seconds} s: {self.written()}")

    def decide(self, token, client_id="ana"):
        """`allow`, or the code of the denial in the log; a description if response and log disagree."""
        event = {"token": token, "protocols": ["mqtt"], "protocolData": {"mqtt": {"clientId": client_id}}}
        self.wait_idle()
        self.server.polled.clear()
        response = self.invoke(json.dumps(event).encode())
        line = self.lines("request_id", str(self.invocations))[-1]
        self.awaited_fetches = line.get("key_fetches", 0)
        allowed = isinstance(response, dict) and response.get("isAuthenticated")
        if allowed != (line["decision"] == "allow"):
            return f"response {response}, log line {line}"
        return "allow" if allowed else line["code"]

    def lines(self, member, value=None):
        """The log lines that have `member`, with `value` if that is given."""
        with self.files[0].open("rb") as log:
            log.seek(self.log_offset)
            # An incomplete last line is read the next time.
            fresh = log.read().rpartition(b"\n")[0] + b"\n"
        self.log_offset += len(fresh) if len(fresh) > 1 else 0
        self.entries += [json.loads(line) for line in fresh.splitlines() if line.startswith(b"{")]
        return [line for line in self.entries if member in line and value in (None, line[member])]

    def key_events(self):
        """The key events of the log: pairs of the event, and its reason or the skipped keys."""
        return [(line["event"], line.get("why", "") + "; ".join(line.get("left_out", []))) for line in self.lines("event")]

    def problems(self):
        """Function errors, panics, and anything in the log that is not JSON."""
        out, err = self.written()
        found = [f"{self.errors} function errors"] if self.errors else []
        found += ["a panic"] if "panicked" in out + err else []
        found += [f"stderr: {err[:200]}"] if err else []
        return found + [line[:200] for line in out.splitlines() if not line.startswith("{")]

    def leaks(self, *secrets):
        """Parts of secrets, of 16 characters, in its output."""
        written = "".join(self.written())
        parts = (secret[start:start + WINDOW_CHARACTERS] for secret in secrets for start in range(len(secret) - WINDOW_CHARACTERS + 1))
        return [part for part in parts if part in written]
