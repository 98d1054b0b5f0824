"""Runs an image as an engine would: in namespaces of its own, as its user, without capabilities, on a root that cannot
be written, and as process 1."""

import os
import pathlib
import signal
import subprocess
import sys
import time

from lib.process import Process

ENTER = pathlib.Path(__file__).resolve().parent / "enter.py"
# What an engine does before it starts the program. `$1` is the root folder; pairs of source and target follow, those
# with `ro:` before the source cannot be written.
SETUP = """
root=$1; shift
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  source=${1#ro:}; mount --bind "$source" "$root$2"
  if [ "$source" != "$1" ]; then mount -o remount,bind,ro "$root$2"; fi
  shift 2
done
shift
for device in null zero random urandom; do
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
ip link set lo up
exec "$@"
"""
NAMESPACES = ["--net", "--mount", "--pid", "--ipc", "--uts"]


class Container(Process):
    """A running container. `mounts` are pairs of a path here and a path in the root folder."""

    def __init__(self, config, root, mounts, ready):
        self.config, self.root = config, root
        uid, gid = config["User"].split(":")
        for device in ("null", "zero", "random", "urandom"):
            (root / "dev" / device).touch()
        for source, target in mounts:
            place = root / target.lstrip("/")
            if not place.exists():
                place.mkdir() if pathlib.Path(source.removeprefix("ro:")).is_dir() else place.touch()
        pairs = [text for pair in mounts for text in pair]
        start = [*config["Entrypoint"], *config["Cmd"]]
        enter = [sys.executable, ENTER, root, config["WorkingDir"], uid, gid]
        setup = ["sh", "-ec", SETUP, "setup", root, *pairs, "--", *enter, *start]
        command = ["unshare", *NAMESPACES, "--fork", "--kill-child", "--", *setup]
        super().__init__(command, ready, environment=self.environment)

    @property
    def environment(self):
        """The image's variables, and a path for the programs that set it up."""
        variables = dict(text.split("=", 1) for text in self.config.get("Env") or [])
        return {"PATH": os.environ["PATH"]} | variables

    @property
    def first_process(self):
        """The id of process 1, as it is seen here."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def status(self):
        """The facts of process 1 in `/proc`."""
        lines = pathlib.Path(f"/proc/{self.first_process}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def execute(self, *arguments):
        """Runs a program of the image beside process 1, as `docker exec` and a health check do."""
        uid, gid = self.config["User"].split(":")
        target = ["nsenter", f"--target={self.first_process}", "--net", "--mount", "--pid", "--ipc", "--root"]
        target += [f"--wdns={self.config['WorkingDir']}", f"--setgid={gid}", f"--setuid={uid}"]
        return subprocess.run([*target, "--", *arguments], env=self.environment, capture_output=True, text=True)

    def beside(self, *arguments, **options):
        """Runs a program of this machine in the network namespace of the container, as another container that shares
        it."""
        command = ["nsenter", f"--target={self.first_process}", "--net", "--", *arguments]
        return subprocess.run(command, capture_output=True, text=True, **options)

    def stop(self, seconds=10):
        """Stops process 1 as an engine does, with SIGTERM. Returns its exit code; `None` after the time in which an
        engine kills it."""
        os.kill(self.first_process, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.process.poll()
