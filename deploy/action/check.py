"""Checks the configuration of a commit and compares its permissions with those of the base: docs/action.md.

The commit is untrusted. Its files are read from Git, not from the workspace, into a temporary folder. The program gets
no environment variable but those that `env-names` names, and no network where the runner can make a namespace. What it
prints is escaped before it is printed or written to a file of the runner.
"""

import dataclasses
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import tomllib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import report as reports
from trees import Repository, TreeError

PROGRAM_SECONDS = 300
# Variables of the runner, some of which are credentials.
RUNNERS_VARIABLES = re.compile(r"(GITHUB|ACTIONS|RUNNER|INPUT)_.*|GH_TOKEN|PATH|HOME|LD_.*", re.IGNORECASE)
# GitHub shows at most ten annotations of each kind for a step.
MAX_ANNOTATIONS = 10


class ActionError(Exception):
    """An input that is invalid, or a file that cannot be read."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The inputs of `action.yml`."""

    program: pathlib.Path
    config: str
    claims: str
    accept: str
    base: str
    variables: dict
    deny_warnings: bool
    fail_on: str
    workspace: pathlib.Path

    @classmethod
    def read(cls, environment):
        def one_of(name, values):
            value = environment[f"INPUT_{name.upper().replace('-', '_')}"]
            if value not in values:
                raise ActionError(f'{name}: invalid value "{value}"; expected {" or ".join(values)}')
            return value

        workspace = pathlib.Path(environment["GITHUB_WORKSPACE"]).resolve()
        program = pathlib.Path(environment["INPUT_PROGRAM"]).resolve()
        if not program.is_file():
            raise ActionError(f"program: no file {program}")
        if program.is_relative_to(workspace):
            raise ActionError("program: inside the workspace, which a pull request writes; expected a path outside of it")
        return cls(
            program, repository_path("config", environment["INPUT_CONFIG"]),
            repository_path("claims", environment["INPUT_CLAIMS"]),
            repository_path("accept", environment["INPUT_ACCEPT"]), environment["INPUT_BASE"],
            variables(environment), one_of("deny-warnings", ("true", "false")) == "true",
            one_of("fail-on", ("gains", "nothing")), workspace)


def repository_path(name, text):
    path = pathlib.PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ActionError(f'{name}: invalid path "{text}"; expected a path relative to the top of the repository')
    return str(path)


def variables(environment):
    """The variables that `env-names` names and that are set."""
    found = {}
    for name in environment["INPUT_ENV_NAMES"].split():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or RUNNERS_VARIABLES.fullmatch(name):
            raise ActionError(f'env-names: invalid name "{name}"; expected a variable of your own')
        if name in environment:
            found[name] = environment[name]
    return found


class Program:
    """`cargo-local` with the variables of the configuration as its whole environment, in a temporary folder."""

    def __init__(self, inputs, folder):
        self.inputs, self.folder = inputs, folder
        self.namespace = network_namespace()

    def run(self, *arguments):
        """The JSON that a command prints, `None` without one; and what it prints on standard error."""
        command = [*self.namespace, str(self.inputs.program), *arguments, "--json"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.inputs.variables, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PROGRAM_SECONDS)
        if done.returncode not in (0, 1) or not done.stdout:
            return None, done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        return json.loads(done.stdout), ""


def network_namespace():
    """The command that runs another one in a network namespace of its own; empty if this runner cannot make one."""
    unshare, true = shutil.which("unshare"), shutil.which("true")
    for command in ([unshare, "--net", "--"], [unshare, "--map-current-user", "--net", "--"]):
        if unshare and true and subprocess.run([*command, true], capture_output=True).returncode == 0:
            return command
    return []


def path_error(config, environment):
    """Why a configuration must not be given to the program: it names a file outside of its folder, which the program
    would read, or it cannot be read. `None` if it may be."""
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        # The program reads TOML 1.1. What only it can read could name any file.
        return f"invalid TOML 1.0: {error}"
    for text in strings(document):
        text = re.sub(r"\$\{env:(\w+)\}", lambda match: environment.get(match[1], ""), text)
        kind, _, path = text.partition(":")
        if kind in ("file", "list") and (path.startswith("/") or ".." in path.split("/")):
            return f"{text} is outside of the configuration's folder"
    return None


