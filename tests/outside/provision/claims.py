"""Bootstrap on the gateway: a device with a shared credential asks for its certificate, and connects with it."""

import hashlib
import json
import queue

import registry
from device_client import CONNECTED, TIMEOUT_SECONDS, opened
from registry import registered
from host import Proxy, Sandbox, at_once, sandboxes
from lib.checks import check, check_none

SECRET = "the secret of device-2"
NAMES = ["device-1", "device-3", "five"] + [f"stop-{number}" for number in range(1, 8)]
ROWS = [f"{name}," for name in NAMES] + [f"device-2,{hashlib.sha256(SECRET.encode()).hexdigest()}"]
DEVICES = "\n".join(["device,secret_sha256", *ROWS])
BOOTSTRAP = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})


class Device:
    """A device with a key of its own."""

    def __init__(self, id):
        self.id, self.key = id, registry.new_key()
        self.csr = registry.csr(id, self.key)

    def event(self, **members):
        """What the rule selects of its request."""
        members = {"id": self.id, "client_id": f"bootstrap-{self.id}", "principal": "0" * 64, "csr": self.csr} | members
        return {name: value for name, value in members.items() if value is not None}


class Listener:
    """A client with the shared credential, which gets the responses of all devices."""

    def __init__(self, plane):
        iot = plane.client("iot")
        iot.create_policy(policyName="bootstrap", policyDocument=BOOTSTRAP)
        _, self.files = plane.certificate("bootstrap", "bootstrap")
        self.plane, self.responses = plane, queue.Queue()

    def __enter__(self):
        gateway = self.plane.gateway
        self.context = opened(gateway, "bootstrap-listener", gateway.mqtts_port, certificate=self.files)
        client, self.next, _ = self.context.__enter__()
        client.on_message = lambda client, data, message: self.responses.put((message.topic, json.loads(message.payload), message.qos))
        check("a client with the shared credential connects", self.next() == CONNECTED)
        client.subscribe("bootstrap/+/response", 1)
        check("and listens", self.next() == "subscribed 1")
        return self

    def __exit__(self, *error):
        self.context.__exit__(*error)

    def response(self, id):
        """The next response, which has to be this device's."""
        topic, response, qos = self.responses.get(timeout=TIMEOUT_SECONDS)
        if (topic, qos) != (f"bootstrap/{id}/response", 1):
            raise SystemExit(f"FAILED: a response on {topic} with QoS {qos}; expected one of {id}")
        return response


def accepted(iot, device, response):
    """Whether a response is the certificate of the device's key, which has its rights."""
    certificate = registry.x509.load_pem_x509_certificate(response["certificatePem"].encode())
    id = response["certificateId"]
    expected = {"certificate_id": id}, {id: ("ACTIVE", ["device"])}
    return (response["status"], response["thing"]) == ("accepted", device.id) \
        and certificate.public_key() == device.key.public_key() and registered(iot, device.id) == expected


def connects(plane, device, response):
    """Whether the device connects with its certificate, under its own name and no other."""
    files = [plane.folder / "own.pem", plane.folder / "own.key"]
    for file, text in zip(files, (response["certificatePem"], registry.key_pem(device.key))):
        file.write_text(text)
    outcomes = []
    for client_id in (device.id, "other"):
        with opened(plane.gateway, client_id, plane.gateway.mqtts_port, certificate=files) as (_, next, _):
            outcomes.append(next())
    return outcomes == [CONNECTED, "disconnected"]


def check_allowed(plane, iot, listener, environment):
    first, secret = Device("device-1"), Device("device-2")
    with Sandbox("claim", registry.configuration(), environment, [("devices.csv", DEVICES)]) as sandbox:
        sandbox.invoke(first.event())
        response = listener.response(first.id)
        check("a request gets a certificate of its key", accepted(iot, first, response), str(response)[:200])
        check("with which the device connects, as itself only", connects(plane, first, response))
        sandbox.invoke(first.event())
        check("the same request gets the same certificate", listener.response(first.id) == response)
        sandbox.invoke(first.event(csr=registry.csr("another name", first.key)))
        check("another request of the key, too", listener.response(first.id) == response)
        sandbox.invoke(secret.event(secret=SECRET))
        check("a device with its secret", accepted(iot, secret, listener.response(secret.id)))
        lines = sandbox.lines()
        made = [line["certificate_id"] for line in lines if line.get("event") == "certificate_made"]
        check("the log has the id of each certificate when it is made", len(made) == 2 and made[0] == response["certificateId"], str(lines))
        check_none("the log has no request and no secret", sandbox.problems(SECRET, first.csr.splitlines()[1]))
        return response


