"""The AWS APIs of the gateway as boto3 and AWS's command line meet them: devices made, changed and deleted.

Run by `./test devices`.
"""

import pathlib
import re
import sys
import tempfile
import urllib.request

import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import endpoint_flows
import flows
import provisioning_flows
from control_plane import ACCOUNT, control_plane, error_of
from flows import POLICY, equal
from lib.checks import check, check_none, finish
from lib.paths import ROOT, TEMPORARY
from shapes import Watch


def required_members(iot):
    """For each implemented operation with required members outside of its path: a call without them."""
    page = (ROOT / "docs/api.md").read_text().partition("## Not implemented")[0]
    for name in re.findall(r"^\| iot \| (\w+) ", page, re.M):
        shape = iot.meta.service_model.operation_model(name).input_shape
        members = shape.members if shape else {}
        labels = {member: "0" * 64 for member in members if members[member].serialization.get("location") == "uri"}
        if any(member not in labels for member in (shape.required_members if shape else ())):
            yield name, labels


def check_required(plane):
    config = plane.client("iot")
    config.meta.config.parameter_validation = False
    loose = plane.client("iot", config=config.meta.config)
    state = plane.state()
    found, count = [], 0
    for name, labels in required_members(loose):
        count += 1
        method = next(method for method, operation in loose.meta.method_to_api_mapping.items() if operation == name)
        if (answer := error_of(getattr(loose, method), **labels)) != (400, "InvalidRequestException"):
            found.append(f"{name}: {answer}")
    check_none("no operation does without its required members", found)
    check("operations with required members are found", count >= 15, str(count))
    check("nothing changed", plane.state() == state)


# As AWS's pages have them. `AWS_ENDPOINT_URL_IOT` is all that differs.
COMMANDS = """
aws iot create-thing --thing-name lamp-1 --attribute-payload '{"attributes":{"room":"7"}}'
aws iot create-keys-and-certificate --set-as-active --certificate-pem-outfile c.pem --public-key-outfile p.pem --private-key-outfile k.pem > made.json
arn=$(python3 -c 'import json; print(json.load(open("made.json"))["certificateArn"])')
aws iot create-policy --policy-name lamp --policy-document file://policy.json
aws iot attach-policy --policy-name lamp --target "$arn"
aws iot attach-thing-principal --thing-name lamp-1 --principal "$arn"
test "$(aws iot list-thing-principals --thing-name lamp-1 --query 'principals[0]' --output text)" = "$arn"
test "$(aws iot list-attached-policies --target "$arn" --query 'policies[].policyName' --output text)" = lamp
test "$(aws iot describe-endpoint --endpoint-type iot:Data-ATS --output text)" = localhost
test "$(aws iot describe-thing --thing-name lamp-1 --query attributes.room --output text)" = 7
openssl x509 -in c.pem -noout -pubkey | cmp - p.pem
openssl rsa -in k.pem -pubout 2>/dev/null | cmp - p.pem
openssl req -new -newkey rsa:2048 -nodes -keyout csr-key.pem -subj '/CN=lamp-2' -out csr.pem 2>/dev/null
aws iot create-certificate-from-csr --certificate-signing-request file://csr.pem --set-as-active --certificate-pem-outfile csr-certificate.pem
test "$(openssl x509 -in csr-certificate.pem -noout -subject -nameopt RFC2253)" = subject=CN=lamp-2
openssl req -x509 -new -key csr-key.pem -subj '/CN=lamp-3' -out own.pem
aws iot register-certificate-without-ca --certificate-pem file://own.pem --status ACTIVE
test "$(aws sts get-caller-identity --query Arn --output text)" = arn:aws:iam::123456789012:root
"""


def check_command_line(plane):
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        (pathlib.Path(folder) / "policy.json").write_text(POLICY)
        done = plane.shell(COMMANDS, folder)
        check("the command lines of AWS run unchanged", done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-600:]}{done.stderr}")
        for command, expected in [
            ("aws iot describe-thing --thing-name nothing", "ResourceNotFoundException"),
            ("aws iot list-jobs", "NotImplementedException"),
            ("aws iot describe-endpoint --endpoint-type iot:Jobs", "InvalidRequestException"),
            ("AWS_DEFAULT_REGION=eu-west-1 aws iot list-things", "not 'eu-west-1'"),
        ]:
            done = plane.shell(command, folder)
            check(f"`{command}` fails with {expected}", done.returncode != 0 and expected in done.stderr, done.stdout + done.stderr)
    logged = plane.gateway.wait_for(r"--region eu-west-1")
    check("the event log names --region", logged, plane.gateway.output()[-500:])


def check_other_services(plane):
    for service, call, arguments in [
        ("s3", "list_buckets", {}), ("dynamodb", "list_tables", {}), ("secretsmanager", "list_secrets", {}), ("sqs", "list_queues", {}),
        ("ec2", "describe_regions", {}),
    ]:
        try:
            getattr(plane.client(service), call)(**arguments)
            check(f"{service} is not here", False)
        except botocore.exceptions.ClientError as error:
            found = error.response["ResponseMetadata"]["HTTPStatusCode"], "AWS_ENDPOINT_URL_IOT" in error.response["Error"].get("Message", "")
            check(f"{service} is not here, and the error names the variable", found == (501, True), str(error.response))
    identity = plane.client("sts").get_caller_identity()
    equal("the caller is the account", (identity["Account"], identity["Arn"]), (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"))
    with urllib.request.urlopen(f"{plane.endpoint}/repository/AmazonRootCA1.pem") as answer:
        equal("the CA certificate has AWS's path", answer.read().decode(), pathlib.Path(plane.gateway.authority).read_text())


def main():
    with control_plane() as plane:
        iot = plane.client("iot")
        watch = Watch(iot)
        certificate = flows.check_certificates(iot)
        flows.check_policies(iot, certificate)
        flows.check_things(iot, certificate)
        flows.check_deletion(iot, certificate)
        flows.check_groups(iot)
        flows.check_authorities(iot)
        provisioning_flows.check_registered_thing(iot)
        provisioning_flows.check_templates(iot)
        provisioning_flows.check_rules(iot)
        provisioning_flows.check_bulk(plane, iot)
        endpoint_flows.check_authorizers(iot)
        endpoint_flows.check_domains(iot)
        endpoint_flows.check_events(iot)
        for kind in ({}, {"endpointType": "iot:Data-ATS"}, {"endpointType": "iot:Data"}):
            equal(f"the endpoint with {kind}", iot.describe_endpoint(**kind)["endpointAddress"], "localhost")
        check_required(plane)
        check_command_line(plane)
        check_other_services(plane)
        check_none("answers and errors are those of botocore's model", watch.unexpected)
        page = (ROOT / "docs/api.md").read_text().partition("## Not implemented")[0]
        left = sorted(set(re.findall(r"^\| iot \| (\w+) ", page, re.M)) - watch.succeeded)
        check_none("each operation succeeded once", left)
        output = plane.gateway.output()
        check("no private key is in the log", "PRIVATE KEY" not in output and "panicked" not in output)
        kept = b"".join(plane.state().values())
        check("no private key is in the registry", b"PRIVATE KEY" not in kept)
    finish()


main()
