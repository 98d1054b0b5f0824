"""Which clients a run has, by number: their tokens, certificates and names."""

import asyncio
import datetime
import json

from awsiot import mqtt5_client_builder
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from control_plane import ACCOUNT, REGION
from lib.paths import ROOT
from sessions import Connection, HttpsClient, Kind, MqttClient, sign, signed

# Clients of a kind in 20.
SHARES = {"wss": 5, "tls": 4, "certificate": 5, "signed": 2, "https": 2, "denied": 2}
AUTHORIZERS = {False: "iot-jwt-authorizer", True: "fetched"}
PEOPLE = 6
ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
POLICY = "soak-device"


def device_policy():
    """A device connects as its thing, and uses its own topics and its shadow."""
    thing = "${iot:Connection.Thing.ThingName}"
    own = [f"devices/{thing}/*", f"$aws/things/{thing}/shadow/*"]
    topics, filters = ([f"{ARN}{kind}/{topic}" for topic in own] for kind in ("topic", "topicfilter"))
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{ARN}client/{thing}"},
        {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": topics},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": filters},
    ]})


def self_signed(name):
    """A certificate and its key, both PEM, and the certificate's id."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    made = builder.not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    certificate = made.public_bytes(serialization.Encoding.PEM)
    return certificate.decode(), private.decode(), made.fingerprint(hashes.SHA256()).hex()


async def prepare(stand):
    """The policies that all clients share."""
    iot = stand.clients.iot
    await stand.request(iot.create_policy, policyName=POLICY, policyDocument=device_policy())
    app = (ROOT / "provision/policies/app.json").read_text()
    await stand.request(iot.create_policy, policyName="app", policyDocument=app)


async def registered(stand, name, status="ACTIVE"):
    """A registered device with its thing, whose changes are in the ledger. Returns its certificate and key."""
    iot, ledger = stand.clients.iot, stand.ledger
    certificate, key, identifier = self_signed(name)
    arn = f"{ARN}cert/{identifier}"
    thing, entry = ("thing", name), ("certificate", identifier)
    register = {"certificatePem": certificate, "status": status}
    async with stand.operation():
        for key_of_change, value, call, members in (
            (thing, {}, iot.create_thing, {"thingName": name}),
            (entry, (status, (), ()), iot.register_certificate_without_ca, register),
            (entry, (status, (POLICY,), ()), iot.attach_policy, {"policyName": POLICY, "target": arn}),
            (entry, (status, (POLICY,), (name,)), iot.attach_thing_principal, {"thingName": name, "principal": arn}),
        ):
            await ledger.change(key_of_change, value, lambda: stand.request(call, **members))
    return certificate, key


def with_certificate(stand, kind, name, certificate, key):
    connection = Connection(
        mqtt5_client_builder.mtls_from_bytes, stand, cert_bytes=certificate.encode(), pri_key_bytes=key.encode(),
        client_id=name, port=int(stand.gateway.mqtts_port))
    return MqttClient(stand, kind, connection, name, f"devices/{name}/t", f"$aws/things/{name}/shadow")


def with_token(stand, transport, kind, name, subject, token, fetched):
    build = {
        "wss": mqtt5_client_builder.websockets_with_custom_authorizer,
        "tls": mqtt5_client_builder.direct_with_custom_authorizer,
    }[transport]
    connection = Connection(
        build, stand, auth_username="app", auth_authorizer_name=AUTHORIZERS[fetched], auth_password=token,
        client_id=name, port=int(stand.gateway.tls_port))
    return MqttClient(stand, kind, connection, name, f"acme/users/{subject}/{name.rpartition('/')[2]}")


def forged(token):
    """The token with another signature."""
    body, _, signature = token.rpartition(".")
    return f"{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


async def clients_of(stand, count):
    """So many clients of all kinds."""
    await prepare(stand)
    people = await sign(stand, [f"person-{number}" for number in range(PEOPLE)])
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    subjects = {}
    for fetched in (False, True):
        for subject in ("ana", "ben", "kim"):
            subjects[subject, fetched] = await stand.run(stand.token, subject, fetched)
    # 20 has no common divisor with 7, so that each kind is among the first clients.
    chosen = [kinds[number * 7 % len(kinds)] for number in range(count)]
    made = (client_of(stand, kind, number, people, subjects) for number, kind in enumerate(chosen))
    return await asyncio.gather(*made)


async def client_of(stand, kind, number, people, tokens):
    fetched = number // 20 % 2 == 1
    subject = ("ana", "ben", "kim")[number % 3]
    token, depends = tokens[subject, fetched], ("function", "keys") if fetched else ("function",)
    name, issuer = f"{subject}/soak-{number}", ", keys fetched" if fetched else ""
    topic, authorizer = f"acme/users/{subject}/{number}", AUTHORIZERS[fetched]
    if kind in ("wss", "tls"):
        titles = {"wss": "JWT, WebSocket", "tls": "JWT, TLS"}
        return with_token(stand, kind, Kind(titles[kind] + issuer, depends), name, subject, token, fetched)
    if kind == "certificate":
        certificate, key = await registered(stand, name := f"device-{number}")
        return with_certificate(stand, Kind("certificate"), name, certificate, key)
    if kind == "signed":
        return signed(stand, people[number % len(people)], number)
    if kind == "https":
        return HttpsClient(stand, Kind(f"HTTPS{issuer}", depends), name, topic, token, authorizer)
    match number // 20 % 4:
        case 0:
            kind = Kind("denied: forged token", denied=True)
            return with_token(stand, "wss", kind, name, subject, forged(token), fetched)
        case 1:
            certificate, key = await registered(stand, name := f"device-{number}", "INACTIVE")
            return with_certificate(stand, Kind("denied: INACTIVE certificate", denied=True), name, certificate, key)
        case 2:
            expired = await stand.run(stand.token, subject, fetched, -600)
            return with_token(stand, "tls", Kind("denied: expired token", denied=True), name, subject, expired, fetched)
        case _:
            kind = Kind("denied: HTTPS, forged token", denied=True)
            return HttpsClient(stand, kind, name, topic, forged(token), authorizer)
