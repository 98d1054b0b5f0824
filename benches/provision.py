"""Start, memory, size and warm time of each function of `provision/` beside the echo function, in one run.

Run by hand: `target/test-venv/bin/python benches/provision.py [ROUNDS]`. The starts are interleaved. The event is one
that the function denies without a call of AWS, so the time is the function's own. Prints medians as a table.
"""

import pathlib
import re
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/outside"))
from lib.function import Function, build

HANDLERS = ["jitr", "claim", "hook", "attach"]
WARM_EVENTS = 200


def kilobytes(process, name):
    """A size of a process in KiB, such as VmHWM, its peak memory."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", status, re.M)[1])


def measure(program, handler, folder):
    """Milliseconds to the first poll and of the first event, microseconds of a warm one, and KiB at the peak."""
    environment = {"_HANDLER": handler, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    start = time.perf_counter()
    function = Function(program, folder, environment=environment)
    try:
        if not function.server.polled.wait(10):
            raise SystemExit(f"FAILED: {handler} did not start: {function.written()[1]}")
        polled = time.perf_counter()
        function.invoke(b"{}")
        first = time.perf_counter()
        warm = []
        for _ in range(WARM_EVENTS):
            before = time.perf_counter()
            function.invoke(b"{}")
            warm.append(time.perf_counter() - before)
        return (polled - start) * 1e3, (first - polled) * 1e3, statistics.median(warm) * 1e6, kilobytes(function.process, "VmHWM")
    finally:
        function.end()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    provision, echo = build("iot-provision"), build("echo")
    measured = {name: [] for name in ["echo", *HANDLERS]}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for part in ("provision.toml", "devices.csv"):
            if (ROOT / "provision" / part).exists():
                (folder / part).write_text((ROOT / "provision" / part).read_text())
        for _ in range(rounds):
            for name, results in measured.items():
                results.append(measure(echo if name == "echo" else provision, name, folder))
    print(f"sizes: echo {pathlib.Path(echo).stat().st_size:,} bytes, iot-provision {pathlib.Path(provision).stat().st_size:,} bytes\n")
    print("| function | start to first poll, ms | of echo | first event, ms | warm event, us | of echo | peak memory, KiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    medians = {name: [statistics.median(column) for column in zip(*results)] for name, results in measured.items()}
    for name, (start, first, warm, memory) in medians.items():
        of_start, of_warm = start / medians["echo"][0], warm / medians["echo"][2]
        print(f"| {name} | {start:.1f} | {of_start:.2f} | {first:.1f} | {warm:.0f} | {of_warm:.2f} | {memory:,.0f} |")


if __name__ == "__main__":
    main()
