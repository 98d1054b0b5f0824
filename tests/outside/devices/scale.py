"""A gateway with 10 and with 10,000 registered devices: the seconds of its start, its memory, and the milliseconds of a
CONNECT, of a call that reads and of one that changes something. Fails if one of the calls of a large registry takes five
times that of the small one, which is what a search through all devices would do.

A command, no part of `./test`: `IOT_LOCAL=target/debug/iot-local target/test-venv/bin/python
tests/outside/devices/scale.py`. `cargo run -p iot-local-cloud --example scale` has the times without HTTP.
"""

import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import kit
from control_plane import ControlPlane, control_plane
from lib.checks import check, finish
from lib.gateway import Gateway

SIZES = (10, 10_000)
SAMPLES = 200
TOLERATED_RATIO = 5


def milliseconds(call, arguments):
    """The median time of a call."""
    times = []
    for argument in arguments:
        start = time.perf_counter()
        call(argument)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def memory_mib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def connect(plane, name):
    assert kit.connack(plane, name, name) == kit.ACCEPTED, name


def measure(size):
    with control_plane() as plane:
        plane.client("iot").create_policy(policyName="device", policyDocument=kit.POLICY.read_text())
        kit.kit(plane, "--count", str(size), "--name", "dev-${n}")
        status, counts, results = kit.register(plane, plane.folder / "kit")
        assert (status, counts) == ("Completed", [size, 0]), counts
        kit.kit(plane, "--results", str(results))
        plane.gateway.end()
        start = time.monotonic()
        with Gateway("--config", str(plane.folder / "authorizer.toml")) as gateway:
            seconds = time.monotonic() - start
            return {"start, s": seconds, "memory, MiB": memory_mib(gateway.process)} | calls(ControlPlane(plane.folder, gateway), size)


def calls(plane, size):
    width = len(str(size))
    names = [f"dev-{number % size + 1:0{width}}" for number in range(0, SAMPLES * 37, 37)]
    iot = plane.client("iot")
    return {
        "CONNECT, ms": milliseconds(lambda name: connect(plane, name), names),
        "DescribeThing, ms": milliseconds(lambda name: iot.describe_thing(thingName=name), names),
        "UpdateThing, ms": milliseconds(
            lambda name: iot.update_thing(thingName=name, attributePayload={"attributes": {"site": "berlin"}}), names),
        "ListAttachedPolicies, ms": milliseconds(
            lambda name: iot.list_attached_policies(target=iot.list_thing_principals(thingName=name)["principals"][0]), names),
    }


def main():
    small, large = (measure(size) for size in SIZES)
    print(f"| | {SIZES[0]:,} devices | {SIZES[1]:,} devices |\n| --- | --- | --- |")
    for name in small:
        print(f"| {name} | {small[name]:.2f} | {large[name]:.2f} |", flush=True)
    for name in (name for name in small if name.endswith(", ms")):
        check(f"{name.removesuffix(', ms')} is as fast in a large registry", large[name] < TOLERATED_RATIO * small[name])
    finish()


if __name__ == "__main__":
    main()
