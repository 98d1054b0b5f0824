"""Keys from real services: Secrets Manager, Cognito, an OpenID Connect issuer, and TLS errors.

The release `bootstrap` behind a Runtime API, with moto and oidc-provider on loopback. Run by `./test sources`, with
both installed; `sources.py BOOTSTRAP` tests a built one.
"""

import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import gateway
import issuers
import own_issuer
import refreshes
import revocation
import rotation
import secrets_manager
import tls
from lib.checks import finish, skip
from lib.function import build
from sandbox import Sandbox
from servers import HERE, Moto, Provider


def timed(title, test, *arguments):
    start = time.monotonic()
    test(*arguments)
    print(f"{title}: {time.monotonic() - start:.0f} s", flush=True)


def without_node(moto):
    timed("the forms of a secret", secrets_manager.forms, moto)
    timed("its stages", secrets_manager.stages, moto)
    timed("its errors", secrets_manager.errors, moto)
    timed("its endpoint and Region", secrets_manager.settings, moto)
    timed("its replica in another Region", secrets_manager.replicas, moto)
    timed("an outage of Secrets Manager", secrets_manager.outage, Moto)
    timed("rotation", rotation.rotation, moto)
    timed("stages that move during a fetch", rotation.stages_move_during_fetch, moto)
    timed("Cognito", issuers.cognito, moto)
    timed("TLS", tls.certificates, moto)
    timed("a key server that hangs", refreshes.hang)
    timed("a sandbox that is frozen", refreshes.freeze)


def with_node(moto):
    installed = all((folder / "node_modules").is_dir() for folder in (HERE, HERE.parent / "clients"))
    if not shutil.which("node") or not installed:
        for title in (
            "tokens of oidc-provider", "tokens of real issuers through the local gateway", "a folder of one's own for Cognito",
            "a folder of one's own for Keycloak", "a revoked person",
        ):
            skip(title, "Node is missing, or oidc-provider is not installed")
        return
    with Provider("iot-gateway") as provider, Provider("iot-gateway") as other:
        timed("oidc-provider", issuers.provider, provider, other)
        timed("a folder of one's own for Cognito", own_issuer.cognito, moto, Sandbox.binary)
        timed("a folder of one's own for Keycloak", own_issuer.keycloak, Sandbox.binary)
        timed("a revoked person", revocation.revocation, moto, Sandbox.binary)
        timed("the local gateway", gateway.gateway_with_issuers, moto, provider, other, Sandbox.binary)


def main():
    Sandbox.binary = sys.argv[1] if len(sys.argv) > 1 else build()
    with Moto() as moto:
        without_node(moto)
        with_node(moto)
    finish()


main()
