"""The GitHub Action with real pull requests, accepted, denied and hostile: its steps run as the runner runs them.

Run by `./test action`, with the built `cargo-local`.
"""

import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import markdown_it

import broken_copies
import downloads
import hostile_reports
import page
import runner
from cases import DENIED, INVALID_INPUTS, PASSED, Edit, Folder, Link, Submodule
from lib.checks import check, check_none, finish
from lib.paths import CARGO, ROOT, TARGET, TEMPORARY

VARIABLES = {"ISSUER": "https://login.acme.test/", "ROOT_FOLDER": "/", "OTHER": "x"}
AUTHOR = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in (("NAME", "a"), ("EMAIL", "a@a.test"))}
TAGS = {"h2", "h3", "ul", "li", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "br"}


class Markdown(html.parser.HTMLParser):
    """The text of Markdown as GitHub shows it, and the elements that are none of the report's own."""

    def __init__(self, text):
        super().__init__()
        self.text, self.foreign = "", []
        self.feed(markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render(text))

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS or attributes:
            self.foreign.append((tag, attributes))

    def handle_data(self, data):
        self.text += data


class PullRequest:
    """A repository with a base, and a merge commit of a pull request that is checked out, as GitHub does."""

    def __init__(self, folder, template, case):
        self.folder, self.template = folder, template
        self.git("init", "--quiet", "--initial-branch", "main")
        shutil.copytree(template, folder, dirs_exist_ok=True)
        self.commit(case.base)
        self.base = self.git("rev-parse", "HEAD")
        self.git("checkout", "--quiet", "-b", "change")
        self.commit(case.head)
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
        self.git("branch", "unrelated", self.git("commit-tree", "-m", "x", self.git("mktree")))

    def git(self, *arguments):
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=os.environ | AUTHOR, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(self, changes):
        modules = [path for path, change in changes.items() if isinstance(change, Submodule)]
        for path, change in changes.items():
            if path not in modules:
                self.write(self.folder / path, change)
        self.git("add", "--all", "--force")
        for path in modules:
            self.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{path}")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")

    def write(self, path, change):
        if path.is_dir():
            shutil.rmtree(path)
        if change is None:
            return path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(change, Folder):
            shutil.copytree(self.template, path)
        elif isinstance(change, Link):
            path.unlink(missing_ok=True)
            path.symlink_to(change.target)
        elif isinstance(change, Edit):
            source = path if path.exists() else self.template / path.relative_to(self.folder)
            text = source.read_text()
            if change.old not in text:
                raise SystemExit(f"FAILED: {path} has no {change.old}")
            path.write_text(text.replace(change.old, change.new))
        else:
            path.write_text(change)


def play(case, template, program, prepare=None, **options):
    """Runs the action on a case's pull request. `prepare` changes the workspace first."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        folder = pathlib.Path(folder)
        workspace = folder / "workspace"
        workspace.mkdir()
        pull_request = PullRequest(workspace, template, case)
        if prepare:
            prepare(workspace)
        inputs = {"program": str(program), "base": pull_request.base} | case.inputs
        return runner.action(folder, workspace, inputs, VARIABLES, **options)


def errors_of(case, run, passes):
    """What is wrong with a run."""
    summary = Markdown(run.summary)
    shown = summary.text or run.log
    if (run.exit_code == 0) != passes:
        yield f"exit code {run.exit_code}"
    yield from (f"the summary has the element {element}" for element in summary.foreign)
    yield from (f"`{text}` is missing" for text in case.says if text not in shown)
    yield from (f"`{text}` is shown" for text in case.omits if text in run.log + run.summary)
    yield from (f"output {name} is {run.outputs[name]!r}" for name, value in case.outputs.items() if run.outputs[name] != value)
    yield from (f"the runner would carry out {command}" for command in run.commands if command[0] not in ("error", "warning"))
    yield from (f"the runner would carry out {command}" for command in run.commands if "planted" == command[2])
    yield from (f"the secret {name} is shown" for name, value in runner.SECRETS.items() if value in run.log + run.summary)


def check_cases(title, cases, passes, template, program):
    for case in cases:
        run = play(case, template, program)
        errors = list(errors_of(case, run, passes))
        check_none(f"{title}: {case.title}", [*errors, *(run.log.splitlines()[-12:] if errors else [])])


def surroundings(template, program, **options):
    """What the program sees: its environment variables, and the network's interfaces."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        record, wrapper = pathlib.Path(folder) / "record", pathlib.Path(folder) / "wrapper"
        lines = ["#!/bin/sh", f"cat /proc/self/environ | tr '\\0' '\\n' >>{record}", f"cat /proc/net/dev >>{record}"]
        wrapper.write_text("\n".join([*lines, f'exec {program} "$@"', ""]))
        wrapper.chmod(0o755)
        case = next(case for case in PASSED if "env-names" in case.inputs)
        run = play(case, template, wrapper, **options)
        seen = record.read_text()
    names = {line.partition("=")[0] for line in seen.splitlines() if "=" in line}
    interfaces = {line.partition(":")[0].strip() for line in seen.splitlines() if re.match(r"\s*\w+:", line)}
    return run, names, interfaces


