"""Records what the present version writes and decides, in `previous/VERSION/`, for the upgrade tests of later versions.
Run once, on the last commit before a release; docs/releases.md. BOOTSTRAP and IOT_PROVISION name built functions.

No private key is recorded: of `.iot-local/` only the registry, which has certificates and no keys.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import earlier
from lib.function import build
from lib.gateway import command_line
from lib.paths import ROOT, TEMPORARY
from making import FUNCTIONS, VERSION
from promised import promised

# A folder of each kind of provider, as `init` writes it.
INIT = {
    "auth0": ["--auth0", "acme.eu.auth0.com", "--audience", "https://iot.acme.example"],
    "cognito": ["--cognito", "eu-central-1_AbCdEf123", "--client", "7d8ca528e4a14d2e"],
    "entra": ["--entra", "0f8fad5b-d9cb-469f-a165-70867728950e", "--audience", "7c9e6679-7425-40de-944b-e07fc1f90ae7"],
    "oidc": ["--oidc", "https://login.acme.example/", "--audience", "iot.acme.example"],
}
# A folder with everything that a user may have beside: the shipped example with the other settings.
COMPLETE = "complete"
CLAIMS = {
    "ana.json": {"sub": "ana", "tenant": "acme", "devices": ["lamp-1", "lamp-2"], "role": "user"},
    "operator.json": {"sub": "olga", "tenant": "acme", "role": "operator"},
    "wildcard.json": {"sub": "ana", "tenant": "+", "devices": ["lamp-1"]},
    "without-tenant.json": {"sub": "ana"},
}
LOCAL_TOML = f'region = "{earlier.REGION}"\naccount = "{earlier.ACCOUNT}"\n'
DATA = ROOT / "local/cloud/tests/data"
STATEMENT = {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
TEMPLATE = json.dumps({
    "Parameters": {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}},
    "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "SerialNumber"}}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "device"}},
    },
})
ARN = f"arn:aws:lambda:{earlier.REGION}:{earlier.ACCOUNT}:function:"


def write_init(folder):
    for name, options in INIT.items():
        subprocess.run(command_line("init", str(folder / name), *options), cwd=ROOT, check=True, capture_output=True)
        # It names the commit of the build, and runs on GitHub only.
        shutil.rmtree(folder / name / ".github")


def write_complete(folder):
    for name in ("policies", "keys", "roles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("README.md"))
    for name in ("authorizer.toml", "provision/provision.toml", "provision/devices.csv"):
        shutil.copy(ROOT / name, folder)
    (folder / "local.toml").write_text(LOCAL_TOML)
    (folder / "claims").mkdir()
    for name, claims in CLAIMS.items():
        (folder / "claims" / name).write_text(json.dumps(claims) + "\n")


def fill(iot, data):
    """Calls after which the registry has each kind of record."""
    iot.create_thing_type(thingTypeName="lamp", thingTypeProperties={"searchableAttributes": ["country"]})
    iot.create_thing_group(thingGroupName="hall")
    iot.create_policy(policyName="device", policyDocument=POLICY)
    for name, file, status in (("lamp-1", "leaf-v1.pem", "ACTIVE"), ("lamp-2", "leaf-self-signed.pem", "INACTIVE")):
        iot.create_thing(thingName=name, thingTypeName="lamp", attributePayload={"attributes": {"country": "JP"}})
        iot.add_thing_to_thing_group(thingName=name, thingGroupName="hall")
        arn = iot.register_certificate_without_ca(certificatePem=(DATA / file).read_text(), status=status)["certificateArn"]
        iot.attach_thing_principal(thingName=name, principal=arn)
        iot.attach_policy(policyName="device", target=arn)
        data.update_thing_shadow(thingName=name, payload=json.dumps({"state": {"desired": {"on": True}, "reported": {"on": False}}}))
    iot.register_ca_certificate(
        caCertificate=(DATA / "ca.pem").read_text(), certificateMode="SNI_ONLY", setAsActive=True, allowAutoRegistration=True)
    role = f"arn:aws:iam::{earlier.ACCOUNT}:role/provisioning"
    iot.create_provisioning_template(templateName="fleet", templateBody=TEMPLATE, provisioningRoleArn=role, enabled=True)
    actions = [{"republish": {"roleArn": role, "topic": "copies/${topic()}", "qos": 1}}]
    iot.create_topic_rule(ruleName="copy", topicRulePayload={"sql": "SELECT * FROM 'state/#'", "actions": actions})
    iot.create_authorizer(authorizerName="second", authorizerFunctionArn=f"{ARN}second", signingDisabled=True, status="ACTIVE")
    iot.create_domain_configuration(domainConfigurationName="devices", domainName="devices.localhost", authenticationType="AWS_X509")
    iot.update_event_configurations(eventConfigurations={"THING": {"Enabled": True}})


def record_state(folder, function):
    """Fills a registry, and leaves only its files. Returns what a second start lists."""
    gateway, iot, data = earlier.calls(folder, function)
    with gateway:
        fill(iot, data)
    gateway, iot, data = earlier.calls(folder, function)
    with gateway:
        found = earlier.registry(iot, data)
    kept = {path.name: path.read_bytes() for path in (folder / earlier.REGISTRY).glob("*.jsonl")}
    shutil.rmtree(folder / ".iot-local")
    (folder / earlier.REGISTRY).mkdir(parents=True)
    for name, content in kept.items():
        (folder / earlier.REGISTRY / name).write_bytes(content)
    return found


def main():
    functions = [os.environ.get(named) or build(name) for name, named in zip(FUNCTIONS, ("BOOTSTRAP", "IOT_PROVISION"))]
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as temporary:
        folder = pathlib.Path(temporary) / "folders"
        (folder / COMPLETE).mkdir(parents=True)
        write_init(folder)
        write_complete(folder / COMPLETE)
        expected = {"registry": record_state(folder / COMPLETE, functions[0]), "promised": promised()}
        expected["folders"] = {name: earlier.outcome(folder / name, functions) for name in sorted([*INIT, COMPLETE])}
        place = earlier.PREVIOUS / VERSION
        shutil.copytree(folder, place)
    (place / earlier.EXPECTED).write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
    print(f"recorded: {place.relative_to(ROOT)}")


main()
