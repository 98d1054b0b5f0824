"""Fleet provisioning with clients that know AWS: the SDKs' identity clients, unchanged, AWS's command line as the trusted
user, and CBOR by hand. Each device then connects with its own certificate.

Run by `./test provisioning`.
"""

import json
import pathlib
import queue
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import fleet_cbor
from cryptography.hazmat.primitives import serialization

from control_plane import ACCOUNT, REGION, control_plane, error_of
from device_client import CONNECTED, opened
from fleet_sdk import TIMEOUT_SECONDS, by_client, by_client_v2
from flows import csr
from lib.checks import check, finish, skip
from lib.paths import ROOT

HOOK = pathlib.Path(__file__).with_name("fleet_hook.py")
NODE_PROGRAM = ROOT / "tests/outside/clients/fleet_aws_node.mjs"
POLICY = ROOT / "local/cli/src/demo/kitting.json"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/provisioning"
TEMPLATE = {
    "Parameters": {
        "SerialNumber": {"Type": "String"}, "Place": {"Type": "String", "Default": "nowhere"},
        "AWS::IoT::Certificate::Id": {"Type": "String"},
    },
    "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {
            "ThingName": {"Fn::Sub": "lamp-${SerialNumber}"}, "AttributePayload": {"place": {"Ref": "Place"}}}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
            "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "device"}},
    },
    "DeviceConfiguration": {"place": {"Ref": "Place"}},
}


def claim_policy(template):
    """As AWS's guide has it. `create/*` does not cover `create-from-csr`."""
    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
    topics = ["$aws/certificates/create/*", "$aws/certificates/create-from-csr/*", f"$aws/provisioning-templates/{template}/provision/*"]
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
        {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": [f"{arn}topic/{topic}" for topic in topics]},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": [f"{arn}topicfilter/{topic}" for topic in topics]},
    ]})


def request_of(name):
    """A certification request and its key, both PEM."""
    request, key = csr(name)
    format = serialization.PrivateFormat.TraditionalOpenSSL
    return request, key.private_bytes(serialization.Encoding.PEM, format, serialization.NoEncryption()).decode()


class Fleet:
    """The templates `fleet` and `open`, of which the first has a hook, and a claim certificate for both."""

    def __init__(self, plane):
        self.plane, self.iot, self.gateway = plane, plane.client("iot"), plane.gateway
        self.iot.create_policy(policyName="device", policyDocument=POLICY.read_text())
        self.iot.create_policy(policyName="claim", policyDocument=claim_policy("*"))
        common = {"templateBody": json.dumps(TEMPLATE), "provisioningRoleArn": ROLE, "enabled": True}
        hook = {"targetArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hook"}
        self.iot.create_provisioning_template(templateName="fleet", preProvisioningHook=hook, **common)
        self.iot.create_provisioning_template(templateName="open", **common)
        _, self.claim = plane.certificate("claim", "claim")

    def check_device(self, title, serial, place, certificate_pem, key, answer):
        """A provisioned device is registered, and connects as its thing."""
        thing = f"lamp-{serial}"
        check(f"{title}: the thing's name and its configuration", answer == (thing, {"place": place}), str(answer))
        attributes = self.iot.describe_thing(thingName=thing)["attributes"]
        check(f"{title}: the thing has the place of the template or the hook", attributes == {"place": place}, str(attributes))
        principals = self.iot.list_thing_principals(thingName=thing)["principals"]
        status = self.iot.describe_certificate(certificateId=principals[0].rpartition("/")[2])["certificateDescription"]
        check(f"{title}: its certificate is ACTIVE", (len(principals), status["status"]) == (1, "ACTIVE"), str(principals))
        files = [self.plane.folder / f"{thing}.pem", self.plane.folder / f"{thing}.key"]
        for file, text in zip(files, (certificate_pem, key)):
            file.write_text(text)
        with opened(self.gateway, thing, self.gateway.mqtts_port, certificate=files) as (client, event, _):
            client_event = event()
            check(f"{title}: the device connects with it", client_event == CONNECTED, client_event)
            client.publish(f"devices/{thing}/t", "21", qos=1)
            check(f"{title}: and publishes to its own topic", (published := event()) == "published", published)


def check_python(fleet):
    created, answer = by_client(fleet.gateway, fleet.claim, "fleet", "1")
    fleet.check_device("IotIdentityClient", "1", "hall", created.certificate_pem, created.private_key, (answer.thing_name, answer.device_configuration))
    request, key = request_of("own-key")
    created, answer = by_client(fleet.gateway, fleet.claim, "fleet", "2", request)
    fleet.check_device("IotIdentityClient with a CSR", "2", "hall", created.certificate_pem, key, (answer.thing_name, answer.device_configuration))
    created, answer = by_client_v2(fleet.gateway, fleet.claim, "fleet", "3")
    fleet.check_device("IotIdentityClientV2", "3", "hall", created.certificate_pem, created.private_key, (answer.thing_name, answer.device_configuration))
    for title, by in (("IotIdentityClient", by_client), ("IotIdentityClientV2", by_client_v2)):
        created, error = by(fleet.gateway, fleet.claim, "fleet", "stolen")
        found = error.status_code, error.error_code, error.error_message
        check(f"{title}: the hook denies a serial number", found == (403, "AccessDenied", "Access denied."), str(found))
        pending = fleet.iot.describe_certificate(certificateId=created.certificate_id)["certificateDescription"]["status"]
        check(f"{title}: its certificate waits", pending == "PENDING_ACTIVATION", pending)
    _, error = by_client(fleet.gateway, fleet.claim, "unknown", "4")
    check("an unknown template", (error.status_code, error.error_code) == (400, "InvalidTemplate"), str(error))
    _, error = by_client(fleet.gateway, fleet.claim, "fleet", "5", "not a request")
    check("an invalid CSR", (error.status_code, error.error_code) == (400, "InvalidCertificateSigningRequest"), str(error))
    check("denied devices have no thing", error_of(fleet.iot.describe_thing, thingName="lamp-stolen") == (404, "ResourceNotFoundException"), "")


