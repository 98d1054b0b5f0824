"""Instructions from the start of the release `bootstrap` to its first poll, counted by valgrind: they repeat, where times do not.

`tests/instructions/instructions.py [--update]` compares with `baselines.json`; --update accepts what it finds.
"""

import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/differential"))
import function  # noqa: E402

BASELINES = pathlib.Path(__file__).with_name("baselines.json")
# Kernel and C library of another machine move the count by some thousand: the vDSO and the dynamic linker are in it.
TOLERANCE = 0.03


def start(binary, root):
    """Counts one start with the deployment in `root`: it is ended when it has asked for its first event."""
    sandbox = function.Function(binary, root, under=["valgrind", "--tool=callgrind", f"--callgrind-out-file={root}/callgrind.out"])
    if not sandbox.server.polled.wait(60):
        raise SystemExit(f"FAILED: no first poll in 60 s: {sandbox.written()[1][-500:]}")
    sandbox.process.send_signal(signal.SIGTERM)
    sandbox.process.wait(30)
    return int(re.search(r"Collected : (\d+)", sandbox.written()[1]).group(1))


def example(folder):
    """The shipped example: its keys are bundled."""
    for part in ("policies", "keys"):
        subprocess.run(["cp", "-r", ROOT / part, folder], check=True)
    (folder / "authorizer.toml").write_text((ROOT / "authorizer.toml").read_text())


def main():
    binary = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None) or function.build(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        example(folder)
        found = {"start with bundled keys": start(binary, folder)}
    if "--update" in sys.argv:
        BASELINES.write_text(json.dumps(found, indent=2) + "\n")
    known = json.loads(BASELINES.read_text())
    bad = 0
    for name, count in found.items():
        ratio = count / known[name]
        good = ratio <= 1 + TOLERANCE
        bad += not good
        print(f"{'ok' if good else 'FAILED'}: {name}: {count:,} instructions, {ratio:.3f} of the baseline")
    print(f"{len(found) - bad} passed, {bad} failed, 0 skipped")
    sys.exit(bool(bad))


main()
