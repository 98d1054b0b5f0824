"""Flows of the AWS APIs with boto3: devices made, changed and deleted."""

import json
import pathlib
import ssl
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from control_plane import ACCOUNT, REGION, error_of
from lib.checks import check
from lib.paths import ROOT, TEMPORARY

DATA = ROOT / "local/cloud/tests/data"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]})
PREFIX = f"arn:aws:iot:{REGION}:{ACCOUNT}:"


def equal(title, found, expected):
    check(title, found == expected, f"{found!r}; expected {expected!r}")


def csr(name):
    """A certification request for a new key, and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode(), key


def check_certificates(iot):
    created = iot.create_keys_and_certificate(setAsActive=True)
    certificate = x509.load_pem_x509_certificate(created["certificatePem"].encode())
    key = serialization.load_pem_private_key(created["keyPair"]["PrivateKey"].encode(), None)
    public = [key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)]
    public.append(certificate.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    equal("the private key is of the certificate", public, [created["keyPair"]["PublicKey"].encode()] * 2)
    equal("the id is the SHA-256 of the certificate", created["certificateId"], certificate.fingerprint(hashes.SHA256()).hex())
    equal("the subject is AWS's", certificate.subject.rfc4514_string(), "CN=AWS IoT Certificate")
    with tempfile.NamedTemporaryFile("w", dir=TEMPORARY) as file:
        file.write(created["certificatePem"] + created["keyPair"]["PrivateKey"])
        file.flush()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(file.name)
        done = subprocess.run(["openssl", "x509", "-in", file.name, "-noout", "-enddate", "-purpose"], capture_output=True, text=True)
    expected = ("notAfter=Dec 31 23:59:59 2049 GMT", "SSL client : Yes", "SSL server : No")
    check("OpenSSL reads it as a client certificate until 2049", all(line in done.stdout for line in expected), done.stdout + done.stderr)

    request, key = csr("sensor-1")
    first, second = (iot.create_certificate_from_csr(certificateSigningRequest=request) for _ in range(2))
    check("one request gives two certificates", first["certificateId"] != second["certificateId"])
    signed = x509.load_pem_x509_certificate(first["certificatePem"].encode())
    equal("the certificate has the request's key", signed.public_key(), key.public_key())
    described = iot.describe_certificate(certificateId=first["certificateId"])["certificateDescription"]
    equal("it is INACTIVE", (described["status"], described["certificateMode"]), ("INACTIVE", "DEFAULT"))
    equal("it is valid until 2049", described["validity"]["notAfter"].year, 2049)

    registered = iot.register_certificate_without_ca(certificatePem=(DATA / "leaf-v1.pem").read_text(), status="ACTIVE")
    described = iot.describe_certificate(certificateId=registered["certificateId"])["certificateDescription"]
    equal("a certificate of version 1 is registered without a CA", (described["status"], described["certificateMode"]), ("ACTIVE", "SNI_ONLY"))
    try:
        iot.register_certificate_without_ca(certificatePem=(DATA / "leaf-v1.pem").read_text())
        check("a certificate is registered once", False)
    except iot.exceptions.ResourceAlreadyExistsException as error:
        equal("a certificate is registered once", error.response["resourceArn"], registered["certificateArn"])
    iot.update_certificate(certificateId=registered["certificateId"], newStatus="REVOKED")
    equal("a revoked certificate stays revoked",
        error_of(iot.update_certificate, certificateId=registered["certificateId"], newStatus="ACTIVE"), (406, "CertificateStateException"))
    pages = iot.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 1})
    found = [item["certificateId"] for page in pages for item in page["certificates"]]
    equal("the list has every certificate once", sorted(found), sorted(each["certificateId"] for each in (created, first, second, registered)))
    return created


def check_policies(iot, certificate):
    made = iot.create_policy(policyName="device", policyDocument=POLICY, tags=[{"Key": "team", "Value": "a"}])
    equal("the policy's ARN", made["policyArn"], PREFIX + "policy/device")
    equal("the document is as it was sent", iot.get_policy(policyName="device")["policyDocument"], POLICY)
    versions = [iot.create_policy_version(policyName="device", policyDocument=POLICY, setAsDefault=True)["policyVersionId"] for _ in range(4)]
    equal("versions are numbered", versions, ["2", "3", "4", "5"])
    equal("a sixth version", error_of(iot.create_policy_version, policyName="device", policyDocument=POLICY), (409, "VersionsLimitExceededException"))
    iot.set_default_policy_version(policyName="device", policyVersionId="2")
    equal("version 2 is the default", iot.get_policy_version(policyName="device", policyVersionId="2")["isDefaultVersion"], True)
    equal("the default version stays", error_of(iot.delete_policy_version, policyName="device", policyVersionId="2"), (409, "DeleteConflictException"))
    equal("a policy with versions stays", error_of(iot.delete_policy, policyName="device"), (409, "DeleteConflictException"))
    for number in ("1", "3", "4", "5"):
        iot.delete_policy_version(policyName="device", policyVersionId=number)
    found = [(item["versionId"], item["isDefaultVersion"]) for item in iot.list_policy_versions(policyName="device")["policyVersions"]]
    equal("one version is left", found, [("2", True)])
    arn = certificate["certificateArn"]
    iot.attach_policy(policyName="device", target=arn)
    iot.attach_policy(policyName="device", target=arn)
    equal("the certificate has the policy", [item["policyName"] for item in iot.list_attached_policies(target=arn)["policies"]], ["device"])
    equal("the policy has the certificate", iot.list_targets_for_policy(policyName="device")["targets"], [arn])
    equal("the same by the old operations", [item["policyName"] for item in iot.list_principal_policies(principal=arn)["policies"]], ["device"])
    equal("and from the policy", iot.list_policy_principals(policyName="device")["principals"], [arn])
    iot.detach_policy(policyName="device", target=arn)
    iot.detach_policy(policyName="device", target=arn)
    iot.attach_principal_policy(policyName="device", principal=arn)
    iot.detach_principal_policy(policyName="device", principal=arn)
    equal("a detached policy", iot.list_attached_policies(target=arn)["policies"], [])
    iot.attach_policy(policyName="device", target=arn)
    equal("an attached policy stays", error_of(iot.delete_policy, policyName="device"), (409, "DeleteConflictException"))
    equal("tags of a policy", iot.list_tags_for_resource(resourceArn=made["policyArn"])["tags"], [{"Key": "team", "Value": "a"}])
    iot.tag_resource(resourceArn=made["policyArn"], tags=[{"Key": "team", "Value": "b"}, {"Key": "x", "Value": ""}])
    iot.untag_resource(resourceArn=made["policyArn"], tagKeys=["x", "y"])
    equal("changed tags", iot.list_tags_for_resource(resourceArn=made["policyArn"])["tags"], [{"Key": "team", "Value": "b"}])
    equal("the list of policies", [item["policyName"] for item in iot.list_policies()["policies"]], ["device"])


def check_things(iot, certificate):
    attributes = {"attributes": {"floor": "2"}}
    made = [iot.create_thing(thingName="sensor-1", attributePayload=attributes)["thingId"] for _ in range(2)]
    equal("the same thing again is the same", made[0], made[1])
    equal("another thing of the name", error_of(iot.create_thing, thingName="sensor-1"), (409, "ResourceAlreadyExistsException"))
    iot.update_thing(thingName="sensor-1", attributePayload={"attributes": {"room": "7"}, "merge": True}, expectedVersion=1)
    described = iot.describe_thing(thingName="sensor-1")
    equal("attributes are merged", (described["attributes"], described["version"]), ({"floor": "2", "room": "7"}, 2))
    for number in range(2, 31):
        iot.create_thing(thingName=f"sensor-{number}")
    found = [item["thingName"] for page in iot.get_paginator("list_things").paginate() for item in page["things"]]
    equal("the list has every thing once", sorted(found), sorted(f"sensor-{number}" for number in range(1, 31)))
    found = iot.list_things(attributeName="floor", attributeValue="2")["things"]
    equal("things by attribute", [item["thingName"] for item in found], ["sensor-1"])
    arn = certificate["certificateArn"]
    iot.attach_thing_principal(thingName="sensor-1", principal=arn, thingPrincipalType="EXCLUSIVE_THING")
    equal("the thing is exclusive", error_of(iot.attach_thing_principal, thingName="sensor-2", principal=arn), (400, "InvalidRequestException"))
    equal("the thing's principals", iot.list_thing_principals(thingName="sensor-1")["principals"], [arn])
    equal("the same with the kind", iot.list_thing_principals_v2(thingName="sensor-1")["thingPrincipalObjects"],
        [{"principal": arn, "thingPrincipalType": "EXCLUSIVE_THING"}])
    equal("the principal's things", iot.list_principal_things(principal=arn)["things"], ["sensor-1"])
    equal("the same with the kind", iot.list_principal_things_v2(principal=arn)["principalThingObjects"],
        [{"thingName": "sensor-1", "thingPrincipalType": "EXCLUSIVE_THING"}])
    found = iot.get_effective_policies(principal=arn, thingName="sensor-1")["effectivePolicies"]
    equal("the policies that count", [item["policyName"] for item in found], ["device"])
    questions = [{"actionType": "CONNECT", "resources": [f"{PREFIX}client/sensor-1"]},
        {"actionType": "PUBLISH", "resources": [f"{PREFIX}topic/a"]}]
    found = iot.test_authorization(principal=arn, clientId="sensor-1", authInfos=questions)["authResults"]
    equal("what the certificate may do", [item["authDecision"] for item in found], ["ALLOWED", "IMPLICIT_DENY"])
    equal("a thing with a principal stays", error_of(iot.delete_thing, thingName="sensor-1"), (400, "InvalidRequestException"))


def check_deletion(iot, certificate):
    identity = {"certificateId": certificate["certificateId"]}
    equal("an active certificate stays", error_of(iot.delete_certificate, **identity), (406, "CertificateStateException"))
    iot.update_certificate(newStatus="INACTIVE", **identity)
    equal("a certificate with a policy and a thing stays", error_of(iot.delete_certificate, forceDelete=True, **identity), (409, "DeleteConflictException"))
    iot.detach_thing_principal(thingName="sensor-1", principal=certificate["certificateArn"])
    equal("a certificate with a policy stays", error_of(iot.delete_certificate, **identity), (409, "DeleteConflictException"))
    iot.delete_certificate(forceDelete=True, **identity)
    equal("a deleted certificate", error_of(iot.describe_certificate, **identity), (404, "ResourceNotFoundException"))
    iot.delete_policy(policyName="device")
    for name in ("sensor-1", "sensor-1", "no-thing"):
        iot.delete_thing(thingName=name)
    equal("a deleted thing", error_of(iot.describe_thing, thingName="sensor-1"), (404, "ResourceNotFoundException"))


def check_groups(iot):
    iot.create_thing_type(thingTypeName="lamp", thingTypeProperties={"searchableAttributes": ["room"]})
    iot.update_thing_type(thingTypeName="lamp", thingTypeProperties={"thingTypeDescription": "a lamp"})
    described = iot.describe_thing_type(thingTypeName="lamp")["thingTypeProperties"]
    equal("a thing type", described, {"searchableAttributes": ["room"], "thingTypeDescription": "a lamp"})
    iot.create_thing(thingName="lamp-1", thingTypeName="lamp", attributePayload={"attributes": {name: "1" for name in "abcd"}})
    equal("things of a type", [item["thingName"] for item in iot.list_things(thingTypeName="lamp")["things"]], ["lamp-1"])
    equal("the types", [item["thingTypeName"] for item in iot.list_thing_types()["thingTypes"]], ["lamp"])
    iot.create_thing_group(thingGroupName="house")
    iot.create_thing_group(thingGroupName="room", parentGroupName="house")
    version = iot.update_thing_group(thingGroupName="room", thingGroupProperties={"thingGroupDescription": "a room"})["version"]
    described = iot.describe_thing_group(thingGroupName="room")
    equal("the group's properties", described["thingGroupProperties"], {"thingGroupDescription": "a room"})
    equal("properties that a group does not have", iot.describe_thing_group(thingGroupName="house")["thingGroupProperties"], {})
    equal("a thing group", (described["version"], described["thingGroupMetadata"]["parentGroupName"]), (version, "house"))
    iot.add_thing_to_thing_group(thingGroupName="room", thingName="lamp-1")
    equal("two groups of a hierarchy", error_of(iot.add_thing_to_thing_group, thingGroupName="house", thingName="lamp-1"), (400, "InvalidRequestException"))
    equal("things of a group", iot.list_things_in_thing_group(thingGroupName="house", recursive=True)["things"], ["lamp-1"])
    equal("groups of a thing", [item["groupName"] for item in iot.list_thing_groups_for_thing(thingName="lamp-1")["thingGroups"]], ["room"])
    iot.remove_thing_from_thing_group(thingGroupName="room", thingName="lamp-1")
    iot.update_thing_groups_for_thing(thingName="lamp-1", thingGroupsToAdd=["house"])
    equal("groups below a group", [item["groupName"] for item in iot.list_thing_groups(parentGroup="house")["thingGroups"]], ["room"])
    for name in ("room", "house", "no-group"):
        iot.delete_thing_group(thingGroupName=name)
    iot.deprecate_thing_type(thingTypeName="lamp")
    equal("a type with things stays", error_of(iot.delete_thing_type, thingTypeName="lamp"), (400, "InvalidRequestException"))
    iot.delete_thing(thingName="lamp-1")
    iot.delete_thing_type(thingTypeName="lamp")


def check_authorities(iot):
    """A CA with a verification certificate of version 1, as OpenSSL makes it, and a device's certificate of that CA."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        def made(command):
            subprocess.run(["sh", "-ec", command], cwd=folder, check=True, capture_output=True)
            return (pathlib.Path(folder) / "out.pem").read_text()

        ca = made("openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -days 9 -subj '/CN=CA' -out ca.pem; cp ca.pem out.pem")
        sign = "openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -sha256 -out out.pem"
        request = "openssl req -new -newkey rsa:2048 -nodes -keyout KEY -subj /CN=NAME -out csr.pem"
        code = iot.get_registration_code()["registrationCode"]
        verification = made(f"{request}; {sign}".replace("KEY", "verification.key").replace("NAME", code))
        leaf = made(f"{request}; {sign}".replace("KEY", "leaf.key").replace("NAME", "sensor-1"))
    equal("a certificate of an unregistered CA", error_of(iot.register_certificate, certificatePem=leaf), (400, "CertificateValidationException"))
    equal("a CA without verification", error_of(iot.register_ca_certificate, caCertificate=ca), (400, "InvalidRequestException"))
    equal("a CA verified by a device's certificate", error_of(iot.register_ca_certificate, caCertificate=ca, verificationCertificate=leaf),
        (400, "RegistrationCodeValidationException"))
    made = iot.register_ca_certificate(caCertificate=ca, verificationCertificate=verification, allowAutoRegistration=True)
    identity = {"certificateId": made["certificateId"]}
    described = iot.describe_ca_certificate(**identity)["certificateDescription"]
    equal("the CA is as it was registered", (described["status"], described["autoRegistrationStatus"]), ("INACTIVE", "ENABLE"))
    equal("the CA is INACTIVE", error_of(iot.register_certificate, certificatePem=leaf), (406, "CertificateStateException"))
    iot.update_ca_certificate(newStatus="ACTIVE", newAutoRegistrationStatus="DISABLE", **identity)
    device = iot.register_certificate(certificatePem=leaf, status="ACTIVE")
    described = iot.describe_certificate(certificateId=device["certificateId"])["certificateDescription"]
    equal("the certificate names its CA", described["caCertificateId"], made["certificateId"])
    found = iot.list_certificates_by_ca(caCertificateId=made["certificateId"])["certificates"]
    equal("the CA has the certificate", [item["certificateId"] for item in found], [device["certificateId"]])
    equal("the list of CAs", [item["certificateId"] for item in iot.list_ca_certificates()["certificates"]], [made["certificateId"]])
    equal("an active CA stays", error_of(iot.delete_ca_certificate, **identity), (406, "CertificateStateException"))
    iot.update_ca_certificate(newStatus="INACTIVE", **identity)
    iot.delete_ca_certificate(**identity)
    equal("a deleted CA", error_of(iot.describe_ca_certificate, **identity), (404, "ResourceNotFoundException"))
    equal("its device stays", iot.describe_certificate(certificateId=device["certificateId"])["certificateDescription"]["status"], "ACTIVE")
    iot.delete_registration_code()
    equal("a deleted registration code", error_of(iot.delete_registration_code), (404, "ResourceNotFoundException"))
