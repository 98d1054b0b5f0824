"""`cargo local` on ports of its own, for the tests from outside. BOOTSTRAP names a built function, IOT_LOCAL a built program."""

import os
import pathlib
import queue
import re
import signal
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]


def local(*arguments):
    """The command line of `cargo local`."""
    built = os.environ.get("IOT_LOCAL")
    run = [built] if built else [os.environ.get("CARGO", "cargo"), "run", "--quiet", "--locked", "--package", "iot-local", "--"]
    return [*run, *arguments]


def token(subject, *claims):
    """What `cargo local token` prints for a subject."""
    command = local("token", "--sub", subject, *(part for claim in claims for part in ("--claim", claim)))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


class FrontDoor:
    """An open door, and the lines that it prints."""

    def __init__(self, *options):
        bootstrap = ("--bootstrap", os.environ["BOOTSTRAP"]) if os.environ.get("BOOTSTRAP") else ()
        self.process = subprocess.Popen(
            local("--port", "0", "--tls-port", "0", *bootstrap, *options),
            cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.greeting = self.until("What happens")
        self.port = self.find(r"ws://127\.0\.0\.1:(\d+)")
        self.tls_port = self.find(r"mqtts://localhost:(\d+)")
        self.authority = self.find(r"to be trusted +(.+)")

    def find(self, pattern):
        return next(match[1] for match in (re.search(pattern, line) for line in self.greeting) if match)

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def until(self, start, seconds=1200):
        seen = []
        while True:
            line = self.lines.get(timeout=seconds)
            if line is None:
                raise SystemExit("cargo local ended:\n" + "\n".join(seen))
            seen.append(line)
            if line.startswith(start):
                return seen

    def drain(self):
        while not self.lines.empty():
            self.lines.get()

    def sees(self, text, seconds=10):
        """Whether a line with that text comes, from the last `drain` on."""
        try:
            while True:
                line = self.lines.get(timeout=seconds)
                if line is None or text in line:
                    return line is not None
        except queue.Empty:
            return False

    def command(self, name):
        at = next(at for at, line in enumerate(self.greeting) if line.startswith(f"# {name}"))
        return self.greeting[at + 1]

    def end(self):
        # The group of the process that was started here: cargo and what it runs.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)
