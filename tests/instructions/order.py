"""Writes bootstrap.order: the functions that starts and calls run, and after them what fetches keys. The linker puts them side by side (build.rs).

`order.py` builds a `bootstrap` whose functions still have their names, plays starts and calls under valgrind, and writes the file. To be run when
what a start or a call does has changed much; the gate on memory says when.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from instructions import CALLS, ROOT, deployment, function, secrets_manager

ORDER = ROOT / "bootstrap.order"
# Cargo names the functions of another profile by another hash, so it is not told: the compiler's wrapper leaves the names where they are.
KEEP_NAMES = """#!/bin/sh
for argument; do
    shift
    [ "$argument" = strip=symbols ] && argument=strip=none
    set -- "$@" "$argument"
done
exec "$@"
"""


def build():
    """The build that is packed, with its names."""
    target = ROOT / "target/order"
    target.mkdir(parents=True, exist_ok=True)
    wrapper = target / "keep-names"
    wrapper.write_text(KEEP_NAMES)
    wrapper.chmod(0o755)
    command = [function.CARGO, "build", "--release", "--locked", "-p", "iot-jwt-authorizer", "--bin", "bootstrap"]
    command += ["--target-dir", target, "--message-format", "json"]
    environment = os.environ | {"CARGO_ENCODED_RUSTFLAGS": function.flags(ROOT), "RUSTC_WRAPPER": str(wrapper)}
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    messages = map(json.loads, built.stdout.splitlines())
    return next(message["executable"] for message in messages if message.get("executable"))


def run(binary, folder, calls=(), environment=()):
    """The names of what ran, in order."""
    with tempfile.NamedTemporaryFile() as profile:
        under = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={profile.name}"]
        sandbox = function.Function(binary, folder, under, environment)
        sandbox.server.polled.wait(60)
        for call in calls:
            sandbox.ask(call, 30)
        time.sleep(0.2)
        sandbox.process.send_signal(signal.SIGTERM)
        sandbox.process.wait(30)
        text = pathlib.Path(profile.name).read_text()
    return [name.split("'")[0].strip() for name in re.findall(r"^c?fn=\(\d+\) (.*)$", text, re.M)]


def spread(lists, sizes):
    """One list of several, each strewn evenly over all of it."""
    places = []
    for names in lists:
        whole, at = sum(sizes[name] for name in names), 0
        for name in names:
            places.append((at / whole, name))
            at += sizes[name]
    return [name for _, name in sorted(places)]


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else build()
    symbols = subprocess.run(["nm", "--defined-only", "--print-size", binary], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in symbols.splitlines()]
    sizes = {row[-1]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tTwW"}
    with deployment() as folder:
        start = run(binary, folder)
        calls = run(binary, folder, [make()[0] for make in CALLS.values()])
    with deployment("secret:keys") as folder, secrets_manager() as environment:
        fetch = run(binary, folder, [CALLS["RS256"]()[0]], environment)
    parts, named = [], set()
    for part in (start, calls, fetch):
        parts.append([name for name in dict.fromkeys(part) if name in sizes and name not in named])
        named.update(parts[-1])
    # A page that is touched brings its neighbours along: what a start touches is to bring what the first call runs.
    order = spread(parts[:2], sizes) + parts[2]
    ORDER.write_text("\n".join(order) + "\n")
    print(f"{len(order)} of {len(sizes)} functions run; {ORDER.name} names them")


main()
