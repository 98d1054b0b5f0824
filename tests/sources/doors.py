"""Tokens of real issuers through the front door: `cargo local --keep-keys`, with paho from outside over WebSocket."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import jwt

from issuers import ALGORITHMS, Cognito, discovered, forged
from sandbox import ROOT, check, deploy


class FrontDoor:
    """`cargo local` with a deployment whose key sources it keeps. `with` ends it, and the sandboxes that it has started."""

    def __init__(self, folder, config, bootstrap):
        command = [os.environ.get("CARGO", "cargo"), "run", "--quiet", "--locked", "--package", "iot-local", "--",
                   "--keep-keys", "--config", str(config), "--port", "0", *(["--bootstrap", bootstrap] if bootstrap else [])]
        self.out = folder / "front-door"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self):
        end = time.monotonic() + 1200
        while not (found := re.search(r"ws://127\.0\.0\.1:(\d+)", self.written())):
            if self.process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise SystemExit(f"FAILED: cargo local did not start: {self.written()[-2000:]}")
            time.sleep(0.1)
        self.port = found[1]
        return self

    def written(self):
        return self.out.read_text(errors="replace")

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        except ProcessLookupError:
            pass


def paho(door, token, allowed, refused, client_id):
    client = ROOT / "tests/clients/refused.py"
    return subprocess.run([sys.executable, client, door.port, token, allowed, refused, client_id], capture_output=True, text=True, timeout=60)


def front_door(moto, provider, stranger, bootstrap):
    """Each token connects, publishes what is its own, and loses its connection over what is not; others do not connect at all."""
    pool, other = Cognito(moto), Cognito(moto)
    with tempfile.TemporaryDirectory(dir=ROOT / "target/tmp") as folder:
        folder = pathlib.Path(folder)
        config = deploy(folder, pool.issuer("access"), discovered(provider))
        with FrontDoor(folder, config, bootstrap) as door:
            tokens = {"Cognito's access token": pool.access}
            tokens |= {f"oidc-provider's {algorithm} token": provider.token(algorithm) for algorithm in ALGORITHMS}
            for title, token in tokens.items():
                client_id = f"{subject(token)}/py"
                run = paho(door, token, f"acme/{subject(token)}/hello", "acme/ben/hello", client_id)
                check(f"{title} connects, publishes its own topic, and is cut off over a foreign one", run.returncode == 0, told(run, door))
            for title, token, client_id in [
                ("Cognito's ID token", pool.id, None), ("another pool's token", other.access, None), ("a forged token", forged(pool.access), None),
                ("another provider's token", stranger.token("ES256"), None), ("somebody else's client id", provider.token("ES256"), "ben/py"),
            ]:
                run = paho(door, token, "acme/alice/hello", "acme/ben/hello", client_id or f"{subject(token)}/py")
                check(f"{title} does not connect", "not connected: ['Not authorized'" in run.stderr, told(run, door))
            leaked = [title for title, token in tokens.items() if token[-40:] in door.written()]
            check("no token stands in what it prints", not leaked, leaked)


def subject(token):
    return jwt.decode(token, options={"verify_signature": False})["sub"]


def told(run, door):
    return f"exit {run.returncode}\n{run.stdout}{run.stderr}{door.written()[-1500:]}"
