"""Every command in the pages is run here, or is marked with why not, or is run by the test that a table names. Every link between pages
leads somewhere.

Run by ./test, beside connect.py, which runs the snippets. Prints one line for each page and a closing line; exits 1 if anything failed.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import connect
import faults
from pages import ROOT, all_blocks, blocks, pages

sys.path.insert(0, str(ROOT / "tests/clients"))
sys.path.insert(0, str(ROOT / "tests/differential"))
import function  # noqa: E402
from door import FrontDoor, token  # noqa: E402

# Commands that other tests run: as the page has it, the test's file, and what stands there for it.
ELSEWHERE = [
    ("cargo local demo", "test", '"iot-local", "--", "demo"'),
    ("cargo local", "tests/clients/door.py", 'local("--port", "0", "--tls-port", "0"'),
    ("cargo local package", "tests/package/package.py", '"local", "package"'),
    ("cargo local keys fetch users --out keys/users.jwks.json", "local/tests/explain/keys.rs", '"keys", "fetch", "users", "--config", &config, "--out", out'),
    ("cargo local --function 'node my-authorizer.mjs'", "local/tests/front_door/function_choice.rs", "a_command_of_the_shell_may_be_the_function"),
    ("cargo local --function http://127.0.0.1:9000/2015-03-31/functions/function/invocations", "local/tests/front_door/function_choice.rs", "/2015-03-31/functions/f/invocations"),
    ("cargo local --env local.env", "local/src/env_file.rs", "fn values_are_taken_as_they_are_written"),
]
# How a command ends that is right where it does not end with 0: the first words, and the code.
ENDS = {"cargo local explain --event refused.json": 1}

# What may be run here at all: all else changes more than this folder, or needs what is not here.
RUN = {"cargo", "curl", "mosquitto_pub", "mosquitto_sub"}
# Queries of CloudWatch Logs Insights are held against the log line by tests/template.
DATA = {"", "json", "text", "toml", "yaml", "xml", "http", "insights"}
CODE = {"sh", "js", "python", "c", "cpp", "swift", "kotlin"}
NEEDS_AWS = "needs an AWS account"
NOT_RUN = "not run here: "
PATIENCE = 120

passed, failed, skipped = [], [], []


def check(title, wrong):
    (failed if wrong else passed).append(title)
    print(f"{'FAILED' if wrong else 'ok'}: {title}" + "".join(f"\n  {fault}" for fault in wrong), flush=True)


def commands(text):
    """The commands of a block: lines joined at a backslash, without comments and empty ones."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [" ".join(re.split(r"\s+#\s", line)[0].split()) for line in lines]
    return [command for command in found if command and not command.startswith("#")]


def marked(block):
    """What is wrong with a block's marker; nothing if it is right, and None if the block has to be run."""
    if block.marker == NEEDS_AWS:
        aws = any(re.match(r"(aws|sam)\s", command) for command in commands(block.text))
        return [] if aws else [f"{block.place}: nothing in it needs an AWS account"]
    if block.marker.startswith(NOT_RUN):
        return [] if len(block.marker) > len(NOT_RUN) + 5 else [f"{block.place}: say why it is not run"]
    if block.marker.startswith(connect.MARK):
        name = block.marker.removeprefix(connect.MARK)
        known = name in connect.HARNESSES or block.language == "sh"
        return [] if known and block.page == "docs/connect.md" else [f"{block.place}: connect.py does not run `{name}`"]
    if block.marker:
        return [f"{block.place}: `<!-- {block.marker} -->` is no marker"]
    return None if block.language == "sh" else [f"{block.place}: {block.language} is neither run nor marked"]


def elsewhere(command):
    return next((row for row in ELSEWHERE if row[0] == command), None)


