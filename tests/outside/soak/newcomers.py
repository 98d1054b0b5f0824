"""Devices that register themselves: by their first connect (JITP), and by fleet provisioning with a claim certificate.
Each is then deleted, step by step."""

import asyncio
import json
import time
import uuid

from awsiot import mqtt5_client_builder
from cryptography.hazmat.primitives.asymmetric import ec

import kit
from first_connect import ROLE, Authority, Device, template
from first_connect import POLICY as JITP_POLICY
from fleet import TEMPLATE, claim_policy, request_of
from fleet_of_clients import ARN, POLICY, device_policy, self_signed
from ledger import Cut
from sessions import CONNECTED, DELIVERED, Connection, Kind, judge

CLAIM, FLEET_TEMPLATE = "soak-claim", "soak"
FIRST, CLAIMED = Kind("certificate, first connect"), Kind("certificate, claim")
# A first connect is closed, and the next one admitted.
MAX_CONNECTS = 6
CLOSED = "closed, as a first connect is"


async def prepare(stand):
    """The company's CA with its template, and the template and the claim of fleet provisioning."""
    iot = stand.clients.iot
    await stand.request(iot.create_policy, policyName=JITP_POLICY, policyDocument=device_policy())
    stand.company = Authority(stand.folder, "company")
    config = {"registrationConfig": {"templateBody": template(), "roleArn": ROLE}}
    await stand.run(lambda: stand.company.register(iot, **config))
    await stand.request(iot.create_policy, policyName=CLAIM, policyDocument=claim_policy(FLEET_TEMPLATE))
    body = json.dumps(TEMPLATE).replace('"device"', f'"{POLICY}"')
    await stand.request(
        iot.create_provisioning_template, templateName=FLEET_TEMPLATE, templateBody=body, provisioningRoleArn=ROLE,
        enabled=True)


class Removal:
    """Deletes a device in five changes, in the order in which AWS IoT accepts them."""

    def __init__(self, stand, name, identifier):
        self.stand, self.key, self.arn = stand, ("device", name, identifier), f"{ARN}cert/{identifier}"

    def next_change(self):
        """The value after the next change, and its call."""
        iot, (_, name, identifier) = self.stand.clients.iot, self.key
        certificate, has_thing = self.stand.ledger.value(self.key)
        if certificate is None:
            return None, iot.delete_thing, {"thingName": name}
        status, policies, things = certificate
        if things:
            members = {"thingName": name, "principal": self.arn}
            return ((status, policies, ()), has_thing), iot.detach_thing_principal, members
        if policies:
            return ((status, (), ()), has_thing), iot.detach_policy, {"policyName": policies[0], "target": self.arn}
        if status != "INACTIVE":
            members = {"certificateId": identifier, "newStatus": "INACTIVE"}
            return (("INACTIVE", (), ()), has_thing), iot.update_certificate, members
        return (None, True) if has_thing else None, iot.delete_certificate, {"certificateId": identifier}

    async def run(self):
        while True:
            async with self.stand.operation():
                if self.stand.ledger.value(self.key) is None:
                    return self.stand.ledger.forget(self.key)
                value, call, members = self.next_change()
                try:
                    await self.stand.ledger.change(self.key, value, lambda: self.stand.request(call, **members))
                except Cut:
                    continue


def complete(policy, name):
    """A device as its template makes it."""
    return ("ACTIVE", (policy,), (name,)), True


async def first_connects(stand, number, choices, pause, stop):
    """Devices of the company, one after another."""
    while not stop.is_set():
        name, key = f"jitp-{number}-{uuid.uuid4().hex[:12]}", ec.generate_private_key(ec.SECP256R1())
        device = Device(stand.folder, name, stand.company.v3(name, key), key)
        entry = ("device", name, device.id)
        made, steps = complete(JITP_POLICY, name), [(("PENDING_ACTIVATION", (), ()), False)]
        while stand.ledger.value(entry) != made:
            async with stand.operation():
                try:
                    await stand.ledger.change(entry, made, lambda: admitted(stand, device), steps)
                except Cut:
                    continue
        stand.counts.add("devices registered by their first connect")
        await Removal(stand, name, device.id).run()
        device.certificate.unlink()
        device.key.unlink()
        await asyncio.sleep(choices.uniform(0, 2 * pause))


