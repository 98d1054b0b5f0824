"""`cargo deny` with deny.toml: bans, licenses and sources; advisories where their database can be fetched.

Run by `./test deny`, with cargo-deny installed.
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.checks import check, finish
from lib.paths import CARGO, DENY_VENV, ROOT, TARGET

CHECKS = ["bans", "licenses", "sources"]
FETCH_TIMEOUT = 60
# A crate that the authorizer uses: banned, it has to be found.
BANNED = "serde"


def deny(*arguments, config=ROOT / "deny.toml"):
    """Runs cargo-deny on the workspace. It resolves dependencies by `cargo metadata`, from Cargo.lock."""
    options = ["--color", "never", "--workspace", "--locked", "--config", config]
    command = [DENY_VENV / "bin/cargo-deny", *options, *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"CARGO": CARGO}, capture_output=True, text=True)


def check_outcome(name, done):
    """cargo-deny closes with `bans ok, licenses ok`."""
    output = done.stdout + done.stderr
    check(f"cargo deny: {name}", done.returncode == 0 and re.search(rf"\b{name} ok\b", output), output[-4000:])


def fetch_advisories():
    """Fetches the database of advisories. Returns why it is not here, or `None`."""
    command = ["timeout", str(FETCH_TIMEOUT), DENY_VENV / "bin/cargo-deny", "fetch", "db"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return (lines or [f"no database within {FETCH_TIMEOUT} s"])[-1].strip() if done.returncode else None


def check_ban_is_found():
    config = TARGET / "tmp/deny-broken.toml"
    text = (ROOT / "deny.toml").read_text()
    broken = text.replace("deny = [\n", f'deny = [\n  {{ name = "{BANNED}" }},\n')
    config.write_text(broken)
    done = deny("check", "bans", config=config)
    found = broken != text and done.returncode and f"crate '{BANNED} = " in done.stdout + done.stderr
    check("a banned crate is found", found, done.stderr[-2000:])


def main():
    for name in CHECKS:
        check_outcome(name, deny("check", name))
    check_ban_is_found()
    ran = list(CHECKS)
    why = fetch_advisories()
    if why is None:
        check_outcome("advisories", deny("check", "advisories"))
        ran.append("advisories")
    else:
        print(f"not checked: advisories ({why})", flush=True)
    print(f"checked: {', '.join(ran)}", flush=True)
    finish()


main()
