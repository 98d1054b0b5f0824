"""Writers of the registry: each changes objects of its own at random, by calls of the control plane and of the data
plane. What it does next follows from the ledger, so that it goes on after a kill."""

import asyncio
import json

from fleet_of_clients import ARN, POLICY, self_signed
from ledger import Cut

OBJECTS = 4
MEMBERS = 3


def policy_document(number):
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{ARN}client/{number}"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Writer:
    """A writer: its objects have its number in their names, so that no other one changes them."""

    def __init__(self, stand, number, choices):
        self.stand, self.ledger, self.choices = stand, stand.ledger, choices
        self.iot = stand.clients.iot
        self.prefix, self.serial = f"writer-{number}", 0
        self.members = [f"{self.prefix}-member-{member}" for member in range(MEMBERS)]
        self.certificates = [self_signed(f"{self.prefix}-{each}") for each in range(OBJECTS)]
        # A shadow's version goes on after its end.
        self.versions = {}
        self.actions = (self.thing, self.policy, self.group, self.certificate, self.shadow)

    async def prepare(self):
        """The things of the groups, before the first kill."""
        async with self.stand.operation():
            for name in self.members:
                await self.change(("thing", name), {}, self.iot.create_thing, thingName=name)

    async def change(self, key, value, call, **members):
        return await self.ledger.change(key, value, lambda: self.stand.request(call, **members))

    async def act(self):
        """One change of one object. Without an answer the ledger knows what may have been made."""
        async with self.stand.operation():
            self.serial += 1
            try:
                await self.choices.choice(self.actions)(self.choices.randrange(OBJECTS))
            except Cut:
                pass

    async def thing(self, number):
        name = f"{self.prefix}-thing-{number}"
        key, attributes = ("thing", name), {"n": str(self.serial)}
        payload = {"attributes": attributes}
        if self.ledger.value(key) is None:
            await self.change(key, attributes, self.iot.create_thing, thingName=name, attributePayload=payload)
        elif self.choices.random() < 0.2:
            await self.change(key, None, self.iot.delete_thing, thingName=name)
        else:
            await self.change(key, attributes, self.iot.update_thing, thingName=name, attributePayload=payload)

    async def policy(self, number):
        name = f"{self.prefix}-policy-{number}"
        key, document = ("policy", name), policy_document(self.serial)
        if (value := self.ledger.value(key)) is None:
            first = (self.serial, "1", ("1",))
            await self.change(key, first, self.iot.create_policy, policyName=name, policyDocument=document)
            return
        current, default, versions = value
        others = [version for version in versions if version != default]
        if len(versions) < 3:
            # The number of the next version follows the greatest one that there was, which is the default one here.
            made = str(int(default) + 1)
            value = (self.serial, made, tuple(sorted((*versions, made))))
            await self.change(
                key, value, self.iot.create_policy_version, policyName=name, policyDocument=document, setAsDefault=True)
            return
        is_last = self.choices.random() < 0.3
        for version in others if is_last else others[:1]:
            versions = tuple(each for each in versions if each != version)
            value = (current, default, versions)
            await self.change(key, value, self.iot.delete_policy_version, policyName=name, policyVersionId=version)
        if is_last:
            await self.change(key, None, self.iot.delete_policy, policyName=name)

    async def group(self, number):
        name = f"{self.prefix}-group-{number}"
        key = ("group", name)
        if (value := self.ledger.value(key)) is None:
            await self.change(key, (), self.iot.create_thing_group, thingGroupName=name)
            return
        member = self.choices.choice(self.members)
        if not value and self.choices.random() < 0.3:
            await self.change(key, None, self.iot.delete_thing_group, thingGroupName=name)
        elif member in value:
            left = tuple(each for each in value if each != member)
            await self.change(key, left, self.iot.remove_thing_from_thing_group, thingGroupName=name, thingName=member)
        else:
            more = tuple(sorted([*value, member]))
            await self.change(key, more, self.iot.add_thing_to_thing_group, thingGroupName=name, thingName=member)

    async def certificate(self, number):
        certificate, _, identifier = self.certificates[number]
        key, target = ("certificate", identifier), f"{ARN}cert/{identifier}"
        if (value := self.ledger.value(key)) is None:
            members = {"certificatePem": certificate, "status": "ACTIVE"}
            await self.change(key, ("ACTIVE", (), ()), self.iot.register_certificate_without_ca, **members)
            return
        status, policies, things = value
        if self.choices.random() < 0.5:
            other = "INACTIVE" if status == "ACTIVE" else "ACTIVE"
            members = {"certificateId": identifier, "newStatus": other}
            await self.change(key, (other, policies, things), self.iot.update_certificate, **members)
        elif policies:
            await self.change(key, (status, (), things), self.iot.detach_policy, policyName=POLICY, target=target)
        elif status == "INACTIVE":
            await self.change(key, None, self.iot.delete_certificate, certificateId=identifier)
        else:
            value = (status, (POLICY,), things)
            await self.change(key, value, self.iot.attach_policy, policyName=POLICY, target=target)

    async def shadow(self, number):
        name = f"{self.prefix}-thing-{number}"
        shadow_name = self.choices.choice([None, "config"])
        key, named = ("shadow", name, shadow_name), {"shadowName": shadow_name} if shadow_name else {}
        value = self.ledger.value(key)
        version = self.versions[key] = max(self.versions.get(key, 0), value[0] if value else 0)
        if value and self.choices.random() < 0.1:
            await self.change(key, None, self.stand.clients.data.delete_thing_shadow, thingName=name, **named)
            return
        state = {"n": self.serial, "text": "x" * self.choices.randrange(200)}
        payload, update = json.dumps({"state": {"reported": state}}), self.stand.clients.data.update_thing_shadow
        await self.change(key, (version + 1, state), update, thingName=name, payload=payload, **named)


async def write(writer, pause, stop):
    """Writes until the run stops."""
    while not stop.is_set():
        await writer.act()
        await asyncio.sleep(writer.choices.uniform(0, 2 * pause))