async def admitted(stand, device):
    """Connects until the device is admitted."""
    for _ in range(MAX_CONNECTS):
        start = time.monotonic()
        try:
            answer = await stand.run(device.connect, stand.plane)
        except (OSError, EOFError) as error:
            answer = error
        if answer == b"" and not stand.disturbed(("gateway",), start):
            stand.counts.connect(FIRST.name, CLOSED)
            continue
        judge(stand, FIRST, CONNECTED if answer == kit.ACCEPTED else repr(answer), start, device.name)
        if answer == kit.ACCEPTED:
            return
        raise Cut(repr(answer))
    raise RuntimeError(f"not admitted after {MAX_CONNECTS} connects")


async def claim(stand, number):
    """A client with a claim certificate, before the first kill."""
    certificate, key, identifier = self_signed(f"claim-{number}")
    iot = stand.clients.iot
    stand.fixed_certificates.add(identifier)
    await stand.request(iot.register_certificate_without_ca, certificatePem=certificate, status="ACTIVE")
    await stand.request(iot.attach_policy, policyName=CLAIM, target=f"{ARN}cert/{identifier}")
    return Connection(
        mqtt5_client_builder.mtls_from_bytes, stand, cert_bytes=certificate.encode(), pri_key_bytes=key.encode(),
        client_id=f"claim-{number}", port=int(stand.gateway.mqtts_port))


async def fleet_provisioning(stand, number, connection, choices, pause, stop):
    """Devices with a claim certificate, one after another."""
    request, _ = request_of(f"claim-{number}")
    while not stop.is_set():
        await stand.up.wait()
        start = time.monotonic()
        answer = await connection.connect()
        judge(stand, CLAIMED, answer, start, f"claim-{number}")
        if answer == CONNECTED:
            made = None
            try:
                made = await provision(stand, connection, request, f"{number}-{uuid.uuid4().hex[:12]}")
            except Cut:
                pass
            except (TimeoutError, RuntimeError) as error:
                stand.counts.violation(DELIVERED, f"claim-{number}: {error!r}")
            finally:
                await connection.stop()
            if made:
                await Removal(stand, *made).run()
        await asyncio.sleep(choices.uniform(0, 2 * pause))


async def provision(stand, connection, request, serial):
    """Provisions a device by fleet provisioning. Returns its name and its certificate's id."""
    create = "$aws/certificates/create-from-csr/json"
    register = f"$aws/provisioning-templates/{FLEET_TEMPLATE}/provision/json"
    await connection.subscribe(*(f"{topic}/{end}" for topic in (create, register) for end in ("accepted", "rejected")))

    async def ask(topic, members):
        def expected(packet):
            return (packet.topic, json.loads(packet.payload)) if packet.topic.startswith(f"{topic}/") else None

        answered, answer = await connection.exchange(topic, json.dumps(members), expected)
        if not answered.endswith("/accepted"):
            raise RuntimeError(f"{answered}: {answer}")
        return answer

    name = f"lamp-{serial}"
    async with stand.operation():
        created = await ask(create, {"certificateSigningRequest": request})
        entry = ("device", name, created["certificateId"])
        stand.ledger.acknowledged[entry] = ("PENDING_ACTIVATION", (), ()), False
        stand.counts.add("changes acknowledged")
        token, parameters = created["certificateOwnershipToken"], {"SerialNumber": serial}
        asked = {"certificateOwnershipToken": token, "parameters": parameters}
        try:
            await stand.ledger.change(entry, complete(POLICY, name), lambda: ask(register, asked))
            stand.counts.add("devices of fleet provisioning")
        except Cut:
            pass
    return entry[1:]