def strings(value):
    """All strings in a value of TOML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from strings(member)


class Comparison:
    """The trees of a commit and of its base in a temporary folder, and what the program says about them."""

    def __init__(self, inputs, folder):
        self.inputs, self.folder = inputs, folder
        self.repository = Repository(inputs.workspace)
        self.program = Program(inputs, folder)
        self.report = {"passed": False, "check": None, "diff": None, "problems": [], "notes": [], "skipped": []}

    def run(self):
        """Fills the report, and returns it."""
        report, inputs = self.report, self.inputs
        self.write("head", self.repository.commit("HEAD"))
        options = ["--deny-warnings"] if inputs.deny_warnings else []
        report["check"], error = self.examine("head", options)
        report["problems"] += [f"cannot check: {error}"] if error else []
        if inputs.base and report["check"] and report["check"]["ok"]:
            self.compare()
        elif not inputs.base:
            report["notes"].append("permissions not compared: there is no base commit")
        denied = ["error", *(["warning"] if inputs.deny_warnings else [])]
        is_clean = not any(reports.severity_count(report, severity) for severity in denied)
        has_gains = inputs.fail_on == "gains" and report["diff"] and report["diff"]["notAccepted"] > 0
        report["passed"] = bool(report["check"] and is_clean and not report["problems"] and not has_gains)
        isolated = "ran in a network namespace without interfaces" if self.program.namespace else "made no network call"
        report["notes"].append(f"the commands {isolated}")
        return report

    def write(self, name, commit):
        """Writes what the program may read of a commit: the configuration's folder, claims and accepted gains."""
        config_folder = str(pathlib.PurePosixPath(self.inputs.config).parent)
        paths = [] if config_folder == "." else [config_folder, self.inputs.claims, self.inputs.accept]
        (self.folder / name).mkdir()
        skipped = self.repository.write(commit, paths, self.folder / name)
        self.report["skipped"] += [{"path": f"{name}: {path}", "reason": reason} for path, reason in skipped]

    def examine(self, name, options=()):
        """The report of `check`, or an error."""
        config = self.folder / name / self.inputs.config
        for file in (config, config.with_name("provision.toml")):
            if error := path_error(file, self.inputs.variables):
                return None, f"{file.name}: {error}"
        return self.program.run("check", "--config", f"{name}/{self.inputs.config}", *options)

    def compare(self):
        """Compares the permissions of the commit with those of its base."""
        inputs, report, repository = self.inputs, self.report, self.repository
        base = repository.merge_base(repository.commit(inputs.base), "HEAD")
        self.write("base", base)
        if not (self.folder / "base" / inputs.config).is_file():
            report["notes"].append(f"permissions not compared: the base has no {inputs.config}")
            return
        if not self.collect_claims():
            report["notes"].append(f"permissions not compared: no claims files in {inputs.claims}")
            return
        accept = f"head/{inputs.accept}"
        options = ["--accept", accept] if (self.folder / accept).is_file() else []
        old, error = self.examine("base")
        if old:
            configs = [f"{name}/{inputs.config}" for name in ("base", "head")]
            report["diff"], error = self.program.run("diff", *configs, "--claims", "claims", *options)
        report["problems"] += [f"cannot compare permissions: {error}"] if error else []

    def collect_claims(self):
        """Collects claims files in one folder. Those of the base count, so that no commit hides a gain by changing or
        removing one; a commit may add others. Returns whether there are any."""
        (self.folder / "claims").mkdir()
        base, head = (sorted((self.folder / name / self.inputs.claims).glob("*.json")) for name in ("base", "head"))
        added = {path.name: path for path in head}
        for path in base:
            shutil.copy(path, self.folder / "claims")
            other = added.pop(path.name, None)
            if other is None or other.read_bytes() != path.read_bytes():
                self.report["notes"].append(f"compared with the base's {path.name}, which this commit changes or removes")
        for path in added.values():
            shutil.copy(path, self.folder / "claims")
        return bool(base or added)


def escaped(text, property_value=False):
    """A value in a workflow command of the runner."""
    pairs = [("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), *([(":", "%3A"), (",", "%2C")] if property_value else [])]
    text = reports.printable(text)
    for character, code in pairs:
        text = text.replace(character, code)
    return text


def print_report(report, config_folder):
    """Prints the log, in which the runner looks for no commands, and then annotations as commands."""
    mark = secrets.token_hex(32)
    print(f"::stop-commands::{mark}")
    for finding in reports.findings(report):
        hint = f" help: {finding['hint']}" if finding["hint"] else ""
        place = f"{finding['file']}:{finding['line'] or 1}"
        print("  ", *map(reports.printable, (finding["severity"], place, finding["message"], hint)))
    for change in reports.changes(report):
        for sign, permissions in (("+", change["gains"]), ("-", change["loses"])):
            for permission in permissions:
                print("  ", sign, reports.printable(change["file"]), reports.printable(permission))
    for text in [*report["problems"], *report["notes"]]:
        print("  ", reports.printable(text))
    print(f"::{mark}::")
    for problem in report["problems"]:
        print(f"::error::{escaped(problem)}")
    for finding in reports.findings(report)[:MAX_ANNOTATIONS]:
        kind = "error" if finding["severity"] == "error" else "warning"
        file = escaped(pathlib.PurePosixPath(config_folder) / finding["file"], property_value=True)
        print(f"::{kind} file={file},line={int(finding['line'] or 1)}::{escaped(finding['message'])}")


def write_files(report, environment):
    """Writes the summary, the outputs and the report. The outputs are numbers, words of this program and a path."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="iot-authorizer-", dir=environment["RUNNER_TEMP"]))
    path = folder / "report.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    with open(environment["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as summary:
        summary.write(reports.render(report, reports.SUMMARY_CHARACTERS))
    outputs = {
        "result": "passed" if report["passed"] else "failed",
        "errors": reports.severity_count(report, "error"), "warnings": reports.severity_count(report, "warning"),
        "gains": reports.gain_count(report) if report["diff"] else "",
        "not-accepted": int(report["diff"]["notAccepted"]) if report["diff"] else "", "report": path,
    }
    with open(environment["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs.items())


def main():
    try:
        inputs = Inputs.read(os.environ)
        with tempfile.TemporaryDirectory(dir=os.environ["RUNNER_TEMP"]) as folder:
            report = Comparison(inputs, pathlib.Path(folder)).run()
    except (ActionError, TreeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"::error::{escaped(error)}")
        sys.exit(1)
    print_report(report, str(pathlib.PurePosixPath(inputs.config).parent))
    write_files(report, os.environ)
    sys.exit(not report["passed"])


main()
