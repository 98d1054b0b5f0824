"""`cargo local` on free ports. BOOTSTRAP names a built authorizer to run, IOT_LOCAL a built `iot-local`."""

import os
import re
import subprocess

from lib.paths import CARGO, ROOT, TARGET
from lib.process import Process

# The first start may build all of `cargo local`.
START_SECONDS = 1200
# The banner's last line; log entries follow.
READY = r"^Event log"


def program():
    """A built `iot-local`, as an installed `cargo local` that works outside of the checkout. Builds it if IOT_LOCAL names
    none; then `command_line` uses it, too."""
    if "IOT_LOCAL" not in os.environ:
        command = [CARGO, "build", "--quiet", "--locked", "--package", "iot-local", "--bin", "iot-local"]
        subprocess.run(command, cwd=ROOT, check=True)
        os.environ["IOT_LOCAL"] = str(TARGET / "debug/iot-local")
    return os.environ["IOT_LOCAL"]


def command_line(*arguments):
    """The command of `cargo local` with these arguments."""
    built = os.environ.get("IOT_LOCAL")
    run = [built] if built else [CARGO, "run", "--quiet", "--locked", "--package", "iot-local", "--"]
    return [*run, *arguments]


def token(subject, *claims):
    """The token that `cargo local token` prints for a subject; `claims` are `NAME=VALUE`."""
    command = command_line("token", "--sub", subject, *(part for claim in claims for part in ("--claim", claim)))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


class Gateway(Process):
    """A running local gateway: its ports, its CA certificate, and what it prints. `ports` are those without TLS, with
    TLS, and with certificates."""

    def __init__(self, *options, bootstrap=None, cwd=ROOT, ports=("0", "0", "0")):
        bootstrap = bootstrap or os.environ.get("BOOTSTRAP")
        run = ["--bootstrap", bootstrap] if bootstrap else []
        port, tls_port, mqtts_port = ports
        listen = ("--port", port, "--tls-port", tls_port, "--mqtts-port", mqtts_port)
        super().__init__(command_line(*listen, *run, *options), READY, cwd=cwd, seconds=START_SECONDS)
        self.banner = self.output()[:self.match.start()].splitlines()
        self.port = self.find(r"ws://127\.0\.0\.1:(\d+)")
        self.tls_port = self.find(r"MQTT over TLS +mqtts://localhost:(\d+)")
        self.mqtts_port = self.find(r"with certificates +mqtts://localhost:(\d+)")
        self.authority = self.find(r"CA certificate +(.+)")

    def find(self, pattern):
        """The first group of a pattern in the banner."""
        return next(match[1] for line in self.banner if (match := re.search(pattern, line)))

    def snippet(self, client):
        """The commands that `cargo local snippet` prints for a client, with a fresh token."""
        ports = ("--port", self.port, "--tls-port", self.tls_port)
        command = command_line("snippet", client, "--with-token", *ports)
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
