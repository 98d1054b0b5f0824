"""Breaks each promise of the soak on purpose: tests for its checks. A change that was never made, a line that the
registry's log loses, half a device, a connect without an answer, a server that is silent, a gateway that ends by
itself, a process that outlives it, memory that grows.

Run by `./test soak`.
"""

import asyncio
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE.parent / "devices"), str(HERE.parent / "cognito")]
import facts
import figures
import hostile
import ledger
import sessions
import stand as stands
from control_plane import ACCOUNT, REGION
from fleet_of_clients import ARN, self_signed
from lib.checks import check, finish
from lib.paths import TEMPORARY

LOG = f".iot-local/{ACCOUNT}/{REGION}/registry/log.jsonl"


def lose_a_line(stand):
    """Removes the last change from the registry's log, as a write that was never synced."""
    log = stand.folder / LOG
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))


def found(stand, promise, title, expected):
    """Whether the promise is broken, once, by what the text names. Forgets it."""
    broken = stand.counts.broken.pop(promise, [])
    check(f"found: {title}", len(broken) == 1 and expected in broken[0], str(broken))
    check(f"nothing else: {title}", not any(stand.counts.broken.values()), str(stand.counts.broken))


async def check_ledger(stand):
    iot = stand.clients.iot

    async def create(name):
        async with stand.operation():
            await stand.ledger.change(("thing", name), {}, lambda: stand.request(iot.create_thing, thingName=name))

    await create("kept")
    await stand.check()
    check("nothing is broken before", not any(stand.counts.broken.values()), str(stand.counts.broken))
    stand.ledger.acknowledged["thing", "never"] = {"n": "1"}
    await stand.check()
    found(stand, ledger.LOST, "an acknowledged change that was never made", "never")
    await create("lost")
    stand.tamper = lose_a_line
    await stand.kill_gateway()
    stand.tamper = lambda stand: None
    found(stand, ledger.LOST, "an acknowledged change that a kill lost", "lost")
    await check_devices(stand)


async def check_devices(stand):
    """A device is whole, or not there."""
    iot, (certificate, _, identifier) = stand.clients.iot, self_signed("half")
    await stand.request(iot.register_certificate_without_ca, certificatePem=certificate, status="ACTIVE")
    await stand.check()
    found(stand, facts.HALF_DEVICES, "an ACTIVE certificate that no change explains", identifier)
    key = ("device", "half", identifier)
    stand.ledger.pending[key] = [(("ACTIVE", ("soak-device",), ("half",)), True)]
    await stand.check()
    found(stand, ledger.HALF, "a certificate without the thing of its change", identifier)
    await stand.request(iot.create_thing, thingName="stray")
    await stand.check()
    found(stand, facts.HALF_DEVICES, "a thing that no change explains", "stray")
    await stand.request(iot.delete_thing, thingName="stray")

    async def unanswered():
        raise ledger.Cut("closed")

    with contextlib.suppress(ledger.Cut):
        await stand.ledger.change(("thing", "unanswered"), {}, unanswered)
    found(stand, ledger.UNANSWERED, "a change without an answer and without a kill", "unanswered")
    unknown = {"policyName": "x", "target": f"{ARN}cert/{'0' * 64}"}
    with contextlib.suppress(ledger.Cut):
        await stand.ledger.change(("thing", "rejected"), {}, lambda: stand.request(iot.attach_policy, **unknown))
    found(stand, ledger.REJECTED, "a change that is rejected", "rejected")


def check_answers(stand):
    now, kind = time.monotonic(), sessions.Kind("JWT", ("function",))
    for promise, title, kind, answer in (
        (sessions.ANSWERED, "no answer to a connect", kind, sessions.NO_ANSWER),
        (sessions.ANSWERED, "a connection that is closed instead", kind, "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"),
        (sessions.ANSWERED, "a TLS handshake that fails at once", kind, "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE"),
        (sessions.EXPECTED, "a valid client that is refused", kind, "refused by CONNACK 0x87"),
        (sessions.EXPECTED, "a forged token that connects", sessions.Kind("denied", denied=True), sessions.CONNECTED),
    ):
        sessions.judge(stand, kind, answer, now, "client")
        found(stand, promise, title, answer)
    stand.disturbances.append(("function", now - 1, now + 1))
    sessions.judge(stand, kind := sessions.Kind("JWT", ("function",)), "refused by CONNACK 0x87", now, "client")
    broken = stand.counts.broken
    check("a refusal while a function is killed is expected", not any(broken.values()), str(broken))
    sessions.judge(stand, kind, "AWS_IO_SOCKET_CLOSED", now, "client")
    found(stand, sessions.ANSWERED, "a closed connection while only a function is killed", "SOCKET_CLOSED")


async def check_silence(stand):
    """A server that accepts connections and never answers."""
    hostile.LIMIT_SECONDS = 0.5
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = await stand.run(hostile.exchange, stand, random.Random(1), port, False, b"\x10", None)
        check("found: a malformed packet without an answer", ended == "open", ended)


async def check_processes(stand):
    """Processes that end by themselves, and that do not end."""
    stands.ORPHAN_SECONDS = 0.2
    process = subprocess.Popen(["sleep", "60"])
    functions = stands.children(stand.gateway.process.pid)
    check("the gateway has functions", len(functions) >= 2, str(functions))
    await stand.check_orphans({process.pid: stands.children(os.getpid())[process.pid]})
    process.wait()
    found(stand, stands.ORPHANS, "a process that outlives the gateway", "sleep")
    stand.gateway.process.send_signal(signal.SIGKILL)
    stand.gateway.process.wait()
    stand.look()
    found(stand, stands.CRASHES, "a gateway that ends by itself", "status -9")


def check_growth():
    def life(memory, descriptors):
        return [
            types.SimpleNamespace(seconds=5 * i, memory=memory(i), descriptors=descriptors(i), clients=i % 30)
            for i in range(400)]

    def flat(i):
        return 60 + i % 5

    for title, samples, expected in (
        ("memory that grows", life(lambda i: 60 + i / 10, flat), "memory"),
        ("descriptors that are never closed", life(flat, lambda i: 60 + i / 10 + 3 * (i % 30)), "descriptors"),
        ("a flat life", life(flat, lambda i: 60 + 3 * (i % 30)), None),
    ):
        errors = figures.growth_errors(samples)
        is_found = len(errors) == 1 and errors[0].startswith(expected) if expected else not errors
        check(f"{'found' if expected else 'not found'}: {title}", is_found, str(errors))


async def run():
    with tempfile.TemporaryDirectory(dir=TEMPORARY, ignore_cleanup_errors=True) as folder:
        stand = stands.Stand(pathlib.Path(folder))
        stand.counts.is_shown = False
        try:
            await stand.open()
            stand.gate.set()
            await check_ledger(stand)
            check_answers(stand)
            await check_silence(stand)
            await check_processes(stand)
        finally:
            stand.close()
    check_growth()


def main():
    asyncio.run(run())
    finish()


if __name__ == "__main__":
    main()