def check_denied(iot, listener, environment):
    forged = registry.csr("device-3", registry.new_key()).splitlines()
    forged[2] = forged[2][::-1]
    count = len(registry.all_certificates(iot))
    with Sandbox("claim", registry.configuration(), environment, [("devices.csv", DEVICES)]) as sandbox:
        for title, event, code in [
            ("an id that has another key", Device("device-1").event(), "name_taken"),
            ("an unexpected device", Device("device-9").event(), "unexpected_device"),
            ("no secret", Device("device-2").event(), "wrong_secret"),
            ("a wrong secret", Device("device-2").event(secret=SECRET[:-1]), "wrong_secret"),
            ("no request", Device("device-3").event(csr=None), "malformed_csr"),
            ("a text as request", Device("device-3").event(csr="CSR"), "malformed_csr"),
            ("a request that was changed", Device("device-3").event(csr="\n".join(forged)), "malformed_csr"),
        ]:
            answer = sandbox.invoke(event)
            response = listener.response(event["id"])
            check(f"denied: {title}", response == answer == {"status": "denied", "code": code}, f"{response}, {answer}")
        for title, id, code in [("an id with a slash", "a/b", "unsafe_name"), ("a wildcard as id", "+", "unsafe_name"), ("no id", None, "malformed_event")]:
            answer = sandbox.invoke(Device("device-3").event(id=id))
            check(f"denied: {title}", answer == {"status": "denied", "code": code}, str(answer))
        check("nothing was made", len(registry.all_certificates(iot)) == count)
        check_none("the log has nothing but lines", sandbox.problems(SECRET[:-1]))
    check("and nothing else was sent", listener.responses.empty())


def check_revoked(iot, listener, environment):
    device = Device("device-3")
    with Sandbox("claim", registry.configuration(), environment, [("devices.csv", DEVICES)]) as sandbox:
        sandbox.invoke(device.event())
        made = listener.response(device.id)["certificateId"]
        for status, code in [("INACTIVE", "inactive"), ("REVOKED", "revoked")]:
            iot.update_certificate(certificateId=made, newStatus=status)
            sandbox.invoke(device.event())
            response = listener.response(device.id)
            check(f"denied: the key of a certificate that is {status}", response == {"status": "denied", "code": code}, str(response))


def check_at_once(iot, listener, environment):
    device = Device("five")
    count = len(registry.all_certificates(iot))
    with sandboxes(5, "claim", registry.configuration(), environment, [("devices.csv", DEVICES)]) as (_, invoke):
        answers = at_once(invoke, [device.event()] * 5)
        responses = [listener.response(device.id) for _ in answers]
    check("five requests at once get one certificate", all(response == responses[0] for response in responses), str(answers))
    check("it has its rights", accepted(iot, device, responses[0]))
    check("and is the only one", len(registry.all_certificates(iot)) == count + 1)


def stop(plane, iot, listener, environment, proxy, number, is_answered=False):
    """Kills the function after a call, and sends the request again. Returns the call, as method and path."""
    before, device = registry.all_certificates(iot), Device(f"stop-{7 if is_answered else number}")
    settings = ("claim", registry.configuration(), environment, [("devices.csv", DEVICES)])
    with Sandbox(*settings) as sandbox:
        proxy.reset(number, sandbox.process.kill, is_answered)
        sandbox.start_event(device.event())
        if not proxy.stopped.wait(60):
            raise SystemExit(f"FAILED: no call {number}: {proxy.calls}")
        sandbox.process.wait(20)
        made = {line["certificate_id"] for line in sandbox.lines() if line.get("event") == "certificate_made"}
    last = proxy.calls[-1]
    new = {id: found for id, found in registry.all_certificates(iot).items() if id not in before}
    title = f"killed after {last.split()[0]} {last.split('/')[1]}{' and its answer' if is_answered else ''}"
    check(f"{title}: no certificate is ACTIVE without rights", not registry.without_rights(new), str(new))
    proxy.reset()
    with Sandbox(*settings) as sandbox:
        sandbox.invoke(device.event())
    if last.startswith("POST /topics/"):
        listener.response(device.id)
    response = listener.response(device.id)
    check("the same request again comes to the same end", accepted(iot, device, response), str(response)[:200])
    all = registry.all_certificates(iot)
    orphans = {id: found for id, found in all.items() if id not in before and id != response["certificateId"]}
    is_unused = all_unused(orphans) and len(orphans) == (number == 1)
    check("and leaves one unused certificate after the first call, none after others", is_unused, str(orphans))
    if is_answered:
        check("whose id is in the log", set(orphans) == made, f"{orphans}, {made}")
    return last


def check_stops(plane, iot, listener, environment):
    """Kills the function after each single call. The proxy has both endpoints."""
    with Proxy(plane.gateway.port, keys=environment) as proxy:
        proxied = environment | {"AWS_ENDPOINT_URL_IOT": proxy.url, "AWS_ENDPOINT_URL_IOT_DATA_PLANE": proxy.url}
        calls = [stop(plane, iot, listener, proxied, proxy, number) for number in range(1, 7)]
        check("the last of six calls sends the response", calls[-1].startswith("POST /topics/"), str(calls))
        stop(plane, iot, listener, proxied, proxy, 1, is_answered=True)


def all_unused(certificates):
    return all(found == ("INACTIVE", [], []) for found in certificates.values())