def check_javascript(fleet):
    if not shutil.which("node") or not (NODE_PROGRAM.parent / "node_modules").is_dir():
        return skip("the AWS IoT Device SDK v2 for JavaScript", "node or its packages are missing")
    certificate, key = map(str, fleet.claim)
    gateway = {"port": int(fleet.gateway.mqtts_port), "authority": fleet.gateway.authority}
    asked = json.dumps({"gateway": gateway, "certificate": certificate, "key": key, "template": "fleet", "serials": ["11", "12", "stolen"]})
    done = subprocess.run(["node", str(NODE_PROGRAM)], input=asked, capture_output=True, text=True, timeout=120)
    if done.returncode:
        return check("the AWS IoT Device SDK v2 for JavaScript runs", False, done.stderr[-2000:])
    for serial, made in json.loads(done.stdout).items():
        if serial == "stolen":
            check("JavaScript: the hook denies a serial number", made == {"statusCode": 403, "errorCode": "AccessDenied"}, str(made))
        else:
            answer = made["thingName"], made["deviceConfiguration"]
            fleet.check_device(f"JavaScript, {made['client']}", serial, "hall", made["certificatePem"], made["privateKey"], answer)


def check_trusted_user(fleet):
    """AWS's command line makes the claim, and the SDK uses it."""
    done = fleet.plane.shell("aws iot create-provisioning-claim --template-name open", fleet.plane.folder)
    claim = json.loads(done.stdout)
    files = [fleet.plane.folder / "trusted.pem", fleet.plane.folder / "trusted.key"]
    for file, text in zip(files, (claim["certificatePem"], claim["keyPair"]["PrivateKey"])):
        file.write_text(text)
    listed = [item["certificateId"] for item in fleet.iot.list_certificates(pageSize=250)["certificates"]]
    check("the certificate of a claim is not listed", claim["certificateId"] not in listed, str(listed))
    created, answer = by_client(fleet.gateway, files, "open", "21")
    fleet.check_device("trusted user", "21", "nowhere", created.certificate_pem, created.private_key, (answer.thing_name, answer.device_configuration))
    with opened(fleet.gateway, "anyone", fleet.gateway.mqtts_port, certificate=files) as (client, event, _):
        check("a claim connects", (found := event()) == CONNECTED, found)
        client.publish("$aws/provisioning-templates/fleet/provision/json", "{}", qos=1)
        check("but may not use another template", (found := event()) == "disconnected", found)
    for template, expected in (("unknown", (404, "ResourceNotFoundException")), ("jitp*", (400, "InvalidRequestException"))):
        error = error_of(fleet.iot.create_provisioning_claim, templateName=template)
        check(f"no claim of the template {template}", error == expected, str(error))


def check_cbor(fleet):
    """paho, and bytes by hand. A device without memory for JSON does this."""
    answers = queue.Queue()
    with opened(fleet.gateway, "small", fleet.gateway.mqtts_port, certificate=fleet.claim) as (client, event, _):
        check("CBOR: the claim connects", (found := event()) == CONNECTED, found)
        client.on_message = lambda client, data, message: answers.put((message.topic, fleet_cbor.decode(message.payload)))

        def ask(topic, payload):
            for suffix in ("accepted", "rejected"):
                client.subscribe(f"{topic}/{suffix}", qos=1)
                event()
            client.publish(topic, payload, qos=1)
            answered, answer = answers.get(timeout=TIMEOUT_SECONDS)
            return answered.rpartition("/")[2], answer

        request, key = request_of("small")
        suffix, created = ask("$aws/certificates/create-from-csr/cbor", fleet_cbor.encode({"certificateSigningRequest": request}))
        check("CBOR: a certificate for a CSR", suffix == "accepted", str(created))
        template = "$aws/provisioning-templates/fleet/provision/cbor"
        rejections = ({"certificateOwnershipToken": ""}, "Certificate ownership token cannot be empty."), ({"certificateOwnershipToken": "x"}, "Certificate ownership token is invalid.")
        for payload, message in rejections:
            expected = {"statusCode": 400, "errorCode": "InvalidCertificateOwnershipToken", "errorMessage": message}
            suffix, error = ask(template, fleet_cbor.encode(payload))
            check(f"CBOR: {message}", (suffix, error) == ("rejected", expected), str(error))
        suffix, error = ask(template, b'{"json": 1}')
        check("CBOR: JSON is rejected", (suffix, error["errorCode"]) == ("rejected", "InvalidPayload"), str(error))
        token = created["certificateOwnershipToken"]
        suffix, answer = ask(template, fleet_cbor.encode({"certificateOwnershipToken": token, "parameters": {"SerialNumber": "31"}}))
    fleet.check_device("CBOR", "31", "hall", created["certificatePem"], key, (answer.get("thingName"), answer.get("deviceConfiguration")))


def main():
    with control_plane("--lambda", f"hook={sys.executable} {HOOK}") as plane:
        fleet = Fleet(plane)
        check_python(fleet)
        check_javascript(fleet)
        check_trusted_user(fleet)
        check_cbor(fleet)
        stored = "".join(path.read_text() for path in plane.registry.iterdir())
        check("the registry has no private key", "PRIVATE KEY" not in stored, "it has one")
        check("the log shows the rejections with their reasons", "REJECTED with 403 AccessDenied: the pre-provisioning hook denies" in plane.gateway.output(), plane.gateway.output()[-2000:])
    finish()


if __name__ == "__main__":
    main()
