"""Runs every command of the pages, unless a marker says why not or a table names the test that runs it. Checks every
link between pages.

Run by `./test docs`. snippets.py runs the snippets of docs/connect.md.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import broken_pages
import snippets
from lib import function
from lib.checks import check_none, finish, skip
from lib.gateway import Gateway, program, token
from lib.pages import all_blocks, blocks, pages
from lib.paths import ROOT

# Commands that other tests run: the command as in the page, the test's files, and the text with which one of them runs
# it.
ELSEWHERE = [
    ("cargo local demo", "test", '"iot-local", "--", "demo"'),
    ("cargo local demo kitting", "test", '"iot-local", "--", "demo", "all"'),
    ("cargo local demo fleet", "test", '"iot-local", "--", "demo", "all"'),
    ("cargo local demo bootstrap", "test", '"iot-local", "--", "demo", "all"'),
    ("cargo local demo jitr", "test", '"iot-local", "--", "demo", "all"'),
    ("cargo local demo cognito", "test", '"iot-local", "--", "demo", "all"'),
    ("cargo local demo regions", "test", '"iot-local", "--", "demo", "all"'),
    ("cargo local demo regions --kills 20", "local/**/*.rs", '"demo", "regions", "--kills", "1"'),
    ("cargo local", "tests/outside/lib/gateway.py", 'command_line(*listen, *run'),
    ("cargo local package", "tests/outside/package/package.py", '"local", "package"'),
    ("cargo local package --provision", "tests/outside/package/provision.py", '"local", "package", "--provision"'),
    ("cargo local keys fetch users --out keys/users.jwks.json", "local/**/*.rs", '"keys", "fetch", "users", "--config", &config, "--out", out'),
    ("terraform init", "tests/outside/terraform/command.py", 'self.run("init"'),
    ("terraform apply", "tests/outside/terraform/command.py", 'self.run("apply"'),
    ("cargo local --function 'node my-authorizer.mjs'", "local/**/*.rs", "the_function_may_be_a_shell_command"),
    ("cargo local --function http://127.0.0.1:9000/2015-03-31/functions/function/invocations", "local/**/*.rs", "/2015-03-31/functions/f/invocations"),
    ("cargo local --env local.env", "local/**/*.rs", "fn values_are_read_literally"),
]
# The exit code of commands that are expected to fail.
EXIT_CODES = {
    "cargo local explain --event refused.json": 1,
    # The sample values of the example are warnings.
    "cargo local check --deny-warnings": 1,
}

# The only programs that are run here: others change more than this folder, or are not installed.
PROGRAMS = {"cargo", "curl", "mosquitto_pub", "mosquitto_sub"}
# tests/outside/template checks the queries of CloudWatch Logs Insights.
DATA = {"", "json", "text", "toml", "yaml", "xml", "http", "insights"}
CODE = {"sh", "hcl", "js", "python", "c", "cpp", "swift", "kotlin"}
NEEDS_AWS = "needs an AWS account"
NOT_RUN = "not run here: "
# The markers of blocks that a program of one page runs.
PAGES_WITH_PROGRAMS = {
    "run by tests/outside/devices/page.py": ["docs/devices.md"],
    "run by tests/outside/cognito/page.py": ["docs/cognito.md"],
    "run by tests/outside/devices/jitp_page.py": ["docs/jitp.md", "docs/jitp.ja.md"],
    "run by tests/outside/deploy/compare.py": ["docs/deploy-terraform.md"],
    "run by tests/outside/terraform/terraform.py": ["docs/terraform.md"],
    "run by tests/outside/cdk/cdk.py": ["docs/deploy-cdk.md"],
}
COMMAND_TIMEOUT = 120


def commands(text):
    """The commands of a block: lines joined at a backslash, without comments and empty lines."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [" ".join(re.split(r"\s+#\s", line)[0].split()) for line in lines]
    return [command for command in found if command and not command.startswith("#")]


def marker_errors(block):
    """The errors of a block's marker; `None` if the block has to be run."""
    if block.marker == NEEDS_AWS:
        aws = any(re.match(r"(aws|sam)\s", command) for command in commands(block.text))
        return [] if aws else [f"{block.place}: no command needs an AWS account"]
    if block.marker.startswith(NOT_RUN):
        return [] if len(block.marker) > len(NOT_RUN) + 5 else [f"{block.place}: say why it is not run"]
    if pages_there := PAGES_WITH_PROGRAMS.get(block.marker):
        return [] if block.page in pages_there else [f"{block.place}: only {' and '.join(pages_there)} run there"]
    if block.marker.startswith(snippets.MARK):
        name = block.marker.removeprefix(snippets.MARK)
        known = name in snippets.HARNESSES or block.language == "sh"
        return [] if known and block.page == "docs/connect.md" else [f"{block.place}: snippets.py does not run `{name}`"]
    if block.marker:
        return [f"{block.place}: unknown marker `<!-- {block.marker} -->`"]
    return None if block.language == "sh" else [f"{block.place}: {block.language} is neither run nor marked"]


