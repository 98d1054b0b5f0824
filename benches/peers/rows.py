"""What is measured of a server. Each row is a function that starts the server anew and returns its figures by name."""

import contextlib
import dataclasses
import io
import itertools
import json
import pathlib
import shutil
import statistics
import tempfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions
from lib.paths import ROOT, TEMPORARY

from certificates import Authority
from client import Load, connects, first_connects
from messages import Messages
from servers import FUNCTION, REGION, client

SETTLE_SECONDS = 2
DEVICE_POLICY = (ROOT / "provision/policies/device.json").read_text()
JITP_POLICY = (ROOT / "local/cli/src/demo/jitp.json").read_text()
JITP_TEMPLATE = (ROOT / "local/cli/src/demo/jitp_template.json").read_text()
JITR_LAMBDA = (pathlib.Path(__file__).parent / "jitr_lambda.py").read_text()
RULE = "SELECT * FROM '$aws/events/certificates/registered/+'"
# The number of messages of a pair that are on their way, by QoS.
WINDOWS = {0: 50, 1: 20}
PAIRS = 10
RATE = 1000
SANDBOXES = 2
KILL_CLIENTS = 4
# Devices of the registry that is already there are made in parts, since each holds a connection and a TLS context.
PART = 1000


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much a run does."""

    processes: int
    starts: int = 5
    connects: int = 2000
    seconds: float = 2
    first_connects: int = 300
    registered: int = 10_000
    functions: int = 100
    kills: int = 500


QUICK = {
    "starts": 2, "connects": 200, "seconds": 0.5, "first_connects": 40, "registered": 200, "functions": 10,
    "kills": 100}


@contextlib.contextmanager
def prepared(kind):
    """An empty folder with what a server needs, and a CA in another one."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder, tempfile.TemporaryDirectory(dir=TEMPORARY) as own:
        folder = pathlib.Path(folder)
        kind.prepare(folder)
        yield folder, Authority(pathlib.Path(own))


def rate(count, effort):
    """A rate and the clients' share of their cores."""
    return {"rate": count / effort.seconds, "client": effort.cpu_share}


def start_row(kind, sizes, seeded=None):
    """Milliseconds until all ports accept connections, and MiB when idle. The first start is in an empty folder, or in
    that of `seeded`, with many devices in the registry."""
    with prepared(kind) as (folder, authority):
        if seeded:
            shutil.copytree(seeded.folder, folder, dirs_exist_ok=True)
        times = []
        for _ in range(sizes.starts + 1):
            with kind.start(folder, authority) as server:
                times.append(server.start_ms)
                if len(times) > sizes.starts:
                    time.sleep(SETTLE_SECONDS)
                    idle = server.usage().pss / 1024
    figures = {"first start": times[0], "start": statistics.median(times[1:]), "idle": idle}
    return {f"large {name}": value for name, value in figures.items()} if seeded else figures


def connect_row(kind, credential, sizes):
    """Processor time and rate of connects, memory of open connections."""
    with prepared(kind) as (folder, authority), kind.start(folder, authority) as server:
        target = credential(server, authority)
        time.sleep(SETTLE_SECONDS)
        with Load(sizes.processes, connects(target), list(range(sizes.connects))) as load:
            before = server.usage()
            _, effort = load.run()
            after = server.usage()
            time.sleep(SETTLE_SECONDS)
            held = server.usage()
    return {
        "cpu": (after.cpu - before.cpu) / sizes.connects, **rate(sizes.connects, effort),
        "connection": (held.pss - before.pss) / sizes.connects, "memory": held.pss / 1024}


def message_rows(kind, credential, sizes):
    """Processor time and rate of messages, as many as possible and at a fixed rate."""
    figures = {}
    with prepared(kind) as (folder, authority), kind.start(folder, authority) as server:
        target = credential(server, authority)
        loads = [(qos, pairs, None) for qos in WINDOWS for pairs in (1, PAIRS)]
        loads += [(qos, PAIRS, RATE) for qos in WINDOWS]
        for qos, pairs, fixed in loads:
            with Messages(target, qos, pairs, WINDOWS[qos], fixed) as messages:
                messages.run(sizes.seconds / 4)
                before = server.usage()
                count, effort, latency = messages.run(sizes.seconds * (2 if fixed else 1))
                cpu = (server.usage().cpu - before.cpu) / count
            name = f"QoS {qos}, {f'{fixed:,} a second, ' if fixed else ''}{pairs} to {pairs}"
            figures[name] = {"cpu": cpu, **rate(count, effort)} | ({"latency": latency} if fixed else {})
            # Closed connections are cleaned up before the next load.
            time.sleep(SETTLE_SECONDS / 4)
    return figures


def come_in(server, target, authority_file, devices, processes):
    """Devices that connect until they are accepted."""
    with Load(processes, first_connects(target, authority_file), devices) as load:
        before = server.usage()
        peak = [before.rss]
        numbers, effort = load.run(lambda: peak.append(server.usage().rss))
        after = server.usage()
    return {
        "cpu": (after.cpu - before.cpu) / 1e3 / len(devices), **rate(len(devices), effort),
        "connects": statistics.mean(numbers), "growth": (max(*peak, after.rss) - before.rss) / before.rss}


