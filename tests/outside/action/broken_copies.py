"""Copies of the action's scripts without one of their protections, and the case that finds each."""

import pathlib
import shutil
import tempfile

from lib.checks import check
from lib.paths import ROOT, TEMPORARY

# The script, the text that is replaced, the text in its place, and the title of a case.
COPIES = [
    ("report.py", 'f"<code>{\'\'.join(plain)}</code>"', 'f"<code>{printable(value)}</code>"', "names with markup"),
    ("report.py", "or char.isprintable()", "or True", "names with markup"),
    ("check.py", "env=self.inputs.variables", "env=os.environ", "the variable DEPLOY_SECRET"),
    ("check.py", 'print(f"::stop-commands::{mark}")', "pass", "markup and commands in a finding"),
    ("check.py", 'if kind in ("file", "list")', "if False", "an absolute key file"),
    ("check.py", 'return f"invalid TOML 1.0: {error}"', "return None", "an escape of TOML 1.1"),
    ("check.py", 'for name in ("base", "head"))', 'for name in ("head", "base"))', "a gain that is hidden by changed claims"),
    ("check.py", "if program.is_relative_to(workspace)", "if False", "a program of the pull request"),
    ("check.py", "or RUNNERS_VARIABLES.fullmatch(name)", "or False", "env-names: GITHUB_TOKEN"),
    ("check.py", 'or ".." in path.parts', "or False", "config: ../x"),
    ("check.py", "command, cwd=self.folder", "command[len(self.namespace):], cwd=self.folder", "the surroundings"),
    ("trees.py", "elif size > MAX_FILE_BYTES:", "elif False:", "a large policy"),
]


def run(errors_of_case):
    """Checks that each copy is found. `errors_of_case` returns what is wrong with a case that runs with the action in a
    folder."""
    for script, old, new, title in COPIES:
        with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
            folder = pathlib.Path(folder)
            shutil.copytree(ROOT / "deploy/action", folder / "deploy/action")
            path = folder / "deploy/action" / script
            text = path.read_text()
            if text.count(old) != 1:
                raise SystemExit(f"FAILED: {script} has `{old}` {text.count(old)} times, not once")
            path.write_text(text.replace(old, new))
            check(f"a broken copy is found by `{title}`: {new}", bool(errors_of_case(title, folder)))
