"""A server: its start, and what it and its children use."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import time

START_SECONDS = 120
END_SECONDS = 20


@dataclasses.dataclass(frozen=True)
class Usage:
    """Processor time in microseconds, ended children included; resident and proportional memory in KiB."""

    cpu: float
    rss: int
    pss: int


class Server:
    """A program in a process group of its own, started until all its ports accept connections. `with` ends it."""

    def __init__(self, command, ports, folder, environment=None):
        self.command, self.ports, self.folder = list(map(str, command)), ports, folder
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            start = time.perf_counter()
            self.process = subprocess.Popen(
                self.command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)
        for port in ports:
            self.wait_for(port, start)
        self.start_ms = (time.perf_counter() - start) * 1e3

    def wait_for(self, port, start):
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - start > START_SECONDS:
                    self.end()
                    output = self.log.read_text(errors="replace")[-4000:]
                    command = " ".join(self.command)
                    raise SystemExit(f"FAILED: {command} does not listen on {port}:\n{output}") from None
                time.sleep(0.001)

    def usage(self):
        cpu = rss = pss = 0
        for pid in tree(self.process.pid):
            try:
                folder = pathlib.Path(f"/proc/{pid}")
                times = (folder / "stat").read_text().rsplit(")", 1)[1].split()[11:15]
                rollup = (folder / "smaps_rollup").read_text()
            except OSError:
                # It has ended: its parent has its time.
                continue
            sizes = {line.split()[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
            cpu, rss, pss = cpu + sum(map(int, times)), rss + sizes["Rss:"], pss + sizes["Pss:"]
        return Usage(cpu * 1e6 / os.sysconf("SC_CLK_TCK"), rss, pss)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)

    def end(self):
        children = tree(self.process.pid)
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(END_SECONDS)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        # A function's processes may have left the group.
        for pid in children[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def tree(pid):
    """A process and its children."""
    found = [pid]
    for parent in found:
        for file in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in file.read_text().split()]
            except OSError:
                # A thread that has ended.
                continue
    return found
