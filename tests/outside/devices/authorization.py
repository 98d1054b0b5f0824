"""Questions asked of TestAuthorization and by real connections: both give the same answer, and the expected one.

One certificate with two policies, a thing with attributes, and a group with a policy. Run by `./test certificates`.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import ACCOUNT, REGION, control_plane
from device_client import opened
from lib.checks import check, finish

ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
THING, GROUP, SENDER = "lamp-1", "floor-2", "sender"
NAME, SITE, KIND = (f"${{iot:Connection.Thing.{name}}}" for name in ("ThingName", "Attributes[site]", "ThingTypeName"))
COMMON_NAME = "${iot:Certificate.Subject.CommonName}"


def statement(effect, actions, *resources, **conditions):
    found = {"Effect": effect, "Action": [f"iot:{action}" for action in actions], "Resource": [ARN + resource for resource in resources]}
    return found | ({"Condition": conditions} if conditions else {})


POLICIES = {
    "device": [
        statement("Allow", ["Connect"], f"client/{NAME}"),
        statement("Allow", ["Connect"], "client/guest-?", "client/${iot:ClientId}-never"),
        statement("Allow", ["Publish"], f"topic/devices/{NAME}/*", f"topic/sites/{SITE}/t", f"topic/cn/{COMMON_NAME}"),
        # The thing has no type. A statement with a variable without a value allows nothing, whatever else it has.
        statement("Allow", ["Publish"], f"topic/kinds/{KIND}", "topic/kindless"),
        statement("Allow", ["Subscribe"], f"topicfilter/devices/{NAME}/#", "topicfilter/all/+"),
        statement("Allow", ["Subscribe"], "topicfilter/shared/*"),
        statement("Allow", ["Receive"], f"topic/devices/{NAME}/*", "topic/all/a?"),
        statement("Deny", ["Publish"], f"topic/devices/{NAME}/locked", f"topic/devices/{NAME}/locked/*"),
    ],
    "attached": [
        statement("Allow", ["Publish"], "topic/attached", Bool={"iot:Connection.Thing.IsAttached": ["true"]}),
        statement("Deny", ["Publish"], "topic/attached/never", "topic/devices/*/never"),
        statement("Deny", ["Receive"], "topic/all/ax"),
    ],
    "group": [statement("Allow", ["Publish"], "topic/group/*"), statement("Deny", ["Subscribe"], "topicfilter/shared/secret")],
    "sender": [statement("Allow", ["Connect", "Publish"], "*")],
}
ALLOWED, IMPLICIT, EXPLICIT = "ALLOWED", "IMPLICIT_DENY", "EXPLICIT_DENY"
# The action, the client id, the resource, the decision.
QUESTIONS = [
    ("CONNECT", THING, None, ALLOWED),
    ("CONNECT", "guest-1", None, ALLOWED),
    ("CONNECT", "lamp-2", None, IMPLICIT),
    ("CONNECT", "guest-12", None, IMPLICIT),
    ("CONNECT", "guest-", None, IMPLICIT),
    ("CONNECT", "LAMP-1", None, IMPLICIT),
    ("CONNECT", "lamp-1-never", None, IMPLICIT),
    ("CONNECT", "*", None, IMPLICIT),
    ("PUBLISH", THING, "devices/lamp-1/t", ALLOWED),
    ("PUBLISH", THING, "devices/lamp-1/a/b/c", ALLOWED),
    ("PUBLISH", THING, "devices/lamp-1/", ALLOWED),
    ("PUBLISH", THING, "devices/lamp-1", IMPLICIT),
    ("PUBLISH", THING, "devices/lamp-2/t", IMPLICIT),
    ("PUBLISH", THING, "devices/lamp-11/t", IMPLICIT),
    ("PUBLISH", THING, "Devices/lamp-1/t", IMPLICIT),
    ("PUBLISH", THING, "devices/lamp-1/locked", EXPLICIT),
    ("PUBLISH", THING, "devices/lamp-1/locked/now", EXPLICIT),
    ("PUBLISH", THING, "devices/lamp-1/lockedx", ALLOWED),
    ("PUBLISH", THING, "devices/lamp-1/never", EXPLICIT),
    ("PUBLISH", THING, "sites/berlin/t", ALLOWED),
    ("PUBLISH", THING, "sites/paris/t", IMPLICIT),
    ("PUBLISH", THING, "sites/berlin/t/x", IMPLICIT),
    ("PUBLISH", THING, "kinds/lamp", IMPLICIT),
    ("PUBLISH", THING, "kindless", IMPLICIT),
    ("PUBLISH", THING, "cn/AWS IoT Certificate", ALLOWED),
    ("PUBLISH", THING, "cn/AWS IoT", IMPLICIT),
    ("PUBLISH", THING, "attached", ALLOWED),
    ("PUBLISH", THING, "attached/never", EXPLICIT),
    ("PUBLISH", THING, "group/a", ALLOWED),
    ("PUBLISH", "guest-1", "group/a", IMPLICIT),
    ("PUBLISH", "guest-1", "devices/lamp-1/t", IMPLICIT),
    ("PUBLISH", "guest-1", "devices/guest-1/t", IMPLICIT),
    ("PUBLISH", "guest-1", "sites/berlin/t", IMPLICIT),
    ("PUBLISH", "guest-1", "attached", IMPLICIT),
    ("SUBSCRIBE", THING, "devices/lamp-1/#", ALLOWED),
    ("SUBSCRIBE", THING, "devices/lamp-1/t", IMPLICIT),
    ("SUBSCRIBE", THING, "devices/#", IMPLICIT),
    ("SUBSCRIBE", THING, "devices/+/#", IMPLICIT),
    ("SUBSCRIBE", THING, "all/+", ALLOWED),
    ("SUBSCRIBE", THING, "all/a", IMPLICIT),
    ("SUBSCRIBE", THING, "#", IMPLICIT),
    ("SUBSCRIBE", THING, "shared/open", ALLOWED),
    ("SUBSCRIBE", THING, "shared/secret", EXPLICIT),
    ("SUBSCRIBE", "guest-1", "shared/secret", ALLOWED),
    ("RECEIVE", THING, "all/ab", ALLOWED),
    ("RECEIVE", THING, "all/a", IMPLICIT),
    ("RECEIVE", THING, "all/abc", IMPLICIT),
    ("RECEIVE", THING, "all/ax", EXPLICIT),
    ("RECEIVE", THING, "devices/lamp-1/in", ALLOWED),
]
RESOURCES = {"CONNECT": "client/", "PUBLISH": "topic/", "SUBSCRIBE": "topicfilter/", "RECEIVE": "topic/"}


class Fleet:
    """The device, its registry entries, and a sender that may publish everything."""

    def __init__(self, plane):
        self.plane, self.iot = plane, plane.client("iot")
        for name, statements in POLICIES.items():
            document = {"Version": "2012-10-17", "Statement": statements}
            if name == "sender":
                document["Statement"][0]["Resource"] = "*"
            self.iot.create_policy(policyName=name, policyDocument=json.dumps(document))
        self.principal, self.device = plane.certificate("device", "device", "attached")
        _, self.sender = plane.certificate(SENDER, "sender")
        self.iot.create_thing(thingName=THING, attributePayload={"attributes": {"site": "berlin"}})
        self.iot.attach_thing_principal(thingName=THING, principal=self.principal)
        group = self.iot.create_thing_group(thingGroupName=GROUP)["thingGroupArn"]
        self.iot.attach_policy(policyName="group", target=group)
        self.iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=THING)

    def answer(self, action, client_id, resource):
        info = {"actionType": action, "resources": [ARN + RESOURCES[action] + (resource or client_id)]}
        results = self.iot.test_authorization(principal=self.principal, clientId=client_id, authInfos=[info])["authResults"]
        return results[0]["authDecision"]

    def client(self, certificate, client_id):
        """A client with a certificate, and the function that waits for its next event."""
        return opened(self.plane.gateway, client_id, self.plane.gateway.mqtts_port, certificate=certificate)

    def is_allowed(self, action, client_id, resource):
        """Whether a real connection may do it."""
        with self.client(self.device, client_id) as (client, event, _):
            first = event()
            if action == "CONNECT" or first != "connected":
                return first == "connected"
            if action == "PUBLISH":
                client.publish(resource, "x", qos=1)
                return event() == "published"
            if action == "SUBSCRIBE":
                client.subscribe(resource, qos=1)
                return event() == "subscribed 1"
            return self.is_received(client, event, resource)

    def is_received(self, client, event, topic):
        """The message arrives before a later one that is allowed, or it does not arrive."""
        first, last = "devices/lamp-1/#", "devices/lamp-1/last"
        for topic_filter in (first, *(["all/+"] if topic.startswith("all/") else [])):
            client.subscribe(topic_filter, qos=1)
            assert event() == "subscribed 1"
        with self.client(self.sender, SENDER) as (sender, sent, _):
            assert sent() == "connected"
            for each in (topic, last):
                sender.publish(each, "x", qos=1)
                assert sent() == "published"
            return event() == topic


def main():
    with control_plane() as plane:
        fleet = Fleet(plane)
        for action, client_id, resource, expected in QUESTIONS:
            title = f"{client_id}: {action} {resource or ''}".rstrip()
            answer, allowed = fleet.answer(action, client_id, resource), fleet.is_allowed(action, client_id, resource)
            same = answer == expected and allowed == (expected == ALLOWED)
            check(f"{title} is {expected}, asked and done", same, f"{answer}; the connection: {allowed}")
    print(f"{len(QUESTIONS)} questions", flush=True)
    finish()


if __name__ == "__main__":
    main()
