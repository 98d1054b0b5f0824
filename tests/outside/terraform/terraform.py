"""The APIs of the gateway as Terraform's AWS provider meets them: apply, a second plan without changes, a change, again
none, destroy. `module/` has a file for each kind of resource; the provider block is that of docs/terraform.md.

Run by `./test terraform`. TERRAFORM_PLUGIN_DIR names the provider's folder.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import botocore.exceptions
import jmespath

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("", "devices")]
import certificates
from command import Terraform, missing
from control_plane import control_plane
from expected import CHANGES, FACTS, LISTS, UNSUPPORTED
from lib.checks import check, check_none, finish
from lib.pages import blocks
from lib.paths import ROOT, TEMPORARY

MODULE = pathlib.Path(__file__).with_name("module")
PAGE = "docs/terraform.md"
MARK = "run by tests/outside/terraform/terraform.py"
STEPS = ("apply", "plan", "change", "second plan", "destroy")


def page_blocks(port):
    """The provider block, the one without endpoints, the variables for it, and a device; for the gateway's port."""
    found = [block.text for block in blocks(PAGE, (ROOT / PAGE).read_text()) if block.marker == MARK]
    if len(found) != 4:
        raise SystemExit(f"FAILED: {PAGE} has {len(found)} blocks with the mark, expected 4")
    return [text.replace("8080", port) for text in found]


def variables(text):
    """The variables that a block of shell commands exports."""
    done = subprocess.run(["sh", "-ec", f"{text}exec env -0"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line.startswith("AWS_"))


def listed(iot):
    """Each list of the registry."""
    return {operation: getattr(iot, operation)()[member] for operation, member in LISTS}


def fact(iot, operation, members, path):
    """What is at a path of an operation's answer; the error if that fails."""
    try:
        return jmespath.search(path, getattr(iot, operation)(**members))
    except (botocore.exceptions.ClientError, jmespath.exceptions.JMESPathError) as error:
        return str(error)


def wrong_facts(iot, index):
    """The facts that the registry does not have after an apply: 0 is the first, 1 the second."""
    for operation, members, path, *values in FACTS:
        found = fact(iot, operation, members, path)
        if found != values[index]:
            yield f"{operation} {members}: {path} is {found!r}, expected {values[index]!r}"


def check_step(title, outcome, code=0):
    print(f"   terraform {title}: {outcome.seconds:.1f} s", flush=True)
    detail = "\n".join(outcome.errors) or f"exit code {outcome.code}: {outcome.planned or outcome.output[-2000:]}"
    check(title, outcome.code == code and not outcome.errors, detail)
    return outcome


def wrong_actions(found, expected):
    for address in sorted(found.keys() | expected.keys()):
        if found.get(address) != expected.get(address):
            yield f"{address}: {found.get(address)}, expected {expected.get(address)}"


def apply(terraform, stage, rows):
    applied = check_step(f"{stage} apply", terraform.apply(stage=stage))
    for address in CHANGES:
        rows[address]["apply" if stage == "first" else "change"] = "+".join(applied.applied.get(address, [])) or "-"
    return applied


def plan_without_changes(terraform, stage, rows):
    """A plan after an apply, which has to find nothing."""
    planned = check_step(f"plan after the {stage} apply: no changes", terraform.plan(stage=stage))
    for address in CHANGES:
        rows[address]["plan" if stage == "first" else "second plan"] = planned.planned.get(address, "no changes")
    check_none(f"the plan after the {stage} apply names no resource", map(str, planned.planned.items()))


def check_unsupported(terraform):
    """What the gateway lacks is an error that says so, and leaves nothing."""
    targets = [f"-target={kind}.unsupported" for kind in UNSUPPORTED]
    outcome = terraform.apply(*targets, stage="second", unsupported="true")
    print(f"   terraform apply of {len(UNSUPPORTED)} resources without operations: {outcome.seconds:.1f} s", flush=True)
    for kind in UNSUPPORTED:
        said = [error for error in outcome.errors if error.startswith(f"{kind}.") and "StatusCode: 501" in error]
        check(f"{kind} is 501, with a sentence", len(said) == 1 and "not implemented by this gateway" in said[0], "\n".join(outcome.errors))
    check_none("nothing of it is made", map(str, outcome.applied.items()))


def print_table(rows):
    print(f"\n{'resource':44}" + "".join(f"{step:18}" for step in STEPS))
    for address, row in sorted(rows.items()):
        print(f"{address:44}" + "".join(f"{row.get(step, '-'):18}" for step in STEPS).rstrip())
    for kind in UNSUPPORTED:
        print(f"{kind:44}501 NotImplementedException")
    print(flush=True)


def run(plane, folder):
    iot, terraform = plane.client("iot"), Terraform(folder)
    provider, from_environment, exports, device = page_blocks(plane.gateway.port)
    for file in MODULE.glob("*.tf"):
        shutil.copy(file, folder)
    (folder / "provider.tf").write_text(provider)
    (folder / "device.tf").write_text(device)
    code = iot.get_registration_code()["registrationCode"]
    certificates.write(folder, code)
    before = listed(iot)
    rows = {address: {} for address in CHANGES}

    if check_step("init", terraform.init()).code:
        return
    check_step("fmt: the files and the page's blocks are formatted", terraform.run("fmt", "-check"))
    first = apply(terraform, "first", rows)
    if first.code:
        return
    # From here on with the block without endpoints, and the variables, which is three times as fast.
    (folder / "provider.tf").write_text(from_environment)
    terraform.environment |= variables(exports)
    plan_without_changes(terraform, "first", rows)
    check_none("the first apply creates each resource", wrong_actions(first.applied, {address: ["create"] for address in CHANGES} | {
        address: ["read"] for address in ("data.aws_iot_endpoint.data", "data.aws_iot_registration_code.this")}))
    check_none("the registry has what the first apply made", wrong_facts(iot, 0))
    check_none("each list has something new", [name for name, items in listed(iot).items() if items == before[name]])
    outputs = {name: output["value"] for event in first.of_type("outputs", "outputs") for name, output in event.items() if "value" in output}
    check("the data sources are the gateway's", (outputs["registration_code"], outputs["endpoint"]) == (code, iot.describe_endpoint()["endpointAddress"]), str(outputs))

    iot.update_thing_group(thingGroupName="yard", thingGroupProperties={"thingGroupDescription": "changed by another client"})
    second = apply(terraform, "second", rows)
    plan_without_changes(terraform, "second", rows)
    check_none("the second apply plans what changed", wrong_actions(second.planned, {address: action for address, action in CHANGES.items() if action}))
    check_none("the registry has what the second apply made", wrong_facts(iot, 1))

    check_unsupported(terraform)
    destroyed = check_step("destroy", terraform.destroy(stage="second"))
    for address in CHANGES:
        rows[address]["destroy"] = "+".join(destroyed.applied.get(address, [])) or "-"
    check_none("the destroy deletes each resource", [address for address in CHANGES if destroyed.applied.get(address) != ["delete"]])
    after = listed(iot)
    check_none("the registry is as before", [f"{name}: {after[name]}" for name in before if after[name] != before[name]])
    print_table(rows)


def main():
    if why := missing():
        print(f"not run: {why}", flush=True)
        return finish()
    with control_plane() as plane, tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        run(plane, pathlib.Path(folder))
        check("the gateway did not panic", "panicked" not in plane.gateway.output(), plane.gateway.output()[-2000:])
    finish()


main()
