"""Tokens of real issuers through the local gateway: `cargo local --keep-keys`, with paho over WebSocket."""

import pathlib
import subprocess
import sys
import tempfile

import jwt

from issuers import ALGORITHMS, Cognito, discovered, forged
from lib.checks import check
from lib.gateway import Gateway
from lib.paths import ROOT, TEMPORARY
from sandbox import deploy

PAHO_CLIENT = ROOT / "tests/outside/lib/paho_client.py"


def paho(gateway, token, allowed, denied, client_id):
    command = [sys.executable, PAHO_CLIENT, gateway.port, token, allowed, denied, client_id]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def gateway_with_issuers(moto, provider, other_provider, bootstrap):
    """Valid tokens connect, publish to their own topic, and are disconnected for another topic. Other tokens do not
    connect."""
    pool, other_pool = Cognito(moto), Cognito(moto)
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        config = deploy(pathlib.Path(folder), pool.issuer("access"), discovered(provider))
        with Gateway("--keep-keys", "--config", str(config), bootstrap=bootstrap) as gateway:
            tokens = {"Cognito's access token": pool.access}
            tokens |= {f"oidc-provider's {algorithm} token": provider.token(algorithm) for algorithm in ALGORITHMS}
            for title, token in tokens.items():
                client_id = f"{subject(token)}/py"
                run = paho(gateway, token, f"acme/{subject(token)}/hello", "acme/ben/hello", client_id)
                check(f"{title} connects, publishes to its own topic, and is disconnected for another", run.returncode == 0, outcome(run, gateway))
            for title, token, client_id in [
                ("Cognito's ID token", pool.id, None), ("another pool's token", other_pool.access, None), ("a forged token", forged(pool.access), None),
                ("another provider's token", other_provider.token("ES256"), None), ("another user's client id", provider.token("ES256"), "ben/py"),
            ]:
                run = paho(gateway, token, "acme/alice/hello", "acme/ben/hello", client_id or f"{subject(token)}/py")
                check(f"{title} does not connect", "not connected: ['Not authorized'" in run.stderr, outcome(run, gateway))
            leaked = [title for title, token in tokens.items() if token[-40:] in gateway.output()]
            check("no token is in its output", not leaked, leaked)


def subject(token):
    return jwt.decode(token, options={"verify_signature": False})["sub"]


def outcome(run, gateway):
    return f"exit {run.returncode}\n{run.stdout}{run.stderr}{gateway.output()[-1500:]}"