class Scratch:
    """A copy of the shipped configuration, whose issuer's keys are those that `cargo local token` signs with, and an open door."""

    def __init__(self, folder, door):
        self.folder = pathlib.Path(folder)
        self.door = door
        for part in ("policies", "keys", "docs/recipes"):
            shutil.copytree(ROOT / part, self.folder / part)
        shutil.copy(ROOT / "authorizer.toml", self.folder)
        self.token = token("alice", "tenant=acme")
        shutil.copytree(ROOT / ".iot-local", self.folder / ".iot-local")
        shutil.copy(ROOT / ".iot-local/keys/dev-users.jwks.json", self.folder / "keys/users.jwks.json")
        self.fixtures()
        self.programs()

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def fixtures(self):
        """The files that the pages speak of."""
        people = {"alice": {"sub": "alice", "tenant": "acme", "devices": ["lamp", "door"]}, "ana": {"sub": "ana", "tenant": "acme"}}
        for name, claims in people.items():
            self.write(f"{name}.json", claims)
            self.write(f"subjects/{name}.json", claims)
            self.write(f"tests/subjects/{name}.json", claims)
        self.write("tests/accepted", "# nothing\n")
        for part in ("policies", "keys"):
            shutil.copytree(self.folder / part, self.folder / "old" / part)
        shutil.copy(self.folder / "authorizer.toml", self.folder / "old")
        event = {"token": self.token, "protocolData": {"mqtt": {"clientId": "alice"}}}
        self.write("event.json", event)
        self.write("refused.json", {**event, "protocolData": {"mqtt": {"clientId": "ben"}}})

    def programs(self):
        """`cargo local` without cargo: the built program, and for `invoke` the built function."""
        program = shlex.quote(os.environ["IOT_LOCAL"])
        function = shlex.quote(os.environ["BOOTSTRAP"])
        self.write("bin/cargo", f'''#!/bin/sh
[ "$1" = local ] || {{ echo "only cargo local is run here" >&2; exit 9; }}
shift
if [ "$1" = invoke ]; then exec {program} "$@" --bootstrap {function}; fi
exec {program} "$@"
''')
        (self.folder / "bin/cargo").chmod(0o755)

    def run(self, block):
        """Runs the commands of a block one by one; what one writes, the next can read."""
        wrong = []
        for command in commands(block.text):
            if elsewhere(command):
                continue
            words = shlex.split(command)
            while re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            tool = words[0]
            if tool not in RUN or (tool == "cargo" and words[1:2] != ["local"]):
                wrong.append(f"{block.place}: `{command}` is neither run nor marked")
                continue
            if tool != "cargo" and not shutil.which(tool):
                name = f"{block.place}: {tool}"
                skipped.append(name)
                print(f"skipped: {name} (no {tool} here)", flush=True)
                continue
            here = command.replace("8443", str(self.door.tls_port)).replace("8080", str(self.door.port))
            environment = dict(os.environ, TOKEN=self.token, PATH=f"{self.folder}/bin:{os.environ['PATH']}")
            try:
                done = subprocess.run(["sh", "-c", here], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
            except subprocess.TimeoutExpired:
                wrong.append(f"{block.place}: `{command}` does not end; is it run by another test?")
                continue
            expected = ENDS.get(command, 0)
            refused = tool == "curl" and '"message":"OK"' not in done.stdout
            if done.returncode != expected or refused:
                wrong.append(f"{block.place}: `{command}` ends with {done.returncode} in place of {expected}\n{done.stdout}{done.stderr}")
        return wrong


def table():
    """Rows of the table that nothing is behind any more."""
    told = {command for block in all_blocks() if block.language == "sh" for command in commands(block.text)}
    wrong = [f"no page has `{command}` any more" for command, _, _ in ELSEWHERE if command not in told]
    wrong += [f"no page has `{command}` any more" for command in ENDS if command not in told]
    for command, file, text in ELSEWHERE:
        if text not in (ROOT / file).read_text():
            wrong.append(f"{file} has no `{text}`, which `{command}` is run by")
    return wrong


def slug(heading):
    """The anchor that GitHub makes of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def prose(text):
    """The text without fenced blocks and code."""
    text = re.sub(r"^\s*```.*?^\s*```$", "", text, flags=re.M | re.S)
    return text, re.sub(r"`[^`\n]*`", "", text)


def anchors(text):
    found = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(text)[0], re.M):
        name = slug(heading)
        times = found[name] = found.get(name, -1) + 1
        if times:
            found[f"{name}-{times}"] = 0
    return set(found)


def links(page, text):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)[1]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ROOT / page if not path else (ROOT / page).parent / path
        if not file.exists():
            wrong.append(f"{page}: {target} leads nowhere")
        elif anchor and anchor not in anchors(file.read_text()):
            wrong.append(f"{page}: {target}: there is no such heading")
    return wrong


def judge(scratch, page, text, found):
    """What is wrong with a page and its blocks."""
    wrong = links(page, text)
    for block in (block for block in found if block.language not in DATA):
        if block.language not in CODE:
            wrong.append(f"{block.place}: {block.language} is no language of these pages; call a shell's sh")
            continue
        said = marked(block)
        wrong += scratch.run(block) if said is None else said
    return wrong


def build():
    """The programs, as `cargo local` builds them; IOT_LOCAL and BOOTSTRAP name built ones."""
    if "IOT_LOCAL" not in os.environ:
        folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        subprocess.run([function.CARGO, "build", "--quiet", "--locked", "--package", "iot-local", "--bin", "iot-local"], cwd=ROOT, check=True)
        os.environ["IOT_LOCAL"] = str(folder / "debug/iot-local")
    if "BOOTSTRAP" not in os.environ:
        os.environ["BOOTSTRAP"] = function.build(ROOT)


def main():
    build()
    door = FrontDoor()
    try:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Scratch(folder, door)
            for page, text in pages().items():
                check(page, judge(scratch, page, text, blocks(page, text)))
            check("a page with a fault is told of it", faults.told(lambda *page: judge(scratch, *page)))
    finally:
        door.end()
    check("each row of the table of other tests has its command and its test", table())
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
