"""What a version does with a folder: the findings of `check`, decisions, the package, and what the registry lists."""

import datetime
import json
import pathlib
import subprocess
import tempfile

import boto3
import botocore.config

from lib.gateway import Gateway, command_line
from lib.operator_key import operator_key
from lib.paths import TEMPORARY

PREVIOUS = pathlib.Path(__file__).resolve().parent / "previous"
EXPECTED = "expected.json"
# The time of all decisions, at which the claims files of `init` are valid.
NOW = "2027-01-15T08:30:00Z"
REGION, ACCOUNT = "us-east-1", "123456789012"
REGISTRY = pathlib.Path(".iot-local", ACCOUNT, REGION, "registry")
# Members of `explain --json` that are promised; its steps are texts.
DECISION = [
    "allowed", "code", "detail", "config", "issuer", "principalId", "clientId", "clientIds", "disconnectAfterInSeconds",
    "refreshAfterInSeconds", "policyDocuments", "policyHash",
]
# Members of a finding; its texts are not promised.
FINDING = ["severity", "lint", "file", "line"]
# What is listed of the registry: the call, the member of its answer, and calls for each of its items by a member.
LISTS = [
    ("list_things", "things", []),
    ("list_thing_types", "thingTypes", []),
    ("list_thing_groups", "thingGroups", []),
    ("list_policies", "policies", [("get_policy", "policyName")]),
    ("list_certificates", "certificates", [("describe_certificate", "certificateId")]),
    ("list_ca_certificates", "certificates", [("describe_ca_certificate", "certificateId")]),
    ("list_provisioning_templates", "templates", [("describe_provisioning_template", "templateName")]),
    ("list_topic_rules", "rules", [("get_topic_rule", "ruleName")]),
    ("list_authorizers", "authorizers", [("describe_authorizer", "authorizerName")]),
    ("list_domain_configurations", "domainConfigurations", [("describe_domain_configuration", "domainConfigurationName")]),
]


def run_json(folder, *arguments):
    """The JSON that a command of `cargo local` prints in a folder, and its exit code."""
    done = subprocess.run(command_line(*arguments, "--json"), cwd=folder, capture_output=True, text=True, timeout=600)
    return {"exit": done.returncode, **(json.loads(done.stdout) if done.stdout.startswith("{") else {"error": done.stderr})}


def decisions(folder):
    """The decision about each claims file."""
    for path in sorted(folder.glob("claims/*.json")):
        found = run_json(folder, "explain", "--claims", f"claims/{path.name}", "--at", NOW)
        yield path.name, {name: found[name] for name in ("exit", *DECISION) if name in found}


def packaged(folder, function, *options):
    """The names of the packaged files, and the hash of the configuration."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as out:
        found = run_json(folder, "package", "--bootstrap", function, "--arch", "x86_64", "--out", out, *options)
    files = [each["name"] for package in found.get("packages", []) for each in package["files"]]
    return {"exit": found["exit"], "config": found.get("config"), "files": files}


def outcome(folder, functions):
    """All that a version does with a folder without a gateway. `functions` are the paths of both programs."""
    check = run_json(folder, "check", "--provision", "provision.toml") if (folder / "provision.toml").exists() else run_json(folder, "check")
    kept = {name: check.get(name) for name in ("exit", "ok", "findings", "cases", "sizes", "error") if name in check}
    kept["findings"] = [{name: finding[name] for name in FINDING} for finding in kept.get("findings", [])]
    found = {"check": kept, "decisions": dict(decisions(folder)), "package": packaged(folder, functions[0])}
    if (folder / "provision.toml").exists():
        found["package of the provisioning functions"] = packaged(folder, functions[1], "--provision")
    return found


def calls(folder, function):
    """A gateway with a folder's state: its clients for `iot` and `iot-data`."""
    gateway = Gateway("--keep-keys", "--config", str(folder / "authorizer.toml"), bootstrap=function, cwd=folder)
    key, secret = operator_key(folder)
    options = {
        "region_name": REGION, "endpoint_url": f"http://127.0.0.1:{gateway.port}", "aws_access_key_id": key,
        "aws_secret_access_key": secret, "config": botocore.config.Config(retries={"total_max_attempts": 1}),
    }
    return gateway, boto3.client("iot", **options), boto3.client("iot-data", **options)


def plain(answer):
    """An answer as JSON, without what belongs to the call. Times become texts, in UTC."""
    answer.pop("ResponseMetadata", None)
    return json.loads(json.dumps(answer, default=lambda time: str(time.astimezone(datetime.timezone.utc))))


def registry(iot, data):
    """What the registry lists, and what it says of each item."""
    found = {}
    for name, member, details in LISTS:
        items = sorted(plain(getattr(iot, name)())[member], key=json.dumps)
        found[name] = items
        for call, key in details:
            found[call] = [plain(getattr(iot, call)(**{key: item[key]})) for item in items]
    for answer in found["describe_authorizer"]:
        # The built-in one has the time of the start.
        del answer["authorizerDescription"]["creationDate"], answer["authorizerDescription"]["lastModifiedDate"]
    things = [item["thingName"] for item in found["list_things"]]
    found["principals"] = {thing: iot.list_thing_principals(thingName=thing)["principals"] for thing in things}
    arns = [item["certificateArn"] for item in found["list_certificates"]]
    found["attached policies"] = {arn: plain(iot.list_attached_policies(target=arn))["policies"] for arn in arns}
    found["shadows"] = {thing: json.loads(data.get_thing_shadow(thingName=thing)["payload"].read())["state"] for thing in things}
    found["events"] = plain(iot.describe_event_configurations())["eventConfigurations"]
    return found


def lost(expected, found, place=""):
    """Where `found` lacks or changes something of `expected`. Further members of an object are no loss."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name not in found:
                yield f"{place}/{name}: missing"
            else:
                yield from lost(value, found[name], f"{place}/{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (left, right) in enumerate(zip(expected, found)):
            yield from lost(left, right, f"{place}/{index}")
    elif expected != found:
        yield f"{place}: {json.dumps(found)[:200]}; expected {json.dumps(expected)[:200]}"
