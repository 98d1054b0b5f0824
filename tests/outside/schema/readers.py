"""What the readers of the product and the validators of JSON Schema say about a text."""

import datetime
import json
import os
import re
import subprocess
import tomllib

import jsonschema

from lib.gateway import command_line
from lib.paths import ROOT

NAMES = {"authorizer": "authorizer.toml", "provision": "provision.toml", "cases": "policies/any.cases.json"}
TAPLO = ROOT / "tests/outside/schema/node_modules/.bin/taplo"
# Errors that a schema cannot express: why, and the reader's words. docs/schema.md lists them.
NOT_IN_A_SCHEMA = {
    "files": r"cannot read |expected the header",
    "what other keys say": r"is less than `refresh|client id|duplicate|another \[\[|^unknown (slot|issuer)"
                           r"|\[\[grant\]\] has no `issuer`|needs an `issuer`|can match the `request`|may equal",
    "variables": r"unknown variable|`\$\{` without|the same for every device",
    "addresses and names in a text": r"^invalid (key source|`source`|policy name `\.)|has characters or a length"
                                     r"|`(request|expected)`: invalid value",
    "reserved names": r"the function itself|the name of a claim has a variable",
    "actions and results of cases": r"^expected .*, found|unknown action|invalid resource|unknown slot|its claims|it names",
}


def parsed(kind, text):
    """The document of a text as a validator sees it; `None` if it is not TOML or JSON."""
    try:
        return json.loads(text) if kind == "cases" else tomllib.loads(text)
    except ValueError:
        return None


def validator(kind):
    schema = json.loads((ROOT / f"docs/schema/{kind}.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def without_dates(value):
    """TOML has dates, which validators see as strings."""
    if isinstance(value, dict):
        return {key: without_dates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_dates(item) for item in value]
    return str(value) if isinstance(value, (datetime.date, datetime.time)) else value


def is_valid(validator, kind, text):
    document = parsed(kind, text)
    return document is not None and validator.is_valid(without_dates(document))


def reader_errors(kind, folder, environment=None):
    """The errors that `cargo local check` reports about a file of a folder, each with its hint."""
    command = command_line("check", "--json", "--config", str(folder / "authorizer.toml"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    report = json.loads(done.stdout)
    report = report["provision"] if kind == "provision" else report
    found = [finding for finding in report["findings"] if finding["severity"] == "error" and finding["file"] == NAMES[kind]]
    return [re.sub(r"^case \d+: ", "", f"{finding['message']} {finding.get('hint') or ''}".strip()) for finding in found]


def category(error, text):
    """Why a schema cannot express an error of a text; `None` if it can."""
    # The schema accepts every string with such a variable, whatever it becomes.
    if "${env:" in text:
        return "variables"
    return next((name for name, pattern in NOT_IN_A_SCHEMA.items() if re.search(pattern, error)), None)


def disagreement(errors, valid, text):
    """What is wrong about a reader's errors and a schema's verdict on a text; `None` if they agree."""
    if not errors and not valid:
        return "the schema rejects what the reader accepts"
    shape = [error for error in errors if not category(error, text)]
    if shape and valid:
        return f"the schema accepts: {shape[0]}"
    return None


def taplo_invalid(files, cwd, *options):
    """The names of the files that taplo, which editors use, finds invalid."""
    done = subprocess.run(
        [str(TAPLO), "check", "--colors", "never", *options, *map(str, files)], cwd=cwd, capture_output=True, text=True)
    output = done.stdout + done.stderr
    found = set(re.findall(r'invalid file .*path="([^"]+)"', output))
    if f"total={len(files)} excluded=0" not in output or bool(found) != bool(done.returncode):
        raise SystemExit(f"FAILED: taplo did not check {len(files)} files:\n{output[-2000:]}")
    return {os.path.basename(name) for name in found} if not options else found