class Seeded:
    """The folder of a gateway whose registry has a CA with a JITP template, and many devices."""

    def __init__(self, kind, count, sizes, folder):
        self.folder, self.authority = folder / "gateway", Authority(folder)
        self.folder.mkdir()
        kind.prepare(self.folder)
        with kind.start(self.folder, self.authority) as server:
            register_template(kind.iot(server), self.authority)
            for first in range(0, count, PART):
                devices = self.authority.devices(f"seed-{first}", min(PART, count - first))
                come_in(server, kind.devices(server), kind.authority(server), devices, sizes.processes)
                for _, file in devices:
                    file.unlink()
            if count:
                found = sum(len(page["things"]) for page in kind.iot(server).get_paginator("list_things").paginate())
                if found != count:
                    raise SystemExit(f"FAILED: {found} things are registered; expected {count}")


def register_template(iot, authority):
    iot.create_policy(policyName="jitp-things-policy", policyDocument=JITP_POLICY)
    role = "arn:aws:iam::123456789012:role/JITPRole"
    authority.register(iot, registrationConfig={"templateBody": JITP_TEMPLATE, "roleArn": role})


def template_row(kind, sizes, seeded):
    """Just-in-time provisioning: two connects of each device."""
    with prepared(kind) as (folder, authority):
        shutil.copytree(seeded.folder, folder, dirs_exist_ok=True)
        with kind.start(folder, authority) as server:
            time.sleep(SETTLE_SECONDS)
            devices = seeded.authority.devices("new", sizes.first_connects)
            return come_in(server, kind.devices(server), kind.authority(server), devices, sizes.processes)


def function_row(kind, sizes, program):
    """Just-in-time registration by the provisioning function."""
    with prepared(kind) as (folder, authority):
        function = kind.function(folder, program, authority)
        with kind.start(folder, authority, "--sandboxes", SANDBOXES, *function) as server:
            iot = kind.iot(server)
            iot.create_policy(policyName="device", policyDocument=DEVICE_POLICY)
            authority.register(iot)
            register_rule(iot, kind.account)
            time.sleep(SETTLE_SECONDS)
            devices = authority.devices("jitr", sizes.functions)
            return come_in(server, kind.devices(server), kind.authority(server), devices, sizes.processes)


def lambda_row(kind, sizes):
    """The same by a function in Python, which ministack runs."""
    with prepared(kind) as (folder, authority), kind.start(folder, authority) as server:
        iot, functions, iam = (client(service, server.ports[0]) for service in ("iot", "lambda", "iam"))
        iot.create_policy(policyName="device", policyDocument=DEVICE_POLICY)
        authority.register(iot)
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        rights = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
        role = iam.create_role(RoleName=FUNCTION, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=FUNCTION, PolicyName=FUNCTION, PolicyDocument=policy(rights))
        functions.create_function(
            FunctionName=FUNCTION, Runtime="python3.11", Role=role, Handler="jitr_lambda.handler", Timeout=60,
            Code={"ZipFile": zipped("jitr_lambda.py", JITR_LAMBDA)})
        # As many as the gateway's sandboxes. Without a limit, it starts a process for each event at once.
        functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=SANDBOXES)
        functions.add_permission(
            FunctionName=FUNCTION, StatementId="rule", Action="lambda:InvokeFunction", Principal="iot.amazonaws.com")
        register_rule(iot, kind.account)
        time.sleep(SETTLE_SECONDS)
        devices = authority.devices("jitr", sizes.functions)
        return come_in(server, kind.devices(server), kind.authority(server), devices, sizes.processes)


def register_rule(iot, account):
    function = f"arn:aws:lambda:{REGION}:{account}:function:{FUNCTION}"
    payload = {"sql": RULE, "awsIotSqlVersion": "2016-03-23", "actions": [{"lambda": {"functionArn": function}}]}
    iot.create_topic_rule(ruleName=FUNCTION, topicRulePayload=payload)


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def kill_row(kind, sizes):
    """How many things are lost that were acknowledged before the server was killed, while several clients made more."""
    with prepared(kind) as (folder, authority):
        with kind.start(folder, authority) as server:
            iot, acknowledged, stopped = kind.iot(server), [], threading.Event()

            def make(client):
                for number in itertools.count():
                    name = f"kill-{client}-{number}"
                    try:
                        iot.create_thing(thingName=name)
                    except botocore.exceptions.BotoCoreError:
                        return
                    acknowledged.append(name)
                    if len(acknowledged) >= sizes.kills and not stopped.is_set():
                        stopped.set()
                        server.kill()

            with ThreadPoolExecutor(KILL_CLIENTS) as pool:
                list(pool.map(make, range(KILL_CLIENTS)))
        with kind.start(folder, authority) as server:
            pages = kind.iot(server).get_paginator("list_things").paginate()
            found = {thing["thingName"] for page in pages for thing in page["things"]}
    return {"lost": len(set(acknowledged) - found), "acknowledged": len(acknowledged)}
