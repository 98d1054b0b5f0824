"""The constructs of deploy/cdk/ for parameters of template.yaml or provision/template.yaml, as CloudFormation templates.

Needs the interpreter of target/sam-venv, and the install `cdk` of `./test`.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path[1:1] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("", "template")]
from lib.paths import ROOT, TEMPORARY
from stack import read

PACKAGE = ROOT / "deploy/cdk"
# The template whose parameters are the properties of each construct.
TEMPLATES = {"JwtAuthorizer": "template.yaml", "Provisioning": "provision/template.yaml"}


def property_name(parameter):
    return parameter[0].lower() + parameter[1:]


def typed(definition, value):
    """A parameter's value as the property has it. A value outside the limits may stay a text."""
    values = set(map(str, definition.get("AllowedValues", ())))
    switches = {"true": True, "false": False} if values == {"true", "false"} else {"on": True, "off": False} if values == {"on", "off"} else {}
    if str(value) in switches:
        return switches[str(value)]
    return int(value) if definition["Type"] == "Number" else str(value)


def properties(template, given):
    """The properties of a construct for parameters of its template. Other names are passed as they are."""
    definitions = template["Parameters"]
    return {
        property_name(name) if name in definitions else name: typed(definitions[name], value) if name in definitions else value
        for name, value in given.items()
    }


@contextlib.contextmanager
def locked(name):
    """Lets one process at a time compile."""
    with open(ROOT / f"target/{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def compile_package():
    """Compiles the package with jsii, unless its files are those of the last time. Exits the test with jsii's errors."""
    files = sorted([*(PACKAGE / "src").rglob("*.ts"), PACKAGE / "package.json", PACKAGE / "package-lock.json"])
    digest = hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()
    stamp = ROOT / "target/cdk-compiled"
    with locked("cdk"):
        is_compiled = stamp.exists() and stamp.read_text() == digest and (PACKAGE / "lib/index.js").exists() and (PACKAGE / ".jsii").exists()
        if is_compiled:
            return
        stamp.unlink(missing_ok=True)
        environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
        command = [PACKAGE / "node_modules/.bin/jsii", "--fail-on-warnings", "--silence-warnings=reserved-word"]
        done = subprocess.run(command, cwd=PACKAGE, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"FAILED: jsii\n{done.stdout}{done.stderr}")
        stamp.write_text(digest)


def results(cases, construct="JwtAuthorizer", has_flags=False, other_package=None):
    """Maps each name to a dict with the `template` of its parameters as synthesised, or with the construct's `error`. With
    flags the app has all those that CDK recommends, and CDK's own validation finds nothing. The case `other_package` has
    another package than the others."""
    compile_package()
    template = read(TEMPLATES[construct])
    with tempfile.TemporaryDirectory(dir=TEMPORARY, prefix="cdk-") as folder:
        packages = [pathlib.Path(folder) / name for name in ("package.zip", "other.zip")]
        for package in packages:
            package.write_text(package.name)
        given = {
            "construct": construct, "cases": {name: properties(template, case) for name, case in cases.items()}, "packages": list(map(str, packages)),
            "folder": folder, "hasFlags": has_flags, "otherPackage": other_package,
        }
        # The validation takes most of the time.
        environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1", "CDK_VALIDATION": str(has_flags).lower()}
        script = ROOT / "tests/outside/cdk/synth.mjs"
        done = subprocess.run(["node", script], input=json.dumps(given), env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"FAILED: {script.name}\n{done.stderr}")
    return json.loads(done.stdout)


def limits(construct):
    """The limits and rules of a construct's properties, and its interface as jsii describes it."""
    compile_package()
    name = {"JwtAuthorizer": "authorizer", "Provisioning": "provisioning"}[construct]
    script = f"JSON.stringify(require('./lib/{name}-parameters.js').{name.upper()})"
    parameters = json.loads(subprocess.run(["node", "-p", script], cwd=PACKAGE, capture_output=True, text=True, check=True).stdout)
    assembly = json.loads((PACKAGE / ".jsii").read_text())
    return parameters, assembly["types"][f"{assembly['name']}.{construct}Props"]["properties"]


def synthesise(cases, construct="JwtAuthorizer"):
    """Maps each name to the CloudFormation template of its parameters, with the logical ids of the construct's template."""
    found = results(cases, construct)
    errors = {name: result["error"] for name, result in found.items() if "error" in result}
    if errors:
        raise ValueError(f"the construct rejects parameters: {errors}")
    return {name: named(result["template"]) for name, result in found.items()}


def named(template):
    """The template with the ids of its constructs instead of logical ids, which end with a hash."""
    names = {}
    for logical_id, resource in template["Resources"].items():
        _, _, *path = resource["Metadata"]["aws:cdk:path"].split("/")
        names[logical_id] = "".join(part for part in path if part != "Resource")
    resources = {names[logical_id]: renamed(resource, names) for logical_id, resource in template["Resources"].items()}
    for resource in resources.values():
        resource.pop("Metadata")
    return {**renamed(template, names), "Resources": resources}


def renamed(node, names):
    """The node with other logical ids in its references."""
    if isinstance(node, list):
        return [renamed(value, names) for value in node]
    if not isinstance(node, dict):
        return node
    changed = {key: renamed(value, names) for key, value in node.items()}
    if "Ref" in changed:
        changed["Ref"] = names.get(changed["Ref"], changed["Ref"])
    if "Fn::GetAtt" in changed:
        logical_id, *attribute = changed["Fn::GetAtt"]
        changed["Fn::GetAtt"] = [names[logical_id], *attribute]
    if "DependsOn" in changed:
        found = [names[logical_id] for logical_id in changed["DependsOn"]]
        changed["DependsOn"] = found[0] if len(found) == 1 else found
    return changed
