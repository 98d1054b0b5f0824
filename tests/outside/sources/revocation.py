"""A person is revoked, disconnected and let back, with mqtt.js at the local gateway: with the list in a file, and in a
secret of moto's Secrets Manager."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

from lib.checks import check
from lib.gateway import command_line
from lib.paths import ROOT, TEMPORARY
from lib.process import Process
from sandbox import REGION, aws

REFRESH_SECONDS = 2
CLIENTS = ROOT / "tests/outside/clients"
ISSUER = "https://login.example.com/"


class App(Process):
    """A person's app, which connects again after each end."""

    def __init__(self, address, token, client_id):
        super().__init__(["node", "revoked_client.mjs", address, token, client_id], "^connected$", cwd=CLIENTS)

    def count(self, event):
        return len(re.findall(rf"^{event}$", self.output(), re.M))


class Local(Process):
    """`cargo local` with a configuration, its output as JSON."""

    def __init__(self, config, bootstrap, environment):
        self.config, self.environment = config, environment
        ports = ("--port", "0", "--tls-port", "0", "--mqtts-port", "0", "--region", REGION)
        command = command_line("--json", *ports, "--bootstrap", str(bootstrap), "--config", str(config))
        super().__init__(command, r'^\{.*"kind":\s*"listening".*\}$', seconds=1200, environment=environment)
        listening = json.loads(self.match[0])
        self.address, self.endpoint = listening["webSocket"], listening["awsEndpointUrl"]

    def run(self, *arguments):
        """Runs a command on the configuration."""
        command = command_line(*arguments, "--config", str(self.config))
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)

    def token(self, subject):
        return self.run("token", "--sub", subject, "--claim", "tenant=acme").stdout.strip()

    def close_connections(self, subject):
        """Closes a subject's connections with the script of the page, as the operator."""
        operator = {"AWS_SHARED_CREDENTIALS_FILE": str(self.config.parent / ".iot-local/private/operator"), "AWS_REGION": REGION}
        command = [
            sys.executable, "docs/close_connections.py", "--issuer-url", ISSUER, "--sub", subject, "--event-log", self.log.name,
            "--endpoint-url", self.endpoint, "--wait", str(REFRESH_SECONDS),
        ]
        return subprocess.run(command, cwd=ROOT, env=os.environ | operator, capture_output=True, text=True)


@contextlib.contextmanager
def folder(source):
    """The shipped example with this source of the list."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as path:
        path = pathlib.Path(path)
        for name in ("policies", "keys"):
            shutil.copytree(ROOT / name, path / name)
        text = (ROOT / "authorizer.toml").read_text()
        (path / "authorizer.toml").write_text(f'{text}\n[revocation]\nsource = "{source}"\nrefresh_seconds = {REFRESH_SECONDS}\n')
        yield path


def play(title, path, bootstrap, environment):
    """alice is revoked and disconnected; bob is not disturbed; alice is back when she is not revoked any more."""
    with Local(path / "authorizer.toml", bootstrap, environment) as local:
        with App(local.address, local.token("alice"), "alice/web") as alice, App(local.address, local.token("bob"), "bob/web") as bob:
            start = time.monotonic()
            revoked = local.run("revoke", "--sub", "alice")
            closed = local.close_connections("alice")
            ended = alice.wait_until(lambda: alice.count("closed") >= 1, 5)
            seconds = time.monotonic() - start
            detail = f"{revoked.stdout}{revoked.stderr}{closed.stdout}{closed.stderr}{local.output()[-2000:]}"
            check(f"{title}: a revoked person is disconnected within refresh_seconds plus two: {seconds:.1f} s", ended and seconds < REFRESH_SECONDS + 2, detail)
            denied = alice.wait_until(lambda: alice.count("denied") >= 2, 10)
            check(f"{title}: and does not get back", denied and alice.count("connected") == 1, f"{alice.output()}{detail}")
            back = local.run("unrevoke", "--sub", "alice")
            again = alice.wait_until(lambda: alice.count("connected") == 2, REFRESH_SECONDS + 5)
            check(f"{title}: not revoked any more, the person is back", again, f"{back.stdout}{back.stderr}{alice.output()}{local.output()[-2000:]}")
            check(f"{title}: another person is not disturbed", (bob.count("connected"), bob.count("closed")) == (1, 0), bob.output())


def revocation(moto, bootstrap):
    with folder("file:revoked.json") as path:
        (path / "revoked.json").write_text('{"version": 1}')
        play("a list in a file", path, bootstrap, dict(os.environ))
    name = f"iot/revoked-{uuid.uuid4().hex[:8]}"
    moto.client("secretsmanager").create_secret(Name=name, SecretString='{"version": 1}')
    with folder(f"secret:{name}") as path:
        play("a list in a secret", path, bootstrap, os.environ | aws(moto.url))
