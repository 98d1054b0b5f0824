"""First connects through OpenSSL's TLS: which certificates are registered and which devices provisioned, by the state of
their CA, the kind of their certificate, the chain and the server name; and 500 devices at once.

Run by `./test certificates`.
"""

import datetime
import itertools
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

import kit
from control_plane import ACCOUNT, control_plane
from lib.checks import check, finish

COUNT = 500
CONNECT_SECONDS = 120
ROLE = f"arn:aws:iam::{ACCOUNT}:role/JITPRole"
POLICY = "jitp-things-policy"
NOW = datetime.datetime.now(datetime.timezone.utc)
# The server name of a row: the endpoint's, another one, none.
NAMES = ("localhost", "example.com", None)


def template():
    """The template of AWS's walk-throughs: the thing has the common name and the country."""
    declared = {f"AWS::IoT::Certificate::{name}": {"Type": "String"} for name in ("CommonName", "Country", "Id")}
    value = {name.rsplit(":")[-1]: {"Ref": name} for name in declared}
    return json.dumps({"Parameters": declared, "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {
            "ThingName": value["CommonName"], "AttributePayload": {"version": "v1", "country": value["Country"]}}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": value["Id"], "Status": "ACTIVE"}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": POLICY}},
    }})


def name_of(common_name, country="JP"):
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, country)] if country else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """A CA of a company, and the certificates of its devices."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = self.builder(name_of(name), self.key.public_key())
        self.certificate = builder.add_extension(x509.BasicConstraints(True, None), True).sign(self.key, hashes.SHA256())
        self.pem = folder / f"{name}.pem"
        self.pem.write_text(pem(self.certificate))
        (folder / f"{name}.key").write_bytes(private(self.key))

    def builder(self, subject, key):
        times = (NOW - datetime.timedelta(days=1), NOW + datetime.timedelta(days=300))
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name_of(self.name)).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(times[0]).not_valid_after(times[1])

    def v3(self, common_name, key, country="JP"):
        return pem(self.builder(name_of(common_name, country), key.public_key()).sign(self.key, hashes.SHA256()))

    def v1(self, common_name, key, country="JP"):
        """Of version 1, as AWS's walk-throughs make it with OpenSSL."""
        request = x509.CertificateSigningRequestBuilder().subject_name(name_of(common_name, country)).sign(key, hashes.SHA256())
        line = ("openssl", "x509", "-req", "-CA", self.pem, "-CAkey", self.folder / f"{self.name}.key", "-sha256", "-days", "30",
            "-set_serial", str(x509.random_serial_number()))
        return subprocess.run(line, input=pem(request), capture_output=True, text=True, check=True).stdout

    def register(self, iot, is_active=True, auto=True, **members):
        """RegisterCACertificate, with a certificate for the registration code."""
        code = name_of(iot.get_registration_code()["registrationCode"], None)
        verification = self.builder(code, self.key.public_key()).sign(self.key, hashes.SHA256())
        return iot.register_ca_certificate(caCertificate=pem(self.certificate), verificationCertificate=pem(verification),
            setAsActive=is_active, allowAutoRegistration=auto, **members)["certificateId"]


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())


class Device:
    """A certificate with its key, in files."""

    def __init__(self, folder, common_name, certificate, key, chain=""):
        self.name = common_name
        self.certificate, self.key = folder / f"{common_name}.crt", folder / f"{common_name}.private"
        self.certificate.write_text(certificate + chain)
        self.key.write_bytes(private(key))
        self.id = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256()).hex()

    def connect(self, plane, server_name="localhost"):
        """What the gateway answers to a CONNECT: nothing, if it closes the connection after a whole handshake."""
        tls = ssl.create_default_context(cafile=plane.gateway.authority)
        tls.check_hostname = server_name == "localhost"
        if not tls.check_hostname:
            tls.verify_mode = ssl.CERT_NONE
        tls.load_cert_chain(self.certificate, self.key)
        with socket.create_connection(("localhost", int(plane.gateway.mqtts_port)), timeout=CONNECT_SECONDS) as plain:
            with tls.wrap_socket(plain, server_hostname=server_name) as stream:
                stream.sendall(kit.connect_packet(self.name))
                return stream.recv(4)


def status(iot, device):
    """The status of a certificate, if it is registered."""
    try:
        return iot.describe_certificate(certificateId=device.id)["certificateDescription"]["status"]
    except iot.exceptions.ResourceNotFoundException:
        return None


