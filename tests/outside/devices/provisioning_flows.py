"""Flows of provisioning and of rules with boto3."""

import json
import time

from control_plane import ACCOUNT, REGION, error_of
from flows import csr, equal
from lib.checks import check

ROLE = f"arn:aws:iam::{ACCOUNT}:role/JITPRole"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:jitr"


def template(certificate):
    """A template of one thing and its certificate."""
    return json.dumps({
        "Parameters": {"Name": {"Type": "String"}, "CSR": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "Name"}}},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate},
        },
    })


BY_REQUEST = template({"CertificateSigningRequest": {"Ref": "CSR"}, "Status": "ACTIVE"})
BY_ID = template({"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}).replace(
    '"CSR": {', '"AWS::IoT::Certificate::Id": {')


def check_registered_thing(iot):
    made = iot.register_thing(templateBody=BY_REQUEST, parameters={"Name": "kit-1", "CSR": csr("kit-1")[0]})
    arn = made["resourceArns"]["certificate"]
    equal("a template registers a thing with its certificate", iot.list_thing_principals(thingName="kit-1")["principals"], [arn])
    equal("a parameter is missing", error_of(iot.register_thing, templateBody=BY_REQUEST, parameters={"Name": "kit-2"}),
        (400, "ResourceRegistrationFailureException"))


def check_templates(iot):
    made = iot.create_provisioning_template(templateName="fleet", templateBody=BY_ID, provisioningRoleArn=ROLE, enabled=True)
    equal("a template's first version", made["defaultVersionId"], 1)
    version = iot.create_provisioning_template_version(templateName="fleet", templateBody=BY_ID)["versionId"]
    iot.update_provisioning_template(templateName="fleet", description="a fleet", defaultVersionId=version)
    described = iot.describe_provisioning_template(templateName="fleet")
    equal("the changed template", (described["description"], described["defaultVersionId"]), ("a fleet", version))
    equal("a version of it", iot.describe_provisioning_template_version(templateName="fleet", versionId=1)["isDefaultVersion"], False)
    found = iot.list_provisioning_template_versions(templateName="fleet")["versions"]
    equal("its versions", sorted(item["versionId"] for item in found), [1, version])
    equal("the default version stays", error_of(iot.delete_provisioning_template_version, templateName="fleet", versionId=version),
        (409, "DeleteConflictException"))
    iot.delete_provisioning_template_version(templateName="fleet", versionId=1)
    equal("the templates", [item["templateName"] for item in iot.list_provisioning_templates()["templates"]], ["fleet"])
    before = [item["certificateId"] for item in iot.list_certificates()["certificates"]]
    claim = iot.create_provisioning_claim(templateName="fleet")
    equal("a claim has a key and five minutes", ("PRIVATE KEY" in claim["keyPair"]["PrivateKey"], 290 < claim["expiration"].timestamp() - time.time() <= 300), (True, True))
    equal("a claim is not listed", [item["certificateId"] for item in iot.list_certificates()["certificates"]], before)
    iot.delete_provisioning_template(templateName="fleet")
    equal("a deleted template", error_of(iot.describe_provisioning_template, templateName="fleet"), (404, "ResourceNotFoundException"))


def check_rules(iot):
    payload = {"sql": "SELECT * FROM '$aws/events/certificates/registered/+'", "actions": [{"lambda": {"functionArn": FUNCTION}}]}
    iot.create_topic_rule(ruleName="jitr", topicRulePayload=payload)
    equal("a rule of the name", error_of(iot.create_topic_rule, ruleName="jitr", topicRulePayload=payload), (409, "ResourceAlreadyExistsException"))
    equal("a rule whose SQL is invalid", error_of(iot.create_topic_rule, ruleName="other", topicRulePayload=payload | {"sql": "SELECT"}),
        (400, "SqlParseException"))
    iot.disable_topic_rule(ruleName="jitr")
    equal("a disabled rule", iot.get_topic_rule(ruleName="jitr")["rule"]["ruleDisabled"], True)
    iot.enable_topic_rule(ruleName="jitr")
    iot.replace_topic_rule(ruleName="jitr", topicRulePayload=payload | {"description": "first connects"})
    equal("a replaced rule", iot.get_topic_rule(ruleName="jitr")["rule"]["description"], "first connects")
    equal("the rules", [item["ruleName"] for item in iot.list_topic_rules()["rules"]], ["jitr"])
    iot.delete_topic_rule(ruleName="jitr")
    equal("no rule is left", iot.list_topic_rules()["rules"], [])


def check_bulk(plane, iot):
    """Three devices, of which one has no request, from a bucket: a folder of the state folder."""
    bucket = plane.folder / ".iot-local/buckets/kit"
    bucket.mkdir(parents=True, mode=0o700)
    devices = [{"Name": f"bulk-{number}", "CSR": csr("bulk")[0]} for number in (1, 2)] + [{"Name": "bulk-3"}]
    (bucket / "devices.json").write_text("".join(json.dumps(device) + "\n" for device in devices))
    task = iot.start_thing_registration_task(
        templateBody=BY_REQUEST, inputFileBucket="kit", inputFileKey="devices.json", roleArn=ROLE)["taskId"]
    deadline = time.monotonic() + 30
    while (state := iot.describe_thing_registration_task(taskId=task))["status"] == "InProgress" and time.monotonic() < deadline:
        time.sleep(0.1)
    equal("the task ends", (state["status"], state["successCount"], state["failureCount"]), ("Completed", 2, 1))
    equal("the tasks", iot.list_thing_registration_tasks()["taskIds"], [task])
    for kind in ("ERRORS", "RESULTS"):
        links = iot.list_thing_registration_task_reports(taskId=task, reportType=kind)["resourceLinks"]
        check(f"the report {kind} has a link", len(links) == 1, str(links))
    equal("its devices", [iot.describe_thing(thingName=device["Name"])["thingName"] for device in devices[:2]], ["bulk-1", "bulk-2"])
    equal("the device without a request", error_of(iot.describe_thing, thingName="bulk-3"), (404, "ResourceNotFoundException"))
    iot.stop_thing_registration_task(taskId=task)
    equal("a task that has ended stays as it is", iot.describe_thing_registration_task(taskId=task)["status"], "Completed")
