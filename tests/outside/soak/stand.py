"""The gateway under test: started on the same ports and state folder after each kill, with a second authorizer whose
keys are on a key server, and the processes that are killed."""

import asyncio
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.config
import botocore.exceptions
import jwt

import facts
from control_plane import ACCOUNT, REGION, ControlPlane
from figures import Counts, Sample
from ledger import Cut, Ledger
from lib import function
from lib.gateway import Gateway, command_line
from lib.keys import key_set, new_key
from lib.operator_key import operator_key
from lib.paths import ROOT
from lib.ports import free_ports
from lib.process import Process

THREADS = 12
# A token outlives the run.
TOKEN_SECONDS = 6 * 3600
FETCHED_ISSUER = "https://fetched.example.com/"
REFRESH_SECONDS = 5
# For the children of a killed gateway to end.
ORPHAN_SECONDS = 10
# How long after its kill a process may be missed: the next call starts a function again; a source that failed waits.
FUNCTION_SECONDS, KEYS_SECONDS = 4, 40
ORPHANS, CRASHES = "no function outlives the gateway", "the gateway ends by its kills alone, and never panics"
BROKEN_CONNECTIONS = (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError, ConnectionError)


class Clients:
    """boto3 clients of the control plane and, with the operator's key pair, of the data plane."""

    def __init__(self, plane):
        self.plane, self.config = plane, botocore.config.Config(
            retries={"total_max_attempts": 1}, max_pool_connections=THREADS, connect_timeout=60, read_timeout=90)
        self.iot, self.data = plane.client("iot", config=self.config), self.data_client()

    def data_client(self):
        gateway, (key, secret) = self.plane.gateway, operator_key(self.plane.folder)
        endpoint = {"endpoint_url": f"https://localhost:{gateway.tls_port}", "verify": gateway.authority}
        return boto3.client(
            "iot-data", region_name=REGION, config=self.config, aws_access_key_id=key, aws_secret_access_key=secret,
            **endpoint)

    def reopen(self):
        """After a start of the gateway, which has made another key pair of the operator, and has no connections."""
        self.iot.close()
        self.data.close()
        self.data = self.data_client()


