"""A kit of 1,000 devices: made by `cargo local kit`, registered by AWS's bulk task, and each certificate connects.

Run by `./test certificates`.
"""

import json
import pathlib
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import ACCOUNT, control_plane
from lib.checks import check, finish
from lib.gateway import command_line
from lib.paths import ROOT

COUNT = 1000
POLICY = ROOT / "local/cli/src/demo/kitting.json"
TASK_SECONDS = 600
ACCEPTED = b"\x20\x02\x00\x00"


def kit(plane, *arguments):
    line = command_line("kit", *arguments, "--out", str(plane.folder / "kit"))
    done = subprocess.run(line, cwd=plane.folder, capture_output=True, text=True, timeout=TASK_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def register(plane, folder):
    """Runs the bulk task to its end. Returns its counts and the file of its results."""
    iot, bucket = plane.client("iot"), plane.folder / ".iot-local/buckets/kit"
    bucket.mkdir(parents=True)
    (bucket / "devices.json").write_bytes((folder / "devices.json").read_bytes())
    task = iot.start_thing_registration_task(
        templateBody=(folder / "template.json").read_text(), inputFileBucket="kit", inputFileKey="devices.json",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/kit")["taskId"]
    deadline = time.monotonic() + TASK_SECONDS
    while (described := iot.describe_thing_registration_task(taskId=task))["status"] == "InProgress":
        assert time.monotonic() < deadline, described
        time.sleep(0.2)
    counts = [described.get(name, 0) for name in ("successCount", "failureCount")]
    return described["status"], counts, plane.folder / f".iot-local/reports/{task}/results.json"


def connect_packet(client_id):
    """A CONNECT of MQTT 3.1.1 with a clean session (section 3.1)."""
    body = b"\x00\x04MQTT\x04\x02\x00\x1e" + len(client_id).to_bytes(2) + client_id.encode()
    return bytes([0x10, len(body)]) + body


def connack(plane, name, certificate):
    """What the gateway answers to a CONNECT: nothing, if it closes the connection."""
    tls = ssl.create_default_context(cafile=plane.gateway.authority)
    folder = plane.folder / "kit"
    tls.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key.pem")
    with socket.create_connection(("localhost", int(plane.gateway.mqtts_port)), timeout=60) as plain:
        with tls.wrap_socket(plain, server_hostname="localhost") as stream:
            stream.sendall(connect_packet(name))
            return stream.recv(4)


def main():
    with control_plane() as plane:
        plane.client("iot").create_policy(policyName="device", policyDocument=POLICY.read_text())
        line = ("--count", str(COUNT), "--name", "dev-${n}")
        start = time.monotonic()
        kit(plane, *line)
        made = time.monotonic() - start
        folder = plane.folder / "kit"
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        kit(plane, *line)
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        check(f"a second run for {COUNT} devices makes nothing", before == after)

        start = time.monotonic()
        status, counts, results = register(plane, folder)
        registered = time.monotonic() - start
        check("the task registers all", (status, counts) == ("Completed", [COUNT, 0]), f"{status} {counts}")
        kit(plane, "--results", str(results))

        names = [json.loads(line)["ThingName"] for line in before["devices.json"].splitlines()]
        start = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda name: connack(plane, name, name), names))
        connected = time.monotonic() - start
        check("every certificate connects", answers == [ACCEPTED] * COUNT, f"{answers.count(ACCEPTED)} of {COUNT}")
        strangers = [connack(plane, name, other) for name, other in zip(names[:20], names[1:21])]
        check("no certificate connects as another device", strangers == [b""] * 20, strangers)
        print(f"{COUNT} devices: made in {made:.1f} s, registered in {registered:.1f} s, connected in {connected:.1f} s", flush=True)
    finish()


if __name__ == "__main__":
    main()
