"""docs/action.md against `action.yml`: the tables, and the workflows that a user copies."""

import re

import yaml

from lib.checks import check, check_none
from lib.pages import blocks
from lib.paths import ROOT
from runner import ACTION, STEPS

PAGE = "docs/action.md"
# A path or a tag may move. A commit does not.
PINNED = re.compile(r"actions/[\w-]+@[0-9a-f]{40}|OWNER/iot-jwt-authorizer@v\d+\.\d+\.\d+")
WRITERS = {"comment"}


def rows(text, title):
    """The names in the first column of the table of a section, and the whole rows by name."""
    section = text.split(f"## {title}\n")[1].split("\n## ")[0]
    found = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            found |= {name: line for name in re.findall(r"`([\w-]+)`", line.split("|")[1])}
    return found


def workflow_errors(workflow):
    """What makes a workflow unsafe or wrong."""
    if set(workflow[True]) - {"pull_request", "workflow_run"}:
        yield f"unexpected events {list(workflow[True])}"
    for job in workflow["jobs"].values():
        permissions = job.get("permissions", workflow["permissions"])
        writes = {name for name, value in permissions.items() if value != "read"}
        if writes - {"pull-requests"} or (writes and workflow["name"] not in WRITERS):
            yield f"permissions {permissions}"
        for step in job["steps"]:
            if "${{" in step.get("run", ""):
                yield f"an expression in the script of {step['name']}"
            if "uses" in step and not PINNED.fullmatch(step["uses"]):
                yield f"not pinned: {step['uses']}"
            if step.get("uses", "").startswith("OWNER/") and set(step.get("with", {})) - set(ACTION["inputs"]):
                yield f"unknown inputs: {step['with']}"
            if "/checkout@" in step.get("uses", "") and step["with"].get("persist-credentials") is not False:
                yield "a checkout keeps its credentials"


def run():
    text = (ROOT / PAGE).read_text()
    check_none("no script of the action contains an expression", [step["name"] for step in STEPS if "${{" in step["run"]])
    for title, table in (("Inputs", ACTION["inputs"]), ("Outputs", ACTION["outputs"])):
        check(f"{PAGE} has all {title.lower()}", set(rows(text, title)) == set(table), set(rows(text, title)) ^ set(table))
    for name, row in rows(text, "Inputs").items():
        default = ACTION["inputs"][name]["default"]
        if default and "${{" not in default:
            check(f"{PAGE} has the default of {name}", f"`{default}`" in row.split("|")[2], row)
    found = [yaml.safe_load(block.text) for block in blocks(PAGE, text) if block.language == "yaml"]
    check("the workflows of the page are found", [workflow["name"] for workflow in found] == ["authorizer", "comment"])
    for workflow in found:
        check_none(f"the workflow `{workflow['name']}` is safe", workflow_errors(workflow))
