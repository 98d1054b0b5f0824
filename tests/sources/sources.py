"""Keys from real services: Secrets Manager, Cognito, an OpenID Connect issuer, and TLS as it can go wrong.

The release `bootstrap` behind a Runtime API, with moto and oidc-provider on loopback. Run by ./test, with both installed;
`sources.py BOOTSTRAP` tests one that is built. Prints one line for each check and a closing line; exits 1 if any failed.
"""

import shutil
import sys
import time

import doors
import issuers
import refreshes
import rotation
import secrets_manager
import tls
from function import build
from sandbox import ROOT, Sandbox, failed, passed, skipped
from servers import HERE, Moto, Provider


def timed(title, test, *arguments):
    start = time.monotonic()
    test(*arguments)
    print(f"{title}: {time.monotonic() - start:.0f} s", flush=True)


def without_node(moto):
    timed("the forms of a secret", secrets_manager.forms, moto)
    timed("its stages", secrets_manager.stages, moto)
    timed("its troubles", secrets_manager.troubles, moto)
    timed("where it is", secrets_manager.settings, moto)
    timed("Secrets Manager away", secrets_manager.away, Moto)
    timed("rotation", rotation.rotation, moto)
    timed("stages that move during a fetch", rotation.overtaken, moto)
    timed("Cognito", issuers.cognito, moto)
    timed("TLS", tls.certificates, moto)
    timed("a key server that hangs", refreshes.hang)
    timed("a sandbox that is frozen", refreshes.freeze)


def with_node(moto):
    if not shutil.which("node") or not (HERE / "node_modules").is_dir():
        for name in ("tokens of oidc-provider", "tokens of real issuers through the front door"):
            print(f"skipped: {name} (no Node here, or oidc-provider is not installed)")
            skipped.append(name)
        return
    providers = []
    try:
        providers += [Provider("iot-gateway")]
        providers += [Provider("iot-gateway")]
        timed("oidc-provider", issuers.provider, *providers)
        timed("the front door", doors.front_door, moto, *providers, Sandbox.binary)
    finally:
        for provider in providers:
            provider.end()


def main():
    (ROOT / "target/tmp").mkdir(parents=True, exist_ok=True)
    Sandbox.binary = sys.argv[1] if len(sys.argv) > 1 else build(ROOT)
    moto = Moto()
    try:
        without_node(moto)
        with_node(moto)
    finally:
        moto.end()
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(bool(failed))


main()
