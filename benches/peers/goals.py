"""The goals of the local gateway, each beside its anchor of the same run."""

from servers import Ministack, Mosquitto
from table import Goal

OURS, OPTIMISED = "`cargo local`", "`cargo local` optimised"
MOSQUITTO, MINISTACK = Mosquitto.title, Ministack.title
JITP, JITP_LARGE, JITR = "JITP", "JITP, large registry", "JITR"
SATURATED = ["QoS 0, 1 to 1", "QoS 0, 10 to 10", "QoS 1, 1 to 1", "QoS 1, 10 to 10"]
FIXED = ["QoS 0, 1,000 a second, 10 to 10", "QoS 1, 1,000 a second, 10 to 10"]


def report(*arguments, **members):
    return Goal(*arguments, is_gate=False, **members)


def optimised():
    yield Goal("G0 CPU of a connect with JWT, of an optimised build", ("JWT", "cpu"), 1.25, (OPTIMISED, "JWT", "cpu"))
    for row in SATURATED:
        yield Goal(f"G0 CPU of a message, {row}, of an optimised build", (row, "cpu"), 1.25, (OPTIMISED, row, "cpu"))


def connects():
    anchor = (MOSQUITTO, "password")
    yield Goal("G1 CPU of a connect with JWT, of mosquitto's with password", ("JWT", "cpu"), 1.4, (*anchor, "cpu"))
    yield report("G1 connects a second with JWT", ("JWT", "rate"), 0.8, (*anchor, "rate"), is_least=True)
    anchor = (MOSQUITTO, "certificate")
    yield Goal("G2 CPU of a connect with certificate, of mosquitto's", ("certificate", "cpu"), 0.6, (*anchor, "cpu"))
    row = ("certificate", "rate")
    yield report("G2 connects a second with certificate", row, 1.5, (*anchor, "rate"), is_least=True)
    # The device's figure is in milliseconds.
    name = "G3 CPU of a device by JITP, of two connects with certificate at mosquitto"
    yield Goal(name, (JITP, "cpu"), 1.25, (*anchor, "cpu"), 2 / 1e3)
    yield report("G3 devices a second by JITP", (JITP, "rate"), 0.8, (*anchor, "rate"), 1 / 2, is_least=True)


def first_connects():
    anchor = (OURS, JITP)
    name = "G3 CPU of a device by JITP with a large registry, of an empty one"
    yield Goal(name, (JITP_LARGE, "cpu"), 1.1, (*anchor, "cpu"))
    name = "G3 devices a second by JITP with a large registry, of an empty one"
    yield report(name, (JITP_LARGE, "rate"), 0.9, (*anchor, "rate"), is_least=True)
    anchor = (MINISTACK, JITR)
    yield Goal("G4 CPU of a device by JITR, of ministack's", (JITR, "cpu"), 1 / 25, (*anchor, "cpu"))
    yield Goal("G4 RSS growth by JITR, of the RSS before", (JITR, "growth"), 1, (*anchor, "growth"), is_absolute=True)
    yield report("G4 devices a second by JITR", (JITR, "rate"), 100, is_least=True)
    yield report("G4 devices a second by JITR, of ministack's", (JITR, "rate"), 25, (*anchor, "rate"), is_least=True)


def messages():
    for row, limit in zip(SATURATED, (0.8, 1.3, 0.9, 1.3)):
        yield report(f"G5 messages a second, {row}", (row, "rate"), limit, (MOSQUITTO, row, "rate"), is_least=True)
    for row in SATURATED:
        yield Goal(f"G6 CPU of a message, {row}, of mosquitto's", (row, "cpu"), 1.5, (MOSQUITTO, row, "cpu"))
    for row in FIXED:
        yield Goal(f"G6 CPU of a message, {row}, of mosquitto's", (row, "cpu"), 2, (MOSQUITTO, row, "cpu"))
        yield report(f"G6 p50, {row}, ms", (row, "latency"), 1.5, (MOSQUITTO, row, "latency"))
    for row in SATURATED:
        yield Goal(f"G7 CPU of a message, {row}, of ministack's", (row, "cpu"), 1 / 3, (MINISTACK, row, "cpu"))
        name = f"G7 messages a second, {row}, of ministack's"
        yield report(name, (row, "rate"), 3, (MINISTACK, row, "rate"), is_least=True)
    for row in FIXED:
        yield report(f"G7 p50, {row}, ms, of ministack's", (row, "latency"), 0.7, (MINISTACK, row, "latency"))


def others():
    anchor, name = (MOSQUITTO, "password"), "G8 KiB of a connection with JWT, of mosquitto's with password"
    yield Goal(name, ("JWT", "connection"), 2.5, (*anchor, "connection"))
    yield Goal("G8 MiB with all connections", ("JWT", "memory"), 100, (*anchor, "memory"), is_absolute=True)
    yield report("G9 start, ms", ("start", "start"), 2, (MOSQUITTO, "start", "start"))
    yield report("G9 start in an empty folder, ms", ("start", "first start"), 100)
    yield report("G9 start with a large registry, ms", ("start", "large start"), 100)
    yield Goal("G9 idle, MiB", ("start", "idle"), 20, (MOSQUITTO, "start", "idle"), is_absolute=True)
    anchor, name = (MINISTACK, "kill", "lost"), "G10 acknowledged changes lost by `kill -9`"
    yield Goal(name, ("kill", "lost"), 0, anchor, is_absolute=True)


GOALS = [*optimised(), *connects(), *first_connects(), *messages(), *others()]
