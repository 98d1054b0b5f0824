"""From nothing to a real client with a token of one's own issuer, in a folder that `cargo local init` writes: check,
serve with the issuer's keys, a real token, a client, and the package. Prints the seconds of each step."""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

from issuers import Cognito
from lib.checks import check
from lib.gateway import Gateway, program
from lib.paths import ROOT, TEMPORARY
from servers import Provider

PAHO_CLIENT = ROOT / "tests/outside/lib/paho_client.py"
MQTTJS_CLIENT = ROOT / "tests/outside/clients/mqttjs_client.mjs"
USER = "5f0e0d0c-0000-4000-8000-00000000a11a"


class Steps:
    """The steps of one provider, in a folder outside of the checkout."""

    def __init__(self, title, folder):
        self.title, self.folder, self.seconds = title, folder, []

    def timed(self, name, action):
        start = time.monotonic()
        result = action()
        self.seconds.append((name, time.monotonic() - start))
        return result

    def run(self, name, *arguments, expected=0, cwd=None):
        """Runs a command of `cargo local` in the folder, and returns its output."""
        command = [program(), *arguments]
        done = self.timed(name, lambda: subprocess.run(command, cwd=cwd or self.folder, capture_output=True, text=True, timeout=120))
        check(f"{self.title}: {name}", done.returncode == expected, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def edit(self, old, new):
        path = self.folder / "authorizer.toml"
        text = path.read_text()
        check(f"{self.title}: the configuration has `{old[:40]}`", old in text, text)
        path.write_text(text.replace(old, new))

    def connect(self, bootstrap, token, own, foreign, client_id, others):
        """A real token connects and publishes to its own topic; `others` are titles and tokens that do not connect."""
        gateway = self.timed("serve", lambda: Gateway("--keep-keys", bootstrap=bootstrap, cwd=self.folder))
        with gateway:
            arguments = [gateway.port, token, own, foreign]
            clients = {
                "mqtt.js": ["node", MQTTJS_CLIENT, *arguments, "#", client_id],
                "paho": [sys.executable, PAHO_CLIENT, *arguments, client_id],
            }
            for name, command in clients.items():
                run = self.timed(name, lambda: subprocess.run(command, capture_output=True, text=True, timeout=60))
                detail = f"{run.stdout}{run.stderr}{gateway.output()[-1500:]}"
                check(f"{self.title}: {name} connects with a real token, and publishes to its own topic only", run.returncode == 0, detail)
            for title, other in others:
                command = [sys.executable, PAHO_CLIENT, gateway.port, other, own, foreign, client_id]
                run = subprocess.run(command, capture_output=True, text=True, timeout=60)
                denied = "not connected: ['Not authorized'" in run.stderr
                check(f"{self.title}: {title} does not connect", denied, f"{run.stdout}{run.stderr}{gateway.output()[-1500:]}")
            check(f"{self.title}: no token is in the output of the gateway", token[-40:] not in gateway.output())

    def package(self, bootstrap):
        text = self.run("package", "package", "--bootstrap", bootstrap)
        check(f"{self.title}: the zip is in the folder", re.search(r"CodeSha256", text) and list(self.folder.glob("target/package/*.zip")), text)

    def report(self):
        total = sum(seconds for _, seconds in self.seconds)
        steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds)
        print(f"    {self.title}: {total:.1f} s: {steps}", flush=True)


def cognito(moto, bootstrap):
    """A user pool, and a user who logs in with a password."""
    pool, other = Cognito(moto), Cognito(moto)
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as parent:
        steps = Steps("init --cognito", pathlib.Path(parent) / "authorizer")
        name = pool.name.rsplit("/", 1)[1]
        steps.run("init", "init", "authorizer", "--cognito", name, "--client", pool.client_id, cwd=parent)
        steps.run("check", "check")
        # moto serves the key set at its own address, which is all that differs from a pool on AWS.
        steps.edit('"oidc"', f'"{pool.keys}"')
        steps.run("check again", "check")
        own = f"users/{pool.subject}/hello"
        others = [("the ID token", pool.id), ("a token of another pool", other.access)]
        steps.connect(bootstrap, pool.access, own, "users/ben/hello", pool.subject, others)
        steps.package(bootstrap)
        steps.report()


def keycloak(bootstrap):
    """An issuer at a realm's address, whose tokens have the members of Keycloak's."""
    with Provider("iot-core", "keycloak") as realm, Provider("iot-core", "keycloak") as other, \
            tempfile.TemporaryDirectory(dir=TEMPORARY) as parent:
        steps = Steps("init --keycloak", pathlib.Path(parent) / "authorizer")
        steps.run("init", "init", "authorizer", "--keycloak", realm.url, "--fetch", cwd=parent)
        steps.run("check", "check")
        own = f"acme/users/{USER}/hello"
        token = realm.token("RS256")
        others = [("a token of another realm", other.token("RS256")), ("a token of another API", realm.token("RS256", "other-api"))]
        steps.connect(bootstrap, token, own, "acme/users/ben/hello", USER, others)
        steps.package(bootstrap)
        steps.report()
        wrong = Steps("init --keycloak", pathlib.Path(parent) / "wrong")
        text = wrong.run("another realm's address is noticed", "init", "wrong", "--keycloak", f"{realm.url}2", "--fetch", expected=2, cwd=parent)
        check("nothing is written then", "nothing was written" in text and not wrong.folder.exists(), text)
