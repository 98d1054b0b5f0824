"""Keys from real services: Secrets Manager, Cognito, an OpenID Connect issuer, and TLS as it can go wrong.

The release `bootstrap` behind a Runtime API, with moto and oidc-provider on loopback. Run by ./test, with both installed;
`sources.py BOOTSTRAP` tests one that is built. Prints one line for each check and a closing line; exits 1 if any failed.
"""

import shutil
import sys
import tempfile
import time

import secrets_manager
from function import build
from sandbox import ROOT, Sandbox, failed, passed, skipped
from servers import Moto, Provider


def timed(title, test, *arguments):
    start = time.monotonic()
    test(*arguments)
    print(f"{title}: {time.monotonic() - start:.0f} s", flush=True)


def main():
    (ROOT / "target").mkdir(exist_ok=True)
    Sandbox.binary = sys.argv[1] if len(sys.argv) > 1 else build(ROOT)
    moto = Moto()
    try:
        timed("the forms of a secret", secrets_manager.forms, moto)
        timed("its stages", secrets_manager.stages, moto)
        timed("its troubles", secrets_manager.troubles, moto)
        timed("where it is", secrets_manager.settings, moto)
        timed("Secrets Manager away", secrets_manager.away, Moto)
        timed("rotation", secrets_manager.rotation, moto)
    finally:
        moto.end()
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(bool(failed))


main()