def check_table(plane, iot, folder):
    """Each row has a certificate of its own."""
    config = {"registrationConfig": {"templateBody": template(), "roleArn": ROLE}}
    states = {
        "jitr": {}, "jitp": config, "inactive": {"is_active": False} | config, "disabled": {"auto": False} | config, "unknown": None}
    authorities = {state: Authority(folder, state) for state in states}
    for state, members in states.items():
        if members is not None:
            authorities[state].register(iot, **members)
    keys = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}
    registered = set()
    for state, version, kind, chain, name in itertools.product(states, ("v1", "v3"), keys, (False, True), NAMES):
        title = f"{state}-{version}-{kind}{'-chain' if chain else ''}-{name or 'no-sni'}".replace(".", "-")
        authority, key = authorities[state], keys[kind]
        device = Device(folder, title, getattr(authority, version)(title, key), key, pem(authority.certificate) if chain else "")
        answers = [device.connect(plane, name) for _ in range(2)]
        is_first = name == "localhost" and state in ("jitr", "jitp")
        is_provisioned = is_first and state == "jitp"
        expected = {True: "ACTIVE" if is_provisioned else "PENDING_ACTIVATION", False: None}[is_first]
        found = (answers, status(iot, device))
        check(title, found == ([b"", kit.ACCEPTED if is_provisioned else b""], expected), found)
        registered |= {device.id} if is_first else set()
        if is_provisioned:
            attributes = iot.describe_thing(thingName=title)["attributes"]
            check(f"{title}: the thing", attributes == {"version": "v1", "country": "JP"}, attributes)
    listed = [item["certificateId"] for page in iot.get_paginator("list_certificates").paginate() for item in page["certificates"]]
    check("only these are registered, each once", sorted(listed) == sorted(registered), len(listed))
    return authorities["jitp"]


def check_incomplete(plane, iot, folder, authority):
    """A device whose subject lacks the country stays PENDING_ACTIVATION, and the event log names the parameter."""
    key = ec.generate_private_key(ec.SECP256R1())
    device = Device(folder, "no-country", authority.v3("no-country", key, None), key)
    answers = [device.connect(plane) for _ in range(3)]
    check("no country: closed each time", answers == [b""] * 3, answers)
    check("no country: PENDING_ACTIVATION", status(iot, device) == "PENDING_ACTIVATION", status(iot, device))
    reason = 'parameter "AWS::IoT::Certificate::Country": the subject of the certificate has no C'

    def found():
        return [line for line in plane.gateway.output().splitlines() if reason in line]

    plane.gateway.wait_until(lambda: len(found()) == 3)
    lines = found()
    check("no country: the event log names the parameter", len(lines) == 3 and device.id in lines[0], lines)


def usage(process):
    """Memory and processor time of the gateway, where the system has /proc."""
    folder = pathlib.Path(f"/proc/{process.pid}")
    if not folder.exists():
        return {}
    memory = next(line.split()[1] for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
    user, system = (folder / "stat").read_text().rsplit(")")[-1].split()[11:13]
    return {"memory, MiB": int(memory) / 1024, "processor, s": (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")}


def check_storm(plane, iot, folder, authority):
    """All connect at once until they are admitted, as devices do that are switched on together."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [f"storm-{number}" for number in range(COUNT)]
    devices = [Device(folder, name, authority.v3(name, key), key) for name in names]

    def admitted(device):
        """How many connects it takes."""
        return next((number for number in range(1, 6) if device.connect(plane) == kit.ACCEPTED), None)

    process = plane.gateway.process
    before, start = usage(process), time.monotonic()
    with ThreadPoolExecutor(COUNT) as pool:
        attempts = list(pool.map(admitted, devices))
    seconds, after = time.monotonic() - start, usage(process)
    # A slow machine may let some time out, which connect once more.
    retries = sum(number or 0 for number in attempts) - 2 * COUNT
    check(f"{COUNT} devices at once: all are admitted, none by its first connect", {None, 1}.isdisjoint(attempts), set(attempts))
    listed = [item["certificateId"] for page in iot.get_paginator("list_certificates").paginate() for item in page["certificates"]]
    check(f"{COUNT} devices at once: each certificate once", len(listed) == len(set(listed)) and {each.id for each in devices} <= set(listed))
    things = [item["thingName"] for page in iot.get_paginator("list_things").paginate() for item in page["things"]]
    check(f"{COUNT} devices at once: each thing once", sorted(name for name in things if name.startswith("storm-")) == sorted(names))
    principals = {len(iot.list_thing_principals(thingName=name)["principals"]) for name in names}
    check(f"{COUNT} devices at once: one certificate for each thing", principals == {1}, principals)
    print(f"{COUNT} devices: registered, provisioned and connected in {seconds:.1f} s, {retries} more connects than two for each", flush=True)
    for name, first in before.items():
        print(f"    {name}: {first:.1f} -> {after[name]:.1f}", flush=True)

    device = Device(folder, "once", authority.v3("once", key), key)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: device.connect(plane), range(5)))
    check("five connects of one device: it is registered once", b"" in answers and status(iot, device) == "ACTIVE", answers)
    check("five connects of one device: it is admitted then", device.connect(plane) == kit.ACCEPTED)


def main():
    with control_plane() as plane:
        iot, folder = plane.client("iot"), plane.folder
        thing = "${iot:Connection.Thing.ThingName}"
        shadow = f"$aws/things/{thing}/shadow/*"
        statements = [("iot:Connect", [f"client/{thing}"]), (["iot:Publish", "iot:Receive"], [f"topic/{shadow}"]),
            ("iot:Subscribe", [f"topicfilter/{shadow}"])]
        document = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": [f"arn:aws:iot:us-east-1:{ACCOUNT}:{each}" for each in resources]}
            for action, resources in statements]}
        iot.create_policy(policyName=POLICY, policyDocument=json.dumps(document))
        authority = check_table(plane, iot, folder)
        check_incomplete(plane, iot, folder, authority)
        check_storm(plane, iot, folder, authority)
    finish()


if __name__ == "__main__":
    main()
