"""CA certificates, devices and what is registered of them."""

import datetime
import json
import socket
import ssl
import tempfile
import uuid
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from host import ACCOUNT, REGION
from lib.paths import ROOT, TEMPORARY

START, END = datetime.datetime(2026, 1, 1), datetime.datetime(2049, 12, 31)
POLICY = (ROOT / "provision/policies/device.json").read_text()
# The policies that the configuration names.
POLICIES = ("device", "app")
COUNTRY = "JP"
# MQTT 3.1.1, a clean session, the client id `dev`.
CONNECT = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03dev"
TIMEOUT_SECONDS = 120

# Some subjects are longer than X.520 allows, on purpose.
warnings.filterwarnings("ignore", "Attribute's length", UserWarning)


def pem(made):
    return made.public_bytes(serialization.Encoding.PEM).decode()


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def subject(common_name, country=COUNTRY):
    parts = [(NameOID.COMMON_NAME, common_name), (NameOID.COUNTRY_NAME, country)]
    return x509.Name([x509.NameAttribute(kind, value, _validate=False) for kind, value in parts if value is not None])


def csr(common_name, key):
    return pem(x509.CertificateSigningRequestBuilder().subject_name(subject(common_name)).sign(key, hashes.SHA256()))


class Authority:
    """A CA certificate, registered with auto registration, and the certificates that it signs."""

    def __init__(self, iot, name):
        self.key, self.name = new_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.pem = pem(self.sign(self.name, self.key.public_key(), is_ca=True))
        verification = pem(self.sign(subject(iot.get_registration_code()["registrationCode"], None), new_key().public_key()))
        made = iot.register_ca_certificate(
            caCertificate=self.pem, verificationCertificate=verification, setAsActive=True, allowAutoRegistration=True)
        self.id = made["certificateId"]

    def sign(self, name, key, is_ca=False):
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(START).not_valid_after(END)
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        return builder.sign(self.key, hashes.SHA256())

    def certificate(self, common_name, country=COUNTRY, key=None):
        return self.sign(subject(common_name, country), (key or new_key()).public_key())

    def register(self, iot, common_name):
        """The id of a registered certificate that is INACTIVE."""
        made = iot.register_certificate(
            certificatePem=pem(self.certificate(common_name)), caCertificatePem=self.pem, status="INACTIVE")
        return made["certificateId"]

    def connect(self, gateway, common_name, country=COUNTRY, key=None):
        """The id of a certificate that its first connect has registered. The gateway closes that connection."""
        key = key or new_key()
        certificate = self.certificate(common_name, country, key)
        tls = ssl.create_default_context(cafile=gateway.authority)
        with tempfile.NamedTemporaryFile("w", dir=TEMPORARY) as file:
            file.write(pem(certificate) + key_pem(key))
            file.flush()
            tls.load_cert_chain(file.name)
        with socket.create_connection(("127.0.0.1", int(gateway.mqtts_port)), TIMEOUT_SECONDS) as connection:
            with tls.wrap_socket(connection, server_hostname="localhost") as client:
                client.sendall(CONNECT)
                try:
                    answer = client.recv(1)
                except OSError:
                    answer = b""
        if answer:
            raise SystemExit(f"FAILED: the first connect of {common_name} got an answer")
        return certificate.fingerprint(hashes.SHA256()).hex()


def event(certificate, authority, **members):
    """The event of a first connect. A member that is `None` is left out."""
    members = {
        "certificateId": certificate, "caCertificateId": authority, "timestamp": 1800000000000, "awsAccountId": ACCOUNT,
        "certificateStatus": "PENDING_ACTIVATION", "certificateRegistrationTimestamp": None,
    } | members
    return {name: value for name, value in members.items() if value is not ...}


def configuration(*authorities, expected="anyone", replace="false", bootstrap="list:devices.csv", template="dynamodb:devices"):
    """A provision.toml for these CA certificates."""
    tables = [
        f'[[authority]]\nca_certificate_id = "{authority}"\nthing = "${{CommonName}}"\npolicy = "device"\n'
        f'attributes = {{ country = "${{Country}}" }}\nexpected = "{expected}"\nreplace = {replace}\n'
        for authority in authorities
    ]
    tables.append(
        f'[[bootstrap]]\nrequest = "bootstrap/+/request"\nresponse = "bootstrap/${{id}}/response"\nthing = "${{id}}"\n'
        f'policy = "device"\nexpected = "{bootstrap}"\nreplace = {replace}\n')
    tables.append(f'[[template]]\nname = "fleet"\nexpected = "{template}"\n')
    return "\n".join([*tables, '[cognito]\npolicy = "app"\n'])


def registered(iot, thing):
    """What is registered of a thing: its attributes, and for each of its certificates the status and the policies. `None`
    if there is no thing."""
    try:
        attributes = iot.describe_thing(thingName=thing)["attributes"]
    except iot.exceptions.ResourceNotFoundException:
        return None
    certificates = {}
    for arn in iot.list_thing_principals(thingName=thing)["principals"]:
        certificates[arn.rpartition("/")[2]] = rights(iot, arn)
    return attributes, certificates


def rights(iot, arn):
    """The status of a certificate, and its policies."""
    status = iot.describe_certificate(certificateId=arn.rpartition("/")[2])["certificateDescription"]["status"]
    return status, [policy["policyName"] for policy in iot.list_attached_policies(target=arn)["policies"]]


def all_certificates(iot):
    """Status, policies and things of every certificate, by its id."""
    found = {}
    for page in iot.get_paginator("list_certificates").paginate():
        for certificate in page["certificates"]:
            arn = certificate["certificateArn"]
            found[certificate["certificateId"]] = (*rights(iot, arn), iot.list_principal_things(principal=arn)["things"])
    return found


def targets(iot, policy):
    """What a policy is attached to."""
    pages = iot.get_paginator("list_targets_for_policy").paginate(policyName=policy, PaginationConfig={"PageSize": 250})
    return {target for page in pages for target in page["targets"]}


def without_rights(certificates):
    """ACTIVE certificates without a policy or a thing."""
    return [id for id, (status, policies, things) in certificates.items() if status == "ACTIVE" and not (policies and things)]


def new_identity():
    return f"{REGION}:{uuid.uuid4()}"


def create_policies(iot):
    """They exist before the first event."""
    for name in POLICIES:
        iot.create_policy(policyName=name, policyDocument=json.dumps(json.loads(POLICY)))
