"""Starts the programs that tests talk to."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from lib.paths import ROOT, TEMPORARY

POLL_SECONDS = 0.05


class Process:
    """A program in a process group of its own, with its output in a file. `with` ends it.

    The constructor waits until the output matches `ready`, or until `ready`, as a function, returns something. It
    exits the test if the program ends or is late. `enter` is called in the child before the program starts.
    """

    def __init__(self, command, ready, *, cwd=ROOT, seconds=60, environment=None, enter=None):
        self.arguments = list(map(str, command))
        self.log = tempfile.NamedTemporaryFile(dir=TEMPORARY, prefix="process-")
        self.process = subprocess.Popen(
            self.arguments, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=enter)
        self.match = self.wait_until(ready, seconds) if callable(ready) else self.wait_for(ready, seconds)
        if not self.match:
            output = self.output()
            self.end()
            raise SystemExit(f"FAILED: {' '.join(self.arguments)} did not start:\n{output[-4000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def output(self, start=0):
        """What it has written, stdout and stderr in one, from a byte offset on."""
        with open(self.log.name, "rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def written(self):
        """The length of its output in bytes: an offset for `output` and `wait_for`."""
        return pathlib.Path(self.log.name).stat().st_size

    def wait_for(self, pattern, seconds=10, start=0):
        """The first match of a pattern in the output from an offset on; `None` if it ends or is late."""
        return self.wait_until(lambda: re.search(pattern, self.output(start), re.M), seconds)

    def wait_until(self, condition, seconds=10):
        """The first result of `condition` that is true; `None` if the program ends or is late."""
        deadline = time.monotonic() + seconds
        while True:
            # Read before the condition, which so sees the last output.
            ended = self.process.poll() is not None
            if result := condition():
                return result
            if ended or time.monotonic() > deadline:
                return None
            time.sleep(POLL_SECONDS)

    def end(self, signal_number=signal.SIGTERM):
        """Ends its process group: it and what it has started."""
        try:
            os.killpg(self.process.pid, signal_number)
        except ProcessLookupError:
            pass
        self.process.wait(20)
        self.log.close()
