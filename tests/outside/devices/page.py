"""The commands of docs/devices.md, as written, in one shell: AWS's command line, `cargo local` and mosquitto against a
gateway.

Run by `./test devices`. `tests/outside/docs/commands.py` checks the page's links and the commands without a marker.
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import control_plane
from lib.checks import check, finish, skip
from lib.gateway import command_line
from lib.pages import blocks
from lib.paths import ROOT

PAGE = "docs/devices.md"
MARK = "run by tests/outside/devices/page.py"
SECONDS = 120


def programs(folder):
    """A `cargo` that runs the built program. The path of the real cargo is whole, since the shell would find this one."""
    cargo = folder / "bin/cargo"
    cargo.parent.mkdir()
    program, *arguments = command_line()
    run = shlex.join([shutil.which(program), *arguments])
    cargo.write_text(f'#!/bin/sh\nshift\ncd "$FOLDER" && exec {run} "$@"\n')
    cargo.chmod(0o755)
    return cargo.parent


def adapted(text, gateway):
    """The commands for the ports of a gateway."""
    return text.replace("8883", gateway.mqtts_port).replace("8443", gateway.tls_port).replace("8080", gateway.port)


def script(plane, found):
    """All marked blocks, with a line before each that names it."""
    lines = ["set -eu"]
    for block in found:
        lines += [f"echo '== {block.place}'", adapted(block.text, plane.gateway)]
    # `cargo local` has the port of the API as an option; the page's gateway has the default.
    text = "\n".join(lines)
    for command in ("certificate", "can"):
        text = text.replace(f"cargo local {command}", f"cargo local {command} --endpoint {plane.endpoint}")
    return text


def main():
    found = blocks(PAGE, (ROOT / PAGE).read_text())
    marked = [block for block in found if block.marker == MARK]
    check(f"{PAGE} has commands to run", len(marked) >= 6, str(len(marked)))
    if missing := [tool for tool in ("mosquitto_pub", "openssl") if not shutil.which(tool)]:
        skip(f"the commands of {PAGE}", f"{', '.join(missing)} missing")
        return finish()
    with control_plane() as plane:
        documents = [block.text for block in found if block.language == "json"]
        check(f"{PAGE} has three documents", len(documents) == 3, str(len(documents)))
        for name, text in zip(("device.json", "fleet.json", "claim.json"), documents):
            (plane.folder / name).write_text(text)
        environment = plane.environment()
        environment |= {"FOLDER": str(plane.folder), "PATH": f"{programs(plane.folder)}:{environment['PATH']}"}
        done = subprocess.run(
            ["sh", "-c", script(plane, marked)], cwd=plane.folder, env=environment, capture_output=True, text=True,
            timeout=SECONDS, stdin=subprocess.DEVNULL)
        check(f"the commands of {PAGE} succeed", done.returncode == 0, done.stdout + done.stderr)
        for expected in ("status          ACTIVE", "ALLOWED: iot:Publish", "DENIED: iot:Publish", "not another's topic", "certificates    3 new", '"delta":{"on":true}'):
            check(f"their output has {expected!r}", expected in done.stdout, done.stdout + done.stderr)
        log = plane.gateway.output()
        for expected in ("policy device, statement 1 (ConnectAsItsThing)", "policy device, statement 2 (OwnTopics)", "rule alarms: republish alarms/${topic(2)} done"):
            check(f"the event log has {expected!r}", expected in log, log[-2000:])
        snippet = command_line("snippet", "aws", "--port", plane.gateway.port, "--config", str(plane.folder / "authorizer.toml"))
        printed = subprocess.run(snippet, capture_output=True, text=True, check=True).stdout
        names = {name: value for name, value in plane.environment().items() if not name.startswith("AWS_")}
        done = subprocess.run(["sh", "-c", printed], env=names | {"AWS_PAGER": ""}, capture_output=True, text=True, timeout=SECONDS)
        check("the snippet `aws` works as printed", done.returncode == 0 and "certificates" in done.stdout, printed + done.stdout + done.stderr)
        iot = plane.client("iot")
        statuses = sorted(row["status"] for row in iot.list_certificates()["certificates"])
        check("one certificate is INACTIVE at the end", statuses == ["ACTIVE"] * 5 + ["INACTIVE"], str(statuses))
    finish()


if __name__ == "__main__":
    os.environ.pop("AWS_PROFILE", None)
    main()
