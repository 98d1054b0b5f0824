"""The commands of docs/jitp.md and docs/jitp.ja.md, one after another as written: AWS's command line, OpenSSL and
mosquitto against a gateway. Only the ports of the gateway differ from the pages.

Run by `./test devices`.
"""

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import AWS, control_plane
from lib.checks import check, finish, skip
from lib.pages import blocks
from lib.paths import ROOT, TEMPORARY
from lib.process import Process
from page import adapted

PAGES = ["docs/jitp.md", "docs/jitp.ja.md"]
MARK = "run by tests/outside/devices/jitp_page.py"
TOOLS = ["openssl", "curl", "mosquitto_sub", "mosquitto_pub"]
SECONDS = 60
# A client that runs until it is ended. It is ended once it has subscribed.
CLIENT = "mosquitto_sub "
SUBSCRIBED = r"^Subscribed \(mid: 1\): 1$"


def commands(text):
    """The commands of a block: a line with those that continue it, or with its here-document."""
    lines, found = text.splitlines(), []
    while lines:
        command = lines.pop(0)
        while command.endswith("\\"):
            command += "\n" + lines.pop(0)
        if document := re.search(r"<<'?(\w+)'?", command):
            while not command.endswith(f"\n{document[1]}"):
                command += "\n" + lines.pop(0)
        found.append(command)
    return found


class Shell(Process):
    """A shell, which keeps the variables from one command to the next."""

    def __init__(self, folder):
        names = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PAGER": ""}
        self.folder, self.number = folder, 0
        pipe = folder / "commands"
        os.mkfifo(pipe)
        environment = names | files | {"PATH": f"{AWS.parent}:{os.environ['PATH']}"}
        super().__init__(["bash", "-c", f"echo ready; exec bash < {pipe}"], "^ready$", cwd=folder, environment=environment)
        self.input = open(pipe, "w", buffering=1)

    def run(self, command):
        """What a command prints, and its status; `None` if it does not end."""
        start, self.number = self.written(), self.number + 1
        self.input.write(f"{command}\necho; echo \"= {self.number} $?\"\n")
        ended = self.wait_for(rf"^= {self.number} (\d+)$", SECONDS, start)
        return self.output(start).rsplit("\n=", 1)[0].strip(), ended and int(ended[1])

    def subscribe(self, command):
        """What a client prints until it has subscribed."""
        log = self.folder / f"client-{self.number}.log"
        # By lines, since a file is otherwise written by blocks.
        self.run(f"(exec stdbuf -oL {command}) > {log} 2>&1 &")
        self.wait_until(lambda: log.exists() and re.search(SUBSCRIBED, log.read_text(), re.M), SECONDS)
        self.run("kill $!; wait $!")
        return log.read_text()


def run_page(page, plane):
    """Runs the commands of a page. Returns the last line that each prints, by command, and what the clients print."""
    found = [block for block in blocks(page, (ROOT / page).read_text()) if block.marker == MARK]
    check(f"{page} has commands to run", len(found) >= 10, str(len(found)))
    printed, clients = {}, []
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder, Shell(pathlib.Path(folder)) as shell:
        for block in found:
            for command in commands(adapted(block.text, plane.gateway)):
                if command.startswith(CLIENT):
                    clients.append(shell.subscribe(command))
                    continue
                output, status = shell.run(command)
                check(f"{block.place}: {command.splitlines()[0]}", status == 0, f"status {status}\n{output}")
                printed[command] = output
        shell.input.close()
    return printed, clients


def check_client(name, log):
    connects = len(re.findall(r"sending CONNECT$", log, re.M))
    check(f"{name}: the first CONNECT is closed, a later one gets CONNACK 0", connects >= 2 and "received CONNACK (0)" in log, log)
    check(f"{name}: it has subscribed", bool(re.search(SUBSCRIBED, log, re.M)), log)


def printed_by(printed, start):
    return [output for command, output in printed.items() if command.startswith(start)]


def check_page(page):
    with control_plane() as plane:
        printed, clients = run_page(page, plane)
        for name, log in zip(("the first device", "the second device"), clients, strict=True):
            check_client(f"{page}: {name}", log)
        thing = json.loads(printed_by(printed, "aws iot describe-thing ")[0])
        check(f"{page}: the thing has the template's attributes", thing["attributes"] == {"version": "v1", "country": "JP"}, str(thing))
        statuses = printed_by(printed, "aws iot describe-certificate ")
        check(f"{page}: the states of the first and the third certificate", statuses == ['"ACTIVE"', '"PENDING_ACTIVATION"'], str(statuses))
        policies = json.loads(printed_by(printed, "aws iot list-attached-policies ")[0])["policies"]
        check(f"{page}: the policy is attached", [policy["policyName"] for policy in policies] == ["jitp-things-policy"], str(policies))
        closed = printed_by(printed, "mosquitto_pub ")
        check(f"{page}: the third device is closed", closed[0].endswith("closed"), str(closed))
        second = plane.client("iot").describe_thing(thingName="MySecondThing")["attributes"]
        check(f"{page}: the second thing has its own attributes", second == {"version": "v1", "country": "US"}, str(second))
        log = plane.gateway.output()
        reason = [line for line in log.splitlines() if "PENDING_ACTIVATION" in line and "AWS::IoT::Certificate::Country" in line]
        check(f"{page}: the event log names the parameter", bool(reason), log[-3000:])
        print(*reason[:1], sep="\n")


def main():
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        skip(f"the commands of {' and '.join(PAGES)}", f"{', '.join(missing)} missing")
        return finish()
    for page in PAGES:
        check_page(page)
    finish()


if __name__ == "__main__":
    main()