def children(pid):
    """The processes that a process has started, and theirs, with the times of their starts: an id may be used again."""
    found, parents = {}, {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append((int(folder.name), fields[19]))
    waiting = [pid]
    while waiting:
        for child, start in parents.get(waiting.pop(), ()):
            found[child] = start
            waiting.append(child)
    return found


def is_running(pid, start):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[19] == start and fields[0] != "Z"


class Stand:
    """The gateway with its state, and what has disturbed it. `up` is set while it runs, `gate` while changes may be
    made."""

    def __init__(self, folder):
        self.folder, self.counts, self.ledger = folder, Counts(), None
        self.up, self.gate, self.in_flight = asyncio.Event(), asyncio.Event(), 0
        # Kind, start and end of each kill.
        self.disturbances, self.lives, self.connected = [], [], 0
        # Seconds from each kill of the gateway until it answers again.
        self.starts = []
        self.fixed_certificates = set()
        self.threads = ThreadPoolExecutor(THREADS)
        self.bootstrap = os.environ.get("BOOTSTRAP") or function.build()
        *self.ports, self.key_port = map(str, free_ports(4))
        self.gateway = self.key_server = None
        self.tamper = lambda stand: None

    async def run(self, call, *arguments):
        """A blocking call in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, call, *arguments)

    async def request(self, call, **members):
        """A call of boto3. Raises `Cut` if the connection ends before the answer."""
        try:
            return await self.run(lambda: call(**members))
        except BROKEN_CONNECTIONS as error:
            raise Cut(str(error)) from error

    @contextlib.asynccontextmanager
    async def operation(self):
        """A change, or several that belong together: none begins between a kill and its check."""
        await self.gate.wait()
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def disturbed(self, kinds, start):
        """Whether a kill of one of these kinds concerns what began at `start` and has ended now."""
        return any(kind in kinds and (end is None or end >= start) for kind, _, end in self.disturbances)

    def write(self):
        """The configuration, which is the shipped one, and the second authorizer's."""
        for part in ("policies", "keys"):
            shutil.copytree(ROOT / part, self.folder / part)
        shutil.copy(ROOT / "authorizer.toml", self.folder)
        fetched = self.folder / "fetched"
        shutil.copytree(ROOT / "policies", fetched / "policies")
        self.key = new_key("soak")
        (self.folder / "served").mkdir()
        (self.folder / "served/keys").write_text(key_set(self.key))
        self.start_key_server()
        text = (ROOT / "authorizer.toml").read_text()
        text = text.replace("https://login.example.com/", FETCHED_ISSUER)
        text = text.replace('"file:keys/users.jwks.json"', f'"jwks:http://127.0.0.1:{self.key_port}/keys"')
        text = text.replace("client_ids", f"refresh_seconds = {REFRESH_SECONDS}\nclient_ids", 1)
        (fetched / "authorizer.toml").write_text(text)

    def start_key_server(self):
        options = ["--bind", "127.0.0.1", "--directory", self.folder / "served", self.key_port]
        self.key_server = Process([sys.executable, "-u", "-m", "http.server", *options], r"port (\d+)")

    def start(self):
        config, program = (shlex.quote(str(each)) for each in (self.folder / "fetched/authorizer.toml", self.bootstrap))
        fetched = f"AUTHORIZER_CONFIG={config} exec {program}"
        self.gateway = Gateway(
            "--config", str(self.folder / "authorizer.toml"), "--quiet", f"--lambda=fetched={fetched}",
            bootstrap=self.bootstrap, ports=self.ports)
        self.started = time.monotonic()
        self.lives.append([])

    async def open(self):
        await self.run(self.write)
        await self.run(self.start)
        self.plane = ControlPlane(self.folder, self.gateway)
        self.clients, self.ledger = Clients(self.plane), Ledger(self)
        self.up.set()
        await self.request(
            self.clients.iot.create_authorizer, authorizerName="fetched", signingDisabled=True, status="ACTIVE",
            authorizerFunctionArn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fetched")

    def token(self, subject, fetched=False, seconds=TOKEN_SECONDS):
        """A token of the second authorizer's issuer, or of the gateway's own."""
        if not fetched:
            claims = ("--claim", "tenant=acme", "--ttl", str(seconds))
            command = command_line("token", "--config", str(self.folder / "authorizer.toml"), "--sub", subject, *claims)
            return self.output(command)
        now = int(time.time())
        claims = {
            "iss": FETCHED_ISSUER, "aud": "iot.example.com", "sub": subject, "tenant": "acme", "iat": now - 600,
            "exp": now + seconds,
        }
        return jwt.encode(claims, self.key.private, algorithm="ES256", headers={"kid": self.key.kid})

    def output(self, command):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout.strip()

    def sample(self):
        with contextlib.suppress(OSError):
            self.lives[-1].append(Sample(self.gateway.process.pid, time.monotonic() - self.started, self.connected))

    def look(self):
        """Reports a gateway that has ended by itself, or has panicked."""
        if self.gateway.process.poll() is not None:
            self.counts.violation(CRASHES, f"status {self.gateway.process.returncode}: {self.gateway.output()[-2000:]}")
        elif "panicked" in (output := self.gateway.output()):
            self.counts.violation(CRASHES, output[output.index("panicked") - 200:][:1000])

    async def check(self):
        """Compares the registry with the ledger."""
        await self.ledger.check(lambda key: self.run(facts.read, self.clients, key))
        for stray in await self.run(lambda: list(facts.strays(self.clients, self.ledger))):
            self.counts.violation(facts.HALF_DEVICES, stray)
        self.counts.add("checks of the whole registry")

    async def kill_gateway(self):
        """Kills the gateway with SIGKILL, starts it again, and compares what it holds with the ledger."""
        self.look()
        process, functions = self.gateway.process, children(self.gateway.process.pid)
        kill = ["gateway", time.monotonic(), None]
        self.up.clear()
        self.gate.clear()
        self.disturbances.append(kill)
        os.kill(process.pid, signal.SIGKILL)
        await self.run(process.wait)
        self.counts.add("kills of the gateway")
        deadline = time.monotonic() + 120
        while self.in_flight and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if self.in_flight:
            self.counts.violation("every change is answered", f"{self.in_flight} changes wait two minutes after a kill")
        await self.check_orphans(functions)
        self.gateway.log.close()
        self.tamper(self)
        await self.run(self.start)
        self.plane.gateway = self.gateway
        await self.run(self.clients.reopen)
        kill[2] = time.monotonic()
        self.starts.append(kill[2] - kill[1])
        self.up.set()
        await self.check()
        self.gate.set()

    async def check_orphans(self, functions):
        def running():
            return [pid for pid, start in functions.items() if is_running(pid, start)]

        deadline = time.monotonic() + ORPHAN_SECONDS
        while (left := running()) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        self.counts.add("functions that ended with the gateway", len(functions) - len(left))
        for pid in left:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_text()
            self.counts.violation(ORPHANS, f"{command} {ORPHAN_SECONDS} s after the gateway")
            os.kill(pid, signal.SIGKILL)

    def kill_function(self, choices):
        """Kills one process of a function, if one runs."""
        name = pathlib.Path(self.bootstrap).name[:15]
        running = []
        for pid in children(self.gateway.process.pid):
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name:
                    running.append(pid)
        if running:
            now = time.monotonic()
            self.disturbances.append(("function", now, now + FUNCTION_SECONDS))
            with contextlib.suppress(ProcessLookupError):
                os.kill(choices.choice(sorted(running)), signal.SIGKILL)
            self.counts.add("kills of a function")

    async def kill_key_server(self, seconds):
        """Kills the key server, and starts it again on its port after some seconds."""
        kill = ["keys", time.monotonic(), None]
        self.disturbances.append(kill)
        self.key_server.end(signal.SIGKILL)
        self.counts.add("kills of the key server")
        await asyncio.sleep(seconds)
        await self.run(self.start_key_server)
        kill[2] = time.monotonic() + KEYS_SECONDS

    def close(self):
        self.gateway.end()
        self.key_server.end()
        self.threads.shutdown(wait=False, cancel_futures=True)
