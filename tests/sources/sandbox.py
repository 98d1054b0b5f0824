"""A deployment whose keys are fetched, the function that runs it, and the tokens that it is asked about."""

import json
import pathlib
import sys
import tempfile
import time
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/differential"))
from function import Function
from mutants import Key

ISSUER, AUDIENCE = "https://login.example.com/", "iot.example.com"
REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the secret access key of the tests"}
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "client/${mqtt:client_id}"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/acme/${user}/*"},
]}
WINDOW = 16
passed, failed, skipped = [], [], []


def check(title, good, detail=""):
    """Counts and prints one outcome; `detail` is told if it is bad."""
    (passed if good else failed).append(title)
    print(f"{'ok' if good else 'FAILED'}: {title}{'' if good else f': {detail}'}", flush=True)


def new_key(kid, algorithm="ES256"):
    private = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
    return Key(private, kid, [algorithm])


def pem(key):
    return key.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key):
    return key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def key_set(*keys):
    return json.dumps({"keys": [key.jwk() for key in keys]})


def token(key, *, issuer=ISSUER, kid=True, **claims):
    """A token that lives ten minutes; without `kid` it names no key."""
    claims = {"iss": issuer, "aud": AUDIENCE, "sub": "ana", "exp": int(time.time()) + 600, "jti": uuid.uuid4().hex} | claims
    return jwt.encode(claims, key.private, key.algorithms[0], {"kid": key.kid} if kid else {})


def issuer(keys, *, id="users", issuer=ISSUER, audience=AUDIENCE, algorithms=("ES256",), more=""):
    """An `[[issuer]]` with these sources."""
    return (f'[[issuer]]\nid = "{id}"\nissuer = "{issuer}"\naudience = ["{audience}"]\nalgorithms = {json.dumps(algorithms)}\n'
            f'keys = {json.dumps(keys)}\nclient_ids = ["${{user}}", "${{user}}/*"]\n{more}\n')


def deploy(folder, *issuers):
    """Writes a deployment, and returns its configuration's path."""
    ids = [line.split('"')[1] for text in issuers for line in text.splitlines() if line.startswith("id = ")]
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies/own.json").write_text(json.dumps(POLICY))
    grant = f'[[grant]]\npolicy = "own"\nissuer = {json.dumps(ids)}\n'
    (folder / "authorizer.toml").write_text("\n".join([*issuers, '[claims]\nuser = "sub"\n', grant]))
    return folder / "authorizer.toml"


def aws(endpoint, **more):
    """An environment in which AWS is at `endpoint`; what is `None` in `more` is taken out."""
    environment = {"AWS_REGION": REGION, "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint} | CREDENTIALS | more
    return {name: value for name, value in environment.items() if value is not None}


class Sandbox(Function):
    """The function with one deployment. `with` ends it."""

    binary = None

    def __init__(self, *issuers, environment=()):
        """Starts the function, and waits until it has fetched what it needs before its first event."""
        self.folder = tempfile.TemporaryDirectory(dir=ROOT / "target/tmp")
        folder = pathlib.Path(self.folder.name)
        deploy(folder, *issuers)
        self.entries, self.read, self.fetches_awaited = [], 0, 0
        super().__init__(self.binary, folder, environment=environment)
        try:
            self.idle()
        except SystemExit:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # That its connections break is no news now.
        self.server.handle_error = lambda *_: None
        self.end()
        self.server.server_close()
        self.folder.cleanup()

    def idle(self, seconds=10):
        """Waits until it wants the next event: what it does after an answer is done by then."""
        if not self.server.polled.wait(seconds):
            raise SystemExit(f"FAILED: the function did not ask for an event in {seconds} s: {self.written()}")

    def decide(self, token, client_id="ana"):
        """`allow`, or the code of the refusal as the log has it, or what was no answer at all."""
        event = {"token": token, "protocols": ["mqtt"], "protocolData": {"mqtt": {"clientId": client_id}}}
        self.idle()
        self.server.polled.clear()
        answer = self.ask(json.dumps(event).encode())
        line = self.lines("request_id", str(self.asked))[-1]
        self.fetches_awaited = line.get("key_fetches", 0)
        allowed = isinstance(answer, dict) and answer.get("isAuthenticated")
        if allowed != (line["decision"] == "allow"):
            return f"{answer} beside {line}"
        return "allow" if allowed else line["code"]

    def lines(self, member, value=None):
        """The log's lines that have `member`, or that have `value` there."""
        with self.files[0].open("rb") as log:
            log.seek(self.read)
            # A line that is being written comes whole the next time.
            fresh = log.read().rpartition(b"\n")[0] + b"\n"
        self.read += len(fresh) if len(fresh) > 1 else 0
        self.entries += [json.loads(line) for line in fresh.splitlines() if line.startswith(b"{")]
        return [line for line in self.entries if member in line and value in (None, line[member])]

    def told(self):
        """All that was said about keys: pairs of the event, and why or what was left out."""
        return [(line["event"], line.get("why", "") + "; ".join(line.get("left_out", []))) for line in self.lines("event")]

    def sound(self):
        """What is wrong with it beside its decisions: function errors, panics, and anything but JSON in the log."""
        out, err = self.written()
        faults = [f"{self.errors} function errors"] if self.errors else []
        faults += ["it panicked"] if "panicked" in out + err else []
        faults += [f"stderr: {err[:200]}"] if err else []
        return faults + [line[:200] for line in out.splitlines() if not line.startswith("{")]

    def leaks(self, *secrets):
        """Parts of secrets, of 16 characters and more, that it has written."""
        written = "".join(self.written())
        parts = (secret[at:at + WINDOW] for secret in secrets for at in range(len(secret) - WINDOW + 1))
        return [part for part in parts if part in written]