def surroundings_errors(template, program, **options):
    """What is wrong with the surroundings. The shell of the wrapper sets some variables itself."""
    run, names, interfaces = surroundings(template, program, **options)
    names -= {"PWD", "OLDPWD", "SHLVL", "_"}
    yield from ([f"exit code {run.exit_code}"] if run.exit_code else [])
    yield from (f"the variable {name}" for name in names ^ {"ISSUER", "OTHER"})
    yield from (f"the interface {name}" for name in interfaces - {"lo"})


def check_surroundings(template, program):
    check_none("the program sees the variables of env-names, and no network", surroundings_errors(template, program))
    run = play(PASSED[0], template, program, prefix=("unshare", "--net", "--"))
    check("the whole step runs without a network", run.exit_code == 0 and run.outputs["gains"] == "0", run.log)


def check_workspaces(template, program):
    """Workspaces as runners may have them."""
    def give_away(workspace):
        for path in [workspace, *workspace.rglob("*")]:
            os.chown(path, 12345, 12345, follow_symlinks=False)

    def plant(workspace):
        for name in ("post-checkout", "post-index-change", "reference-transaction"):
            hook = workspace / ".git/hooks" / name
            hook.write_text("#!/bin/sh\necho planted >&2\necho planted\n")
            hook.chmod(0o755)
        (workspace / "policies/app-user.json").write_text("planted")

    case = PASSED[0]
    titles = {"a workspace of another user": give_away, "hooks, and changes that are not committed": plant}
    for title, prepare in titles.items():
        run = play(case, template, program, prepare)
        check_none(f"passed: {title}", [*errors_of(case, run, True), *(["planted"] if "planted" in run.log else [])])


def broken(template, program, title, scripts):
    """What is wrong with the case of a title if the action is that of a folder."""
    if title == "the surroundings":
        return list(surroundings_errors(template, program, scripts=scripts))
    passes, case = next((cases is PASSED, case) for cases in (PASSED, DENIED, INVALID_INPUTS) for case in cases if case.title == title)
    return list(errors_of(case, play(case, template, program, scripts=scripts), passes))


def build():
    """The program: `IOT_LOCAL`, or built."""
    if built := os.environ.get("IOT_LOCAL"):
        return pathlib.Path(built)
    command = [CARGO, "build", "--quiet", "--locked", "--package", "iot-local", "--bin", "cargo-local"]
    subprocess.run(command, cwd=ROOT, check=True)
    return TARGET / "debug/cargo-local"


def main():
    program = build()
    page.run()
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        template = pathlib.Path(folder) / "template"
        options = ["--oidc", "https://login.acme.test/", "--audience", "api"]
        subprocess.run([program, "init", template, *options], check=True, capture_output=True)
        check_cases("passed", PASSED, True, template, program)
        check_cases("denied", DENIED, False, template, program)
        check_cases("invalid input", INVALID_INPUTS, False, template, program)
        check_surroundings(template, program)
        check_workspaces(template, program)
        broken_copies.run(lambda title, scripts: broken(template, program, title, scripts))
        hostile_reports.run(Markdown)
        downloads.run(template, program, play)
    finish()


main()
