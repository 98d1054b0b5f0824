"""The functions of `provision/` as Lambda runs them: the release program behind a Runtime API, against the gateway's
control plane and against moto.

Run by `./test provision`; `provision.py PROGRAM` tests a built one. `ONLY=storm` runs one part: `gateway`, `moto` or
`storm`.
"""

import concurrent.futures
import os
import pathlib
import sys
import tempfile
import time

from botocore.config import Config

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE.parent, HERE.parent / "devices", HERE.parent / "sources"):
    sys.path.append(str(folder))

import claims
import first_connects
import registry
import storm
import tables
from control_plane import control_plane
from host import Sandbox
from lib.checks import finish
from lib.function import build
from lib.gateway import Gateway
from lib.paths import TEMPORARY
from servers import Moto

ANY_KEY = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any secret access key"}


def timed(title, test, *arguments):
    start = time.monotonic()
    test(*arguments)
    print(f"{title}: {time.monotonic() - start:.0f} s", flush=True)


def operator(plane):
    """The gateway's own key pair, which alone may publish."""
    lines = (plane.folder / ".iot-local/private/operator").read_text().splitlines()[1:]
    return {name.strip().upper(): value.strip() for name, value in (line.split("=", 1) for line in lines)}


def environment(endpoint, keys=ANY_KEY):
    names = ("IOT", "IOT_DATA_PLANE", "DYNAMODB")
    return keys | {f"AWS_ENDPOINT_URL_{name}": endpoint for name in names}


def on_gateway():
    with control_plane() as plane:
        iot, own = plane.client("iot"), environment(plane.endpoint)
        known = first_connects.Certificates(iot, plane.gateway)
        timed("first connects", first_connects.check_allowed, iot, known, own)
        timed("five events at once", first_connects.check_at_once, iot, known, own)
        timed("denied first connects", first_connects.check_denied, iot, known, own)
        timed("stopped registrations", first_connects.check_stops, iot, known, plane, own)
        timed("identities", tables.check_identity, iot, own)
        timed("what is shipped", tables.check_shipped, iot)
    with control_plane() as plane:
        iot = plane.client("iot")
        registry.create_policies(iot)
        own = environment(plane.endpoint, operator(plane))
        with claims.Listener(plane) as listener:
            timed("bootstrap", claims.check_allowed, plane, iot, listener, own)
            timed("denied requests", claims.check_denied, iot, listener, own)
            timed("revoked keys", claims.check_revoked, iot, listener, own)
            timed("five requests at once", claims.check_at_once, iot, listener, own)
            timed("stopped requests", claims.check_stops, plane, iot, listener, own)


def on_moto():
    with Moto() as moto:
        timed("the hook", tables.check_hook, moto, environment(moto.url))
        timed("moto", tables.check_moto, moto, environment(moto.url))
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        timed("starts", tables.check_starts, ANY_KEY, pathlib.Path(folder))


def in_a_storm():
    with control_plane("--throttle", "3") as plane:
        # Throttled, too: it tries again.
        patient = plane.client("iot", config=Config(retries={"total_max_attempts": 20}))
        known = first_connects.Authorities(patient)

        def connect(number):
            return f"storm-{number}", known.authority.connect(plane.gateway, f"storm-{number}", key=known.key)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            devices = dict(pool.map(connect, range(storm.DEVICES)))
        timed("the storm", storm.come_in, known, devices, environment(plane.endpoint))
        plane.gateway.end()
        with Gateway("--config", str(plane.folder / "authorizer.toml")) as gateway:
            plane.gateway, plane.endpoint = gateway, f"http://127.0.0.1:{gateway.port}"
            timed("its registry", storm.check_registered, plane.client("iot"), devices)


PARTS = {"gateway": on_gateway, "moto": on_moto, "storm": in_a_storm}


def main():
    Sandbox.program = sys.argv[1] if len(sys.argv) > 1 else build("iot-provision")
    only = os.environ.get("ONLY")
    for name, part in PARTS.items():
        if only in (None, name):
            part()
    finish()


main()
