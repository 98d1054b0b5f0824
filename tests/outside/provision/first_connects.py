"""Just-in-time registration on the gateway's control plane: the traps of registration."""

import registry
from registry import event, registered
from host import Proxy, Sandbox, at_once, sandboxes
from lib.checks import check, check_none

# The title, the common name, the country, changes of the event, and the code.
DENIED = [
    ("no common name", None, "JP", {}, "missing_name"),
    ("no country", "sensor-x", None, {}, "missing_name"),
    ("a slash in the name", "a/b", "JP", {}, "unsafe_name"),
    ("a wildcard as name", "*", "JP", {}, "unsafe_name"),
    ("a topic's wildcard in the name", "a+b", "JP", {}, "unsafe_name"),
    ("a blank in the name", "sensor x", "JP", {}, "unsafe_name"),
    ("a variable as name", "${iot:ClientId}", "JP", {}, "unsafe_name"),
    ("a blank in the attribute", "sensor-x", "J P", {}, "unsafe_name"),
    ("a name of 129 characters", "a" * 129, "JP", {}, "unsafe_name"),
    ("another account", "sensor-x", "JP", {"awsAccountId": "210987654321"}, "foreign_account"),
    ("no account", "sensor-x", "JP", {"awsAccountId": ...}, "malformed_event"),
    ("another status", "sensor-x", "JP", {"certificateStatus": "ACTIVE"}, "malformed_event"),
    ("a CA certificate that is not configured", "sensor-x", "JP", {"caCertificateId": "0" * 64}, "unknown_authority"),
]

# Fields as they have been seen, other than documented.
ALLOWED = [
    ("the account as a number", {"awsAccountId": 123456789012}),
    ("a registration time", {"certificateRegistrationTimestamp": "2026-11-29T00:00:00Z"}),
    ("unknown members", {"more": [1, {"x": None}]}),
    ("no timestamp", {"timestamp": ...}),
]

STOPPED_DEVICES = 4


class Authorities:
    """The policies, and a CA certificate of devices."""

    def __init__(self, iot):
        registry.create_policies(iot)
        self.authority, self.key = registry.Authority(iot, "devices"), registry.new_key()

    def configuration(self, **settings):
        return registry.configuration(self.authority.id, bootstrap="dynamodb:devices", **settings)


class Certificates(Authorities):
    """The certificates of all checks, each registered by its first connect."""

    def __init__(self, iot, gateway):
        super().__init__(iot)
        self.other = registry.Authority(iot, "tests")
        names = ["once", "five", "second", "taken", "stranger", "revoked", "stopped", "throttled"]
        names += [f"odd-{number}" for number in range(len(ALLOWED))] + [f"stop-{number}" for number in range(1, STOPPED_DEVICES + 1)]
        self.ids = {name: self.authority.connect(gateway, {"stranger": "taken"}.get(name, name)) for name in names}
        self.denied = [self.authority.connect(gateway, name, country) for _, name, country, _, _ in DENIED]
        self.foreign = self.other.connect(gateway, "foreign")

    def event(self, name, **members):
        return event(self.ids[name], self.authority.id, **members)


def expected(certificate):
    """What is registered of a device that came in."""
    attributes = {"country": registry.COUNTRY, "certificate_id": certificate}
    return attributes, {certificate: ("ACTIVE", ["device"])}


def check_allowed(iot, known, environment):
    with Sandbox("jitr", known.configuration(), environment) as sandbox:
        response = sandbox.invoke(known.event("once"))
        check("a first connect", response == {"status": "accepted", "certificateId": known.ids["once"]}, str(response))
        found = registered(iot, "once")
        check("has a thing, a policy, and is ACTIVE", found == expected(known.ids["once"]), str(found))
        response = sandbox.invoke(known.event("once"))
        check("the same event again changes nothing", registered(iot, "once") == found and response["status"] == "accepted")
        check("a second device, with the same policy", sandbox.invoke(known.event("second"))["status"] == "accepted")
        check("has its rights, too", registered(iot, "second") == expected(known.ids["second"]))
        for number, (title, members) in enumerate(ALLOWED):
            response = sandbox.invoke(known.event(f"odd-{number}", **members))
            check(title, response["status"] == "accepted", str(response))
        lines = sandbox.lines()
        check("each event has one line", len(lines) == sandbox.invocations, str(len(lines)))
        outcomes = [line["outcome"] for line in lines[:3]]
        check("lines name the outcome", outcomes == ["provisioned", "unchanged", "provisioned"], str(outcomes))
        check_none("the log has nothing else", sandbox.problems())


