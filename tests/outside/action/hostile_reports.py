"""deploy/action/report.py with reports that another job may have written: it renders data, or ends with an error."""

import copy
import json
import subprocess
import sys
import tempfile

from cases import COMMAND, MARKUP
from lib.checks import check_none
from lib.paths import ROOT, TEMPORARY

HOSTILE = MARKUP + COMMAND
FINDING = {"severity": "error", "file": HOSTILE, "line": 1, "message": HOSTILE, "hint": HOSTILE}
CHANGE = {"file": HOSTILE, "was_refused": HOSTILE, "is_refused": None, "gains": [HOSTILE], "loses": [HOSTILE]}
REPORT = {
    "passed": True, "problems": [HOSTILE], "notes": [HOSTILE], "skipped": [{"path": HOSTILE, "reason": HOSTILE}],
    "check": {"findings": [FINDING], "cases": [{"file": HOSTILE, "allowed": 1, "denied": 2, "wrong": 0}]},
    "diff": {"changes": [CHANGE], "notAccepted": 1},
}


def changed(path, value):
    """The report with another value at a path of members and indices."""
    report = copy.deepcopy(REPORT)
    *parents, last = path
    place = report
    for name in parents:
        place = place[name]
    place[last] = value
    return json.dumps(report)


RENDERED = {
    "every value hostile": json.dumps(REPORT),
    "a severity with markup": changed(("check", "findings", 0, "severity"), HOSTILE),
    "a line with markup": changed(("check", "findings", 0, "line"), HOSTILE),
    "a message that is an object": changed(("check", "findings", 0, "message"), {HOSTILE: [HOSTILE]}),
    "a result that is text": changed(("passed",), HOSTILE),
    "100,000 gains": changed(("diff", "changes", 0, "gains"), [HOSTILE] * 20_000),
    "a long value": changed(("problems",), ["x" * 1_000_000]),
}
REJECTED = {
    "not JSON": "{", "empty": "", "a list": "[]", "null": "null", "no members": "{}", "deep": "[" * 100_000,
    "findings that are text": changed(("check", "findings"), HOSTILE),
    "a count with markup": changed(("check", "cases", 0, "wrong"), HOSTILE),
    "a count that is infinite": changed(("diff", "notAccepted"), float("inf")),
    "a number of 10,000 digits": json.dumps(REPORT).replace('"notAccepted": 1', '"notAccepted": ' + "1" * 10_000),
    "gains that are a number": changed(("diff", "changes", 0, "gains"), 5),
    "too large": json.dumps(REPORT) + " " * 9_000_000,
}


def rendered(text):
    with tempfile.NamedTemporaryFile("w", dir=TEMPORARY, suffix=".json") as file:
        file.write(text)
        file.flush()
        command = [sys.executable, "-I", str(ROOT / "deploy/action/report.py"), file.name]
        return subprocess.run(command, capture_output=True, text=True)


def run(markdown):
    """Checks all reports. `markdown` reads Markdown as GitHub does."""
    for title, text in RENDERED.items():
        done = rendered(text)
        page = markdown(done.stdout)
        errors = [*page.foreign, *([done.stderr] if done.returncode else [])]
        errors += [f"{len(done.stdout)} characters"] if len(done.stdout) > 65_536 else []
        errors += ["links a name"] if "@" in done.stdout or "http:" in done.stdout else []
        check_none(f"a report is rendered: {title}", errors)
    for title, text in REJECTED.items():
        done = rendered(text)
        errors = [done.stdout] if done.stdout else []
        errors += [] if done.returncode == 1 and "Traceback" not in done.stderr else [done.returncode, done.stderr[-500:]]
        check_none(f"a report is rejected: {title}", errors)