def run_elsewhere(command):
    return next((row for row in ELSEWHERE if row[0] == command), None)


class Workspace:
    """A copy of the shipped configuration, with the keys of `cargo local token`, next to a running gateway."""

    def __init__(self, folder, gateway):
        self.folder = pathlib.Path(folder)
        self.gateway = gateway
        for part in ("policies", "keys", "docs/recipes"):
            shutil.copytree(ROOT / part, self.folder / part)
        shutil.copytree(ROOT / "provision", self.folder / "provision", ignore=lambda *_: ["src", "tests", "cases"])
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
        """The files that the commands of the pages read."""
        subjects = {"alice": {"sub": "alice", "tenant": "acme", "devices": ["lamp", "gateway"]}, "ana": {"sub": "ana", "tenant": "acme"}}
        for name, claims in subjects.items():
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
        """A `cargo` that runs the built program, and for `invoke` the built authorizer."""
        built = shlex.quote(program())
        function = shlex.quote(os.environ["BOOTSTRAP"])
        self.write("bin/cargo", f'''#!/bin/sh
[ "$1" = local ] || {{ echo "only cargo local runs here" >&2; exit 9; }}
shift
if [ "$1" = invoke ]; then exec {built} "$@" --bootstrap {function}; fi
exec {built} "$@"
''')
        (self.folder / "bin/cargo").chmod(0o755)

    def run(self, block):
        """Runs the commands of a block in order, in one folder. Returns the errors."""
        errors = []
        for command in commands(block.text):
            if run_elsewhere(command):
                continue
            words = shlex.split(command)
            while re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            tool = words[0]
            if tool not in PROGRAMS or (tool == "cargo" and words[1:2] != ["local"]):
                errors.append(f"{block.place}: `{command}` is neither run nor marked")
                continue
            if tool != "cargo" and not shutil.which(tool):
                skip(f"{block.place}: {tool}", f"{tool} is missing")
                continue
            adapted = command.replace("8443", str(self.gateway.tls_port)).replace("8080", str(self.gateway.port))
            environment = dict(os.environ, TOKEN=self.token, PATH=f"{self.folder}/bin:{os.environ['PATH']}")
            try:
                done = subprocess.run(["sh", "-c", adapted], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, stdin=subprocess.DEVNULL)
            except subprocess.TimeoutExpired:
                errors.append(f"{block.place}: `{command}` does not end; does another test run it?")
                continue
            expected = EXIT_CODES.get(command, 0)
            denied = tool == "curl" and '"message":"OK"' not in done.stdout
            if done.returncode != expected or denied:
                errors.append(f"{block.place}: `{command}` ends with {done.returncode} instead of {expected}\n{done.stdout}{done.stderr}")
        return errors


def table_errors():
    """The errors of the tables: commands that no page has, and files without the text."""
    found = {command for block in all_blocks() if block.language == "sh" for command in commands(block.text)}
    errors = [f"no page has `{command}`" for command, _, _ in ELSEWHERE if command not in found]
    errors += [f"no page has `{command}`" for command in EXIT_CODES if command not in found]
    for command, files, text in ELSEWHERE:
        if not any(text in path.read_text() for path in ROOT.glob(files)):
            errors.append(f"{files} does not contain `{text}`, which runs `{command}`")
    return errors


def slug(heading):
    """The anchor of a heading on GitHub."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def prose(text):
    """The text without fenced blocks; and without inline code, too."""
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


def link_errors(page, text):
    errors = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)[1]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ROOT / page if not path else (ROOT / page).parent / path
        if not file.exists():
            errors.append(f"{page}: {target}: no such file")
        elif anchor and anchor not in anchors(file.read_text()):
            errors.append(f"{page}: {target}: no such heading")
    return errors


def page_errors(workspace, page, text, found):
    errors = link_errors(page, text)
    for block in (block for block in found if block.language not in DATA):
        if block.language not in CODE:
            errors.append(f"{block.place}: unknown language {block.language}; shell commands are `sh`")
            continue
        found_errors = marker_errors(block)
        errors += workspace.run(block) if found_errors is None else found_errors
    return errors


def build():
    """Builds the programs, unless IOT_LOCAL and BOOTSTRAP name built ones."""
    program()
    if "BOOTSTRAP" not in os.environ:
        os.environ["BOOTSTRAP"] = function.build()


def main():
    build()
    with Gateway() as gateway, tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder, gateway)
        for page, text in pages().items():
            check_none(page, page_errors(workspace, page, text, blocks(page, text)))
        check_none("errors of broken pages are found", broken_pages.missed(lambda *page: page_errors(workspace, *page)))
    check_none("each row of the tables has its command and its test", table_errors())
    finish()


if __name__ == "__main__":
    main()
