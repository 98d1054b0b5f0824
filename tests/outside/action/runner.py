"""Runs the steps of a composite action as GitHub's runner does: with its environment variables set by hand, and its
reading of the output.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import os
import pathlib
import re
import subprocess
from dataclasses import dataclass, field

import yaml

from lib.paths import ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
# What a runner's job may have besides: none of it may reach the program.
SECRETS = {
    "GITHUB_TOKEN": "ghs-secret-1", "ACTIONS_RUNTIME_TOKEN": "secret-2", "AWS_SECRET_ACCESS_KEY": "secret-3",
    "DEPLOY_SECRET": "secret-4",
}
STEP_SECONDS = 120


@dataclass
class Run:
    """What the steps of one run of the action left behind."""

    exit_code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict = field(default_factory=dict)
    # Name, properties and text of each command that the runner carries out.
    commands: list = field(default_factory=list)


def evaluate(expression, inputs, outputs):
    """The value of an expression of the forms that `action.yml` uses."""
    def value(term):
        if match := re.fullmatch(r"inputs\.([\w-]+)", term):
            return inputs[match[1]]
        if match := re.fullmatch(r"steps\.(\w+)\.outputs\.([\w-]+)", term):
            return outputs.get(match[1], {}).get(match[2], "")
        raise ValueError(f"unknown expression {term}")

    return next(filter(None, map(value, expression.split(" || "))), "")


def fill(text, inputs, outputs):
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: evaluate(match[1], inputs, outputs), text)


def read_file(path):
    """The outputs in a step's file, as the runner reads it: `NAME=VALUE` lines."""
    pairs = [line.partition("=") for line in path.read_text().splitlines()]
    if broken := [line for line in pairs if not line[1] or "<<" in line[0]]:
        raise ValueError(f"unexpected lines in GITHUB_OUTPUT: {broken}")
    return {name: value for name, _, value in pairs}


def commands(log):
    """The workflow commands in a log. After `::stop-commands::MARK` only `::MARK::` is one; `##[name]` may be anywhere
    in a line."""
    stopped = None
    for line in re.split(r"\r\n|\r|\n", log):
        match = re.match(r"\s*::([\w-]+)(?: (.*?))?::(.*)", line)
        if stopped:
            stopped = None if match and match[1] == stopped else stopped
        elif match and match[1] == "stop-commands":
            stopped = match[3]
        elif match:
            yield match.groups()
        elif legacy := re.search(r"##\[([\w-]+)[^\]]*\]", line):
            yield legacy[1], None, line


def action(folder, workspace, inputs, environment=(), prefix=(), scripts=ROOT):
    """Runs the action's steps one after the other, up to one that fails. `prefix` is a command that runs the shell;
    `scripts` is the folder of the action."""
    defaults = {name: "" if "${{" in given["default"] else given["default"] for name, given in ACTION["inputs"].items()}
    inputs, outputs, run = defaults | inputs, {}, Run()
    temporary, home = folder / "temporary", folder / "home"
    for path in (temporary, home):
        path.mkdir()
    summary = folder / "summary"
    summary.touch()
    for step in STEPS:
        if step.get("if") == "inputs.program == ''" and inputs["program"]:
            continue
        output = folder / f"output-{step['id']}"
        output.touch()
        variables = {
            "PATH": os.environ["PATH"], "HOME": str(home), "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64", "RUNNER_TEMP": str(temporary), "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_ACTION_PATH": str(scripts), "GITHUB_ACTION_REPOSITORY": "OWNER/iot-jwt-authorizer",
            "GITHUB_SERVER_URL": "https://github.invalid", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary),
        } | SECRETS | dict(environment)
        variables |= {name: fill(str(text), inputs, outputs) for name, text in step["env"].items()}
        script = folder / "step.sh"
        script.write_text(fill(step["run"], inputs, outputs))
        command = [*prefix, "bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(
            command, cwd=workspace, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=STEP_SECONDS)
        run.log += done.stdout.decode(errors="surrogateescape")
        run.exit_code = done.returncode
        outputs[step["id"]] = read_file(output)
        if run.exit_code:
            break
    run.summary = summary.read_text()
    outcome = {name: fill(given["value"], inputs, outputs) for name, given in ACTION["outputs"].items()}
    run.outputs, run.commands = outcome, list(commands(run.log))
    return run
