"""Two authorizers and two domain configurations live at once, made by boto3. Each authorizer has the real function with a
configuration and an issuer of its own, and each client is held to the function that it is for: by name, by server name,
with a token, and beside a device with a certificate.

Run by `./test certificates`.
"""

import base64
import contextlib
import json
import os
import pathlib
import shlex
import sys
import tempfile
import time

import jwt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import ACCOUNT, REGION, control_plane, error_of
from device_client import CONNECTED, opened
from lib import function
from lib.checks import check, check_none, finish
from lib.keys import key_set, new_key
from lib.paths import TEMPORARY

FUNCTIONS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
CONFIG = """
[[issuer]]
id         = "users"
issuer     = "https://NAME.example.com/"
audience   = ["iot.example.com"]
algorithms = ["ES256"]
keys       = ["file:keys.json"]
client_ids = ["${sub}", "${sub}/*"]

[claims]
sub = "sub"

[[grant]]
policy = "own"
"""
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": "client/${mqtt:client_id}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": "topic/NAME/${sub}/*"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "topicfilter/NAME/${sub}/*"}]})
DEVICE = "lamp"
DEVICE_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": [f"arn:aws:iot:{REGION}:{ACCOUNT}:client/{DEVICE}{tail}" for tail in ("", "/*")]},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": f"arn:aws:iot:{REGION}:{ACCOUNT}:topic/devices/{DEVICE}/*"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": f"arn:aws:iot:{REGION}:{ACCOUNT}:topicfilter/devices/{DEVICE}/*"}]})
KEYS = {name: new_key(name) for name in ("first", "second")}
# The one user of each issuer. Client ids are of the whole account: two users cannot share one.
SUBJECTS = {"first": "alice", "second": "bob"}


def token(issuer, key=None, seconds=3600):
    """A token of an issuer, signed by its key or by another one."""
    now = int(time.time())
    claims = {"iss": f"https://{issuer}.example.com/", "aud": "iot.example.com", "sub": SUBJECTS[issuer], "iat": now - 7200, "exp": now + seconds}
    return jwt.encode(claims, KEYS[key or issuer].private, algorithm="ES256", headers={"kid": key or issuer})


TOKENS = {
    "first": token("first"), "second": token("second"),
    "forged first": token("first", key="second"), "forged second": token("second", key="first"),
    "expired first": token("first", seconds=-600), "expired second": token("second", seconds=-600),
}
DENIED = "the authorizer denied the client"
NO_OVERRIDE, UNKNOWN, INACTIVE = "allowAuthorizerOverride", "unknown authorizer", "is INACTIVE"
# The server name, the authorizer that the client names, the token, CONNECTED or what the event log says of the denial.
CONNECTS = [
    ("localhost", "first", "first", CONNECTED),
    ("localhost", "first", "second", DENIED),
    ("localhost", "first", "forged first", DENIED),
    ("localhost", "first", "expired first", DENIED),
    ("localhost", "second", "second", CONNECTED),
    ("localhost", "second", "first", DENIED),
    ("localhost", "second", "forged second", DENIED),
    ("localhost", "second", "expired second", DENIED),
    ("localhost", "idle", "first", INACTIVE),
    ("localhost", "third", "first", UNKNOWN),
    ("localhost", None, "first", DENIED),
    ("localhost", None, "second", DENIED),
    ("a.localhost", None, "first", CONNECTED),
    ("a.localhost", None, "second", DENIED),
    ("a.localhost", None, "forged first", DENIED),
    ("a.localhost", "first", "first", CONNECTED),
    ("a.localhost", "first", "second", DENIED),
    ("a.localhost", "second", "second", NO_OVERRIDE),
    ("a.localhost", "iot-jwt-authorizer", "first", NO_OVERRIDE),
    ("b.localhost", None, "second", CONNECTED),
    ("b.localhost", None, "first", DENIED),
    ("b.localhost", None, "expired second", DENIED),
    ("b.localhost", "second", "second", CONNECTED),
    ("b.localhost", "first", "first", CONNECTED),
    ("b.localhost", "first", "second", DENIED),
    ("b.localhost", "idle", "first", INACTIVE),
]
# The client, the topic, whether it may publish there.
PUBLISHES = [
    ("first", "first/alice/t", True),
    ("first", "first/bob/t", False),
    ("first", "first/alice", False),
    ("first", "second/alice/t", False),
    ("first", "second/bob/t", False),
    ("first", "devices/lamp/t", False),
    ("second", "second/bob/t", True),
    ("second", "second/alice/t", False),
    ("second", "first/bob/t", False),
    ("second", "devices/lamp/t", False),
    (DEVICE, "devices/lamp/t", True),
    (DEVICE, "devices/other/t", False),
    (DEVICE, "first/alice/t", False),
    (DEVICE, "second/bob/t", False),
]
OWN = {"first": "first/alice", "second": "second/bob", DEVICE: f"devices/{DEVICE}"}


def user(name):
    """The user of a token."""
    return SUBJECTS[name.split()[-1]]


def command(folder, name, program):
    """Writes the configuration of a function. Returns the command that runs it."""
    folder = folder / name
    (folder / "policies").mkdir(parents=True)
    (folder / "authorizer.toml").write_text(CONFIG.replace("NAME", name))
    (folder / "policies/own.json").write_text(POLICY.replace("NAME", name))
    (folder / "keys.json").write_text(key_set(KEYS[name]))
    return f"AUTHORIZER_CONFIG={shlex.quote(str(folder / 'authorizer.toml'))} exec {shlex.quote(str(program))}"


class Endpoint:
    """The gateway, its authorizers and domains, and clients of all kinds."""

    def __init__(self, plane):
        self.plane, self.iot = plane, plane.client("iot")
        for name, of, status in (("first", "first", "ACTIVE"), ("second", "second", "ACTIVE"), ("idle", "first", "INACTIVE")):
            self.iot.create_authorizer(authorizerName=name, authorizerFunctionArn=FUNCTIONS + of, signingDisabled=True, status=status)
        for name, default, override in (("a", "first", False), ("b", "second", True)):
            config = {"defaultAuthorizerName": default, "allowAuthorizerOverride": override}
            self.iot.create_domain_configuration(domainConfigurationName=name, domainName=f"{name}.localhost", authorizerConfig=config)
        self.iot.create_policy(policyName="lamp", policyDocument=DEVICE_POLICY)
        _, self.certificate = plane.certificate("lamp", "lamp")

    def with_token(self, host, authorizer, name, client_id=None):
        """A client with a token, which may name an authorizer. Its id is that of the token's user."""
        username = f"user?x-amz-customauthorizer-name={authorizer}" if authorizer else "user"
        return opened(self.plane.gateway, client_id or user(name), self.plane.gateway.tls_port, host=host, alpn="mqtt", login=(username, TOKENS[name]))

    def with_certificate(self, client_id=DEVICE):
        """The device."""
        return opened(self.plane.gateway, client_id, self.plane.gateway.mqtts_port, certificate=self.certificate)

    def client(self, name, tail=""):
        """A client of `OWN`: with a token of the issuer by its domain, or the device. `tail` is the end of its id."""
        if name == DEVICE:
            return self.with_certificate(DEVICE + tail)
        return self.with_token({"first": "a.localhost", "second": "b.localhost"}[name], None, name, user(name) + tail)

    def connects(self, title, host, authorizer, name, expected, client_id=None):
        """Checks a connect, and the reason of a denial in the event log."""
        before = self.plane.gateway.written()
        with self.with_token(host, authorizer, name, client_id) as (_, event, _events):
            outcome = event()
        log = self.plane.gateway
        reason = expected == CONNECTED or log.wait_for(expected, start=before)
        check(f"{title}{host}, {authorizer or 'no authorizer named'}, token {name}: {expected}", (outcome == CONNECTED) == (expected == CONNECTED) and reason, f"{outcome}; {log.output(before)}")

    def test(self, name, of, client_id=None):
        """The result of TestInvokeAuthorizer."""
        context = {"username": "user", "password": TOKENS[of].encode(), "clientId": client_id or user(of)}
        answer = self.iot.test_invoke_authorizer(authorizerName=name, mqttContext=context)
        return answer["isAuthenticated"], answer.get("policyDocuments", [])


def check_connects(endpoint):
    for host, authorizer, name, expected in CONNECTS:
        endpoint.connects("", host, authorizer, name, expected)
    endpoint.connects("another client id: ", "a.localhost", None, "first", DENIED, "bob")
    endpoint.connects("another client id: ", "b.localhost", None, "second", DENIED, "alice")
    denials = sum(expected != CONNECTED for *_, expected in CONNECTS)
    check("most connects are denials", denials > len(CONNECTS) / 2, f"{denials} of {len(CONNECTS)}")


def check_policies(endpoint):
    """Three clients stay connected, while others with the same rights publish what they may and what they may not."""
    with contextlib.ExitStack() as stack:
        present = {name: stack.enter_context(endpoint.client(name)) for name in OWN}
        for name, (client, event, _) in present.items():
            check(f"{name} is connected beside the others", event() == CONNECTED)
            client.subscribe(f"{OWN[name]}/#", qos=1)
            check(f"{name} subscribes to its own topics", event() == "subscribed 1")
        for number, (name, topic, allowed) in enumerate(PUBLISHES):
            with endpoint.client(name, f"/{number}") as (client, event, _):
                first = event()
                client.publish(topic, "x", qos=1)
                outcome = event()
            expected = "published" if allowed else "disconnected"
            check(f"{name} publishes to {topic}: {expected}", (first, outcome) == (CONNECTED, expected), f"{first}, {outcome}")
        for name, (client, event, events) in present.items():
            # Every message that is allowed was sent before this one.
            client.publish(f"{OWN[name]}/last", "x", qos=1)
            received = []
            while f"{OWN[name]}/last" not in received:
                received.append(event())
            topics = [each for each in received if each != "published"]
            check(f"{name} received its own messages and no other", topics == [f"{OWN[name]}/t", f"{OWN[name]}/last"], str(received))
            check(f"{name} is still connected", client.is_connected())


def check_tests(endpoint):
    for name in ("first", "second"):
        other = "second" if name == "first" else "first"
        allowed, documents = endpoint.test(name, name)
        resources = json.dumps([json.loads(document) for document in documents])
        own = f"arn:aws:iot:{REGION}:{ACCOUNT}:topic/{OWN[name]}/*"
        check(f"a test of {name} has its policy", allowed and own in resources and f"/{other}/" not in resources, resources)
        for each in (other, f"forged {name}", f"expired {name}"):
            result = endpoint.test(name, each)
            check(f"a test of {name} with token {each} is denied", result == (False, []), str(result))
        result = endpoint.test(name, name, user(other))
        check(f"a test of {name} with another client id is denied", result == (False, []), str(result))
        answer = endpoint.iot.test_invoke_authorizer(authorizerName=name, token=TOKENS[name], httpContext={"headers": {"a": "b"}})
        check(f"a test of {name} with the token alone is a publish over HTTPS", answer["isAuthenticated"], str(answer))
    for name, expected in (("third", (404, "ResourceNotFoundException")), ("lost", (400, "InvalidRequestException"))):
        if name == "lost":
            endpoint.iot.create_authorizer(authorizerName=name, authorizerFunctionArn=FUNCTIONS + "nothing", signingDisabled=True)
        found = error_of(endpoint.iot.test_invoke_authorizer, authorizerName=name, token=TOKENS["first"])
        check(f"a test of {name} is {expected}", found == expected, str(found))


def check_changes(endpoint):
    """A change acts on the next connect, and not on the other authorizer."""
    with endpoint.client("first", "/present") as (client, event, events):
        check("a client is connected before the change", event() == CONNECTED)
        endpoint.iot.update_authorizer(authorizerName="first", status="INACTIVE")
        for host, authorizer in (("a.localhost", None), ("a.localhost", "first"), ("localhost", "first"), ("b.localhost", "first")):
            endpoint.connects("INACTIVE: ", host, authorizer, "first", INACTIVE)
        for host, authorizer in (("b.localhost", None), ("localhost", "second")):
            endpoint.connects("the other one: ", host, authorizer, "second", CONNECTED)
            endpoint.connects("the other one: ", host, authorizer, "first", DENIED)
        check("a test of an INACTIVE authorizer calls its function", endpoint.test("first", "first")[0])
        check("the client that was connected stays", client.is_connected() and events.empty())
    endpoint.iot.update_authorizer(authorizerName="first", status="ACTIVE")
    endpoint.connects("ACTIVE again: ", "a.localhost", None, "first", CONNECTED)
    endpoint.connects("ACTIVE again: ", "a.localhost", None, "second", DENIED)
    endpoint.iot.update_authorizer(authorizerName="first", authorizerFunctionArn=f"{FUNCTIONS}second")
    endpoint.connects("with the other function: ", "a.localhost", None, "second", CONNECTED)
    endpoint.connects("with the other function: ", "a.localhost", None, "first", DENIED)
    endpoint.connects("with the other function: ", "localhost", "first", "first", DENIED)
    endpoint.iot.update_domain_configuration(domainConfigurationName="b", domainConfigurationStatus="DISABLED")
    endpoint.connects("a DISABLED domain: ", "b.localhost", None, "second", "is DISABLED")


def main():
    program = pathlib.Path(os.environ.get("BOOTSTRAP") or function.build()).resolve()
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        lambdas = [f"--lambda={name}={command(pathlib.Path(folder), name, program)}" for name in KEYS]
        with control_plane("--sandboxes", "1", *lambdas) as plane:
            endpoint = Endpoint(plane)
            check_connects(endpoint)
            check_policies(endpoint)
            check_tests(endpoint)
            check_changes(endpoint)
            output = plane.gateway.output()
            secrets = [name for name, text in TOKENS.items() if text in output or base64.b64encode(text.encode()).decode() in output]
            check_none("no token is in the log", secrets)
            check("no panic", "panicked" not in output)
    finish()


if __name__ == "__main__":
    main()
