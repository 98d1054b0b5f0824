"""`cargo local package --provision`: the contents of the package, and each function's response in AWS's Runtime Interface
Emulator to events that need no call."""

import shutil
import subprocess
import urllib.error
import zipfile

import emulator
from lib.checks import check
from lib.paths import CARGO, ROOT

SHIPPED = ["bootstrap", "devices.csv", "provision.toml"]
CA = "f" * 64
# AWS's settings, which a function in Lambda has. Nothing listens there.
ENVIRONMENT = {
    "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "example",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
}


def denied(code):
    return {"status": "denied", "code": code}


# The handler, an event that is denied without a call, and the response.
EVENTS = [
    ("jitr", {}, denied("malformed_event")),
    ("jitr", {
        "certificateId": "0" * 64, "caCertificateId": CA, "certificateStatus": "PENDING_ACTIVATION", "awsAccountId": "012345678912",
    }, denied("unknown_authority")),
    ("claim", {"id": "a/b", "topic": "other/a/request"}, denied("unknown_topic")),
    ("hook", {"parameters": {}}, {"allowProvisioning": False}),
    ("attach", {"identityId": "us-east-1:00000000-0000-4000-8000-000000000000"}, denied("no_identity")),
]


def deployment(folder):
    """Writes the shipped example, with files that the functions do not read."""
    shutil.copytree(ROOT / "provision", folder, ignore=lambda *_: ["src", "tests", "cases", "Cargo.toml"])
    return folder / "provision.toml"


def package(architecture, config, out, options, environment):
    command = [CARGO, "local", "package", "--provision", "--arch", architecture, "--config", config, "--out", out, *options]
    packaged = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    if packaged.returncode:
        raise SystemExit(f"FAILED: cargo local package --provision for {architecture} exits {packaged.returncode}: {packaged.stdout}")
    return out / f"iot-provision-{architecture}.zip"


def check_package(architecture, temporary, options, environment):
    """Packages twice. Returns the folder of the unpacked package."""
    title = f"{architecture}: the provisioning functions"
    config = deployment(temporary / f"provision-{architecture}")
    path = package(architecture, config, temporary / "first", options, environment)
    again = package(architecture, config, temporary / "again", options, environment)
    check(f"{title}: packaging is reproducible", path.read_bytes() == again.read_bytes())
    with zipfile.ZipFile(path) as zipped:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in zipped.infolist()}
        files = {name: zipped.read(name) for name in modes}
        zipped.extractall(folder := temporary / f"provision-{architecture}-unpacked")
    (folder / "bootstrap").chmod(0o755)
    check(f"{title}: the zip contains the files that they read, and nothing else", list(modes) == SHIPPED, list(modes))
    check(f"{title}: one file is executable", modes == {name: 0o755 if name == "bootstrap" else 0o644 for name in SHIPPED}, modes)
    check(f"{title}: the program contains no path of the checkout", str(ROOT).encode() not in files["bootstrap"])
    print(f"size: {architecture}: {path.stat().st_size:,} bytes of zip, {len(files['bootstrap']):,} of bootstrap", flush=True)
    return folder


def check_responses(architecture, start):
    """`start` starts the emulator with a handler."""
    for handler, event, expected in EVENTS:
        with start(handler) as function:
            response, milliseconds = function.invoke(event)
            check(f"{architecture}: {handler} answers {expected}", response == expected, response)
            output = function.output()
            check(f"{architecture}: {handler} writes one line about it", output.count(f'"trigger":"{handler}"') == 1, output)
            print(f"time: {architecture}: {milliseconds:.1f} ms to the first response of {handler} including the start", flush=True)
    with start("other") as function:
        try:
            response, _ = function.invoke({})
        except urllib.error.HTTPError as error:
            response = error.code
        starts_not = response == 502 and "unknown handler" in function.output()
        check(f"{architecture}: with an unknown handler it does not start", starts_not, response)


def start(rie, folder, wrapper, environment):
    """Returns what starts the emulator with a handler."""
    return lambda handler: emulator.Emulator(rie, folder, wrapper, environment | ENVIRONMENT, handler=handler)