def check_at_once(iot, known, environment):
    with sandboxes(5, "jitr", known.configuration(), environment) as (all, invoke):
        responses = at_once(invoke, [known.event("five")] * 5)
        check("five events at once have no error", all_accepted(responses), str(responses))
        found = registered(iot, "five")
        check("make one thing with one attachment", found == expected(known.ids["five"]), str(found))
        things = iot.list_principal_things(principal=arn_of(iot, known.ids["five"]))["things"]
        check("and the certificate has one thing", things == ["five"], str(things))


def all_accepted(responses):
    return all(isinstance(response, dict) and response.get("status") == "accepted" for response in responses)


def arn_of(iot, certificate):
    return iot.describe_certificate(certificateId=certificate)["certificateDescription"]["certificateArn"]


def check_denied(iot, known, environment):
    with Sandbox("jitr", known.configuration(), environment) as sandbox:
        def denied(title, code, event, status="PENDING_ACTIVATION"):
            response = sandbox.invoke(event)
            found = registry.rights(iot, arn_of(iot, event["certificateId"]))
            passed = response == {"status": "denied", "code": code} and found == (status, [])
            check(f"denied: {title}", passed, f"{response}, {found}")

        for certificate, (title, _, _, members, code) in zip(known.denied, DENIED):
            denied(title, code, event(certificate, known.authority.id, **members))
        denied("a CA certificate for tests", "unknown_authority", event(known.foreign, known.other.id))
        denied("a certificate of another CA certificate", "wrong_authority", event(known.foreign, known.authority.id))
        response = sandbox.invoke(event("0" * 64, known.authority.id))
        check("denied: a certificate that does not exist", response == {"status": "denied", "code": "unknown_certificate"}, str(response))
        sandbox.invoke(known.event("taken"))
        denied("a name that another certificate has", "name_taken", known.event("stranger"))
        found = registered(iot, "taken")
        check("which keeps its thing", found == expected(known.ids["taken"]), str(found))
        iot.update_certificate(certificateId=known.ids["revoked"], newStatus="REVOKED")
        denied("a certificate that was revoked meanwhile", "revoked", known.event("revoked"), "REVOKED")
        iot.update_certificate(certificateId=known.ids["once"], newStatus="INACTIVE")
        response = sandbox.invoke(known.event("once"))
        check("denied: a certificate that was deactivated", response == {"status": "denied", "code": "inactive"}, str(response))
        check_none("the log has nothing but lines", sandbox.problems("${iot:ClientId}", "sensor x"))
    with Sandbox("jitr", known.configuration(expected="list:devices.csv"), environment, [("devices.csv", "device\nother\n")]) as sandbox:
        response = sandbox.invoke(known.event("stopped"))
        check("denied: a device that is not listed", response == {"status": "denied", "code": "unexpected_device"}, str(response))
    with Sandbox("jitr", known.configuration(replace="true"), environment) as sandbox:
        response = sandbox.invoke(known.event("stranger"))
        found = registered(iot, "taken")
        passed = response["status"] == "accepted" and found == expected(known.ids["stranger"])
        check("with `replace` the new certificate takes the thing", passed, f"{response}, {found}")
        status = registry.rights(iot, arn_of(iot, known.ids["taken"]))[0]
        check("and the old one is deactivated", status == "INACTIVE", status)


def check_stops(iot, known, plane, environment):
    """Kills the function after each single call, and sends the event again."""
    with Proxy(plane.gateway.port) as proxy:
        proxied = environment | {"AWS_ENDPOINT_URL_IOT": proxy.url}
        for number in range(1, STOPPED_DEVICES + 1):
            name = f"stop-{number}"
            with Sandbox("jitr", known.configuration(), proxied) as sandbox:
                proxy.reset(number, sandbox.process.kill)
                sandbox.start_event(known.event(name))
                check(f"a function is killed after call {number}", proxy.stopped.wait(60), str(proxy.calls))
                sandbox.process.wait(20)
            found = registry.rights(iot, arn_of(iot, known.ids[name]))
            check("and leaves no certificate ACTIVE without rights", found[0] != "ACTIVE" or found[1] == ["device"], str(found))
            proxy.reset()
            with Sandbox("jitr", known.configuration(), proxied) as sandbox:
                response = sandbox.invoke(known.event(name))
            found = registered(iot, name)
            passed = response["status"] == "accepted" and found == expected(known.ids[name])
            check("the same event again comes to the same end", passed, f"{response}, {found}")
