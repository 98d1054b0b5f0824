"""What the release `bootstrap` costs in instructions, counted by valgrind, and in memory. Both are repeatable, where
times are not.

A start is counted to its first poll; a call as the difference between many and few, through the Runtime API, log
line included. `echo`, the smallest function with `lambda_runtime`, is counted in the same run.

Run by `./test instructions`: compares with baselines.json and fails beyond its tolerance. `instructions.py --update`
accepts the new figures. Baselines belong to a C library and a valgrind: with others the counts are printed, and the
comparison is skipped.
"""

import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import function
from lib.checks import check, finish, skip
from lib.example import CALLS, deployment, packaged, secrets_manager

BASELINES = pathlib.Path(__file__).with_name("baselines.json")
TOLERANCE = 0.01
# The kernel chooses how many neighbouring pages it maps with one; another kernel may choose otherwise.
MEMORY_TOLERANCE = 0.15
FEW, MANY = 10, 60
# Entries of revocation lists. A decision must not depend on their number.
LISTS = (10, 100_000)


def count(binary, folder, calls=(), environment=()):
    """The instructions from the start to the first poll, or to the last of some calls."""
    wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    sandbox = function.Function(binary, folder, wrapper, environment)
    if not sandbox.server.polled.wait(60):
        raise SystemExit(f"FAILED: no first poll in 60 s: {sandbox.written()[1][-500:]}")
    for event, allowed in calls:
        response = sandbox.invoke(event, 30)
        if allowed is not None and response["isAuthenticated"] != allowed:
            raise SystemExit(f"FAILED: {response}")
    sandbox.server.polled.clear()
    # The last response has been read; the next poll follows at once.
    time.sleep(0.2)
    sandbox.process.send_signal(signal.SIGTERM)
    sandbox.process.wait(30)
    return int(re.search(r"Collected : (\d+)", sandbox.written()[1]).group(1))


def secret_start(binary, folder, environment):
    """Counts a start whose fetch succeeds. Under valgrind, on a busy machine, a fetch may exceed its two seconds."""
    for _ in range(5):
        counted = count(binary, folder, environment=environment)
        if '"event":"keys_changed"' in (folder / "stdout").read_text():
            return counted
    raise SystemExit("FAILED: no fetch under valgrind ended in time; the machine may be busy")


def memory(binary, folder, calls=(), environment=()):
    """Peak resident memory after a start and some calls in kB. The median of some runs, since addresses differ
    between them."""
    peaks = []
    for _ in range(7):
        sandbox = function.Function(binary, folder, (), environment)
        sandbox.server.polled.wait(60)
        for event, _ in calls:
            sandbox.invoke(event, 30)
        status = pathlib.Path(f"/proc/{sandbox.process.pid}/status").read_text()
        peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status).group(1)))
        sandbox.end()
    return sorted(peaks)[3]


def per_call(binary, folder, call):
    few, many = (count(binary, folder, [call] * calls) for calls in (FEW, MANY))
    return (many - few) // (MANY - FEW)


def measure(binary, floor):
    found = {}
    with packaged() as folder:
        found["start: echo"] = count(floor, folder)
        found["start: the example"] = count(binary, folder)
    with deployment() as folder:
        calls = [make() for make in CALLS.values()]
        found["memory: echo"] = memory(floor, folder, [(event, None) for event, _ in calls])
        found["memory: bundled keys"] = memory(binary, folder, calls)
        found["start: keys of two kinds"] = count(binary, folder)
        found["call: echo"] = per_call(floor, folder, (CALLS["RS256"]()[0], None))
        for name, make in CALLS.items():
            found[f"call: {name}"] = per_call(binary, folder, make())
    for entries in LISTS:
        with deployment(revoked=entries) as folder:
            found[f"start: {entries:,} revoked subjects"] = count(binary, folder)
            found[f"memory: {entries:,} revoked subjects"] = memory(binary, folder, [CALLS["RS256"]()])
            found[f"call: RS256, {entries:,} revoked subjects"] = per_call(binary, folder, CALLS["RS256"]())
    with deployment("secret:keys") as folder, secrets_manager() as environment:
        found["start: a secret, plain loopback"] = secret_start(binary, folder, environment)
        found["memory: a secret, plain loopback"] = memory(binary, folder, [CALLS["RS256"]()], environment)
    return found


def machine():
    """What the counts depend on besides our code. Valgrind presents all processors with AVX2 alike."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return " ".join([platform.machine(), os.confstr("CS_GNU_LIBC_VERSION"), valgrind])


def main():
    paths = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    found = measure(paths[0] if paths else function.build(), paths[1] if len(paths) > 1 else function.build("echo"))
    if "--update" in sys.argv:
        BASELINES.write_text(json.dumps({"machine": machine(), "figures": found}, indent=2) + "\n")
    baselines = json.loads(BASELINES.read_text())
    known, comparable = baselines["figures"], baselines["machine"] == machine()
    for name, figure in found.items():
        kind = name.split(":")[0]
        echo, unit = found[f"{kind}: echo"], "kB" if kind == "memory" else "instructions"
        ratio = figure / known[name]
        text = f"{name}: {figure:,} {unit}, {figure / echo:.2f} of echo's, {figure - echo:+,} more; {ratio:.4f} of the baseline"
        if comparable:
            limit = 1 + (MEMORY_TOLERANCE if kind == "memory" else TOLERANCE)
            check(text, ratio <= limit, f"the limit is {limit}")
        else:
            print(text, flush=True)
    if not comparable:
        skip("the comparison with the baselines", f"they are of {baselines['machine']}, and this is {machine()}")
    finish()


if __name__ == "__main__":
    main()
