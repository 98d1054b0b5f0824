"""Start, memory, size and warm time of the provisioning functions, beside the echo function in the same run.

    python3 benches/functions.py [STARTS]

Builds both programs with the release profile. A start is from the process to its first request for an event; a warm call
is one that is decided without a call of AWS, log line included. Prints the table of docs/deploy-provision.md.
"""

import json
import pathlib
import re
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/outside"))
from lib import function

CALLS = 200
SETTINGS = {
    "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "example",
}
# The handler, and an event that is denied without a call.
EVENTS = {
    "jitr": {
        "certificateId": "0" * 64, "caCertificateId": "f" * 64, "certificateStatus": "PENDING_ACTIVATION", "awsAccountId": "123456789012",
    },
    "claim": {"id": "sensor-1", "topic": "bootstrap/sensor-1/request", "client_id": "bootstrap-1"},
    "hook": {"parameters": {"SerialNumber": "sensor-1"}},
    "attach": {},
}


def started(binary, folder, handler):
    """A running function, and the milliseconds until it asks for its first event."""
    environment = SETTINGS | ({"_HANDLER": handler} if handler else {})
    start = time.perf_counter()
    sandbox = function.Function(binary, folder, environment=environment)
    if not sandbox.server.polled.wait(30):
        raise SystemExit(f"FAILED: no first poll: {sandbox.written()[1][-500:]}")
    return sandbox, (time.perf_counter() - start) * 1000


def measure(binary, folder, handler, event, starts):
    """Medians: milliseconds of a start, kB of memory after some calls, milliseconds of a warm call."""
    times, memory, warm = [], [], []
    body = json.dumps(event).encode()
    for _ in range(starts):
        sandbox, milliseconds = started(binary, folder, handler)
        times.append(milliseconds)
        sandbox.invoke(body)
        for _ in range(CALLS // starts):
            start = time.perf_counter()
            sandbox.invoke(body)
            warm.append((time.perf_counter() - start) * 1000)
        status = pathlib.Path(f"/proc/{sandbox.process.pid}/status").read_text()
        memory.append(int(re.search(r"VmHWM:\s+(\d+)", status)[1]))
        sandbox.end()
    return tuple(map(statistics.median, (times, memory, warm)))


def main():
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    echo, program = function.build("echo"), function.build("iot-provision")
    print("| function | start | memory | warm call | program |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ("provision.toml", "devices.csv"):
            shutil.copy(ROOT / "provision" / name, folder)
        for name, binary, handler, event in [("echo", echo, None, {}), *((name, program, name, event) for name, event in EVENTS.items())]:
            start, memory, warm = measure(binary, folder, handler, event, starts)
            size = pathlib.Path(binary).stat().st_size
            print(f"| `{name}` | {start:.1f} ms | {memory / 1024:.1f} MB | {warm:.2f} ms | {size / 1e6:.1f} MB |", flush=True)


main()
