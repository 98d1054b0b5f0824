"""Fills fuzz/corpus/ with the inputs of the project's own tests: cases, deployments, policies, keys and recipes; and
fuzz/cloud/corpus/ and fuzz/gateway/corpus/ with those of `cargo local`: signed requests, templates, rules, a registry,
packets.

    python3 fuzz/seed.py
"""

import hashlib
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORPUS = ROOT / "fuzz/corpus"
CLOUD_CORPUS = ROOT / "fuzz/cloud/corpus"
GATEWAY_CORPUS = ROOT / "fuzz/gateway/corpus"
LOCAL_TESTS = ROOT / "local/cloud/tests"
DEFAULT_EVENT = {"protocolData": {"mqtt": {"clientId": "ana", "password": "$BASE64"}}}
NOW = 1_800_000_000


def add(target, text, corpus=CORPUS):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    content = text if isinstance(text, bytes) else text.encode()
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def changed(members, changes):
    """Members with the changes of a case: null removes one, `{"is": X}` stands for X."""
    members = dict(members)
    for name, value in changes.items():
        if value is None:
            members.pop(name, None)
        else:
            members[name] = value["is"] if isinstance(value, dict) and list(value) == ["is"] else value
    return members


def token(spec):
    header = changed({"alg": "EdDSA", "typ": "JWT", "kid": "eddsa-1"}, spec.get("header", {}))
    claims = changed({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme",
        "iat": NOW, "exp": NOW + 3600,
    }, spec.get("claims", {}))
    parts = spec.get("raw_header") or json.dumps(header), spec.get("raw_payload") or json.dumps(claims)
    return "\n".join(part.replace("\n", " ") for part in parts)


for file in sorted((ROOT / "tests/cases").glob("*.json")):
    for case in json.loads(file.read_text()):
        add("event", json.dumps(case.get("event", DEFAULT_EVENT)))
        add("token", token(case.get("token", {})))

for case in json.loads((ROOT / "tests/keys/field.json").read_text()):
    for text in [*case.get("files", {}).values(), case.get("fetched")]:
        if text:
            add("key_set", text)
    for given in case.get("tokens", []):
        if "event" in given:
            add("event", json.dumps(given["event"]))
published = json.loads((ROOT / "tests/keys/published.json").read_text())
for entry in published:
    add("key_set", json.dumps({"keys": [entry.get("jwk", entry)]}))

for folder in [ROOT, *sorted((ROOT / "tests/deployments").iterdir()), *sorted((ROOT / "docs/recipes").iterdir())]:
    if (folder / "authorizer.toml").exists():
        add("configuration", (folder / "authorizer.toml").read_text())
    for policy in sorted((folder / "policies").glob("*.json")):
        if not policy.name.endswith(".cases.json"):
            add("policy", policy.read_text())


def local_cases(name):
    return json.loads((LOCAL_TESTS / name).read_text())


def mqtt_text(text):
    return len(text).to_bytes(2, "big") + text.encode()


def mqtt_packet(first, *fields):
    body, length = b"".join(fields), b""
    rest = len(body)
    while rest > 0x7F:
        length, rest = length + bytes([rest & 0x7F | 0x80]), rest >> 7
    return bytes([first]) + length + bytes([rest]) + body


def connect(level, client_id, flags=2, name="MQTT", rest=b""):
    properties = b"\0" if level == 5 else b""
    return mqtt_packet(0x10, mqtt_text(name), bytes([level, flags, 0, 60]), properties, mqtt_text(client_id), rest)


def subscribe(level, filters, properties=b""):
    properties = bytes([len(properties)]) + properties if level == 5 else b""
    return mqtt_packet(0x82, b"\0\1", properties, *(mqtt_text(name) + bytes([qos]) for name, qos in filters))


def packets():
    """Packets as in the tests of the packet reader, in both versions."""
    for level in [4, 5]:
        properties = b"\0" if level == 5 else b""
        publish = mqtt_packet(0x30, mqtt_text("a/b"), properties, b"payload")
        start = connect(level, "c")
        yield start + mqtt_packet(0xC0) + publish + mqtt_packet(0xE0)
        yield connect(level, "") + publish + subscribe(level, [("a", 1)])
        user = mqtt_text("user") + mqtt_text("password")
        yield connect(level, "c", 0xC2, rest=user) + mqtt_packet(0x32, mqtt_text("a"), b"\0\1", properties)
        yield connect(level, "c", 0x0E, rest=properties + mqtt_text("will") + mqtt_text("gone"))
        for filters in [[("f", 1)] * 8, [("f", 0)] * 9, [("a", 0), ("b", 2)], []]:
            yield start + subscribe(level, filters)
        yield start + mqtt_packet(0xA2, b"\0\2", properties, mqtt_text("a")) + mqtt_packet(0x40, b"\0\3")
        yield start + start
    for properties in [b"\x0b\x07", b"\x26" + mqtt_text("a") + mqtt_text("b")]:
        yield connect(5, "c") + subscribe(5, [("a", 0)], properties)
    yield connect(5, "c") + mqtt_packet(0xF0) + mqtt_packet(0xE0, b"\0\0")
    yield connect(3, "c", name="MQIsdp") + subscribe(4, [("a", 0)])
    yield from [connect(9, ""), connect(4, "c", 3), connect(4, "c", 0x42)]
    yield from [b"GET / HTTP/1.1", b"\x10\xff\xff\xff\xff"]


def signed_request(case):
    """A request whose signature is made again for the time and the Region of the target."""
    text = f"{case['method']} {case['target']}\n" + "".join(f"{name}: {value}\n" for name, value in case["headers"])
    for pattern, now in [
        (r"20(15083|21051)\d(T\d{6}Z)?", lambda match: "20260115" + ("T120000Z" if match[2] else "")),
        (r"us-east-2|us-west-2", "us-east-1"), (r"/lambda/|%2Flambda%2F", "/service/"), ("ANOTREAL", "AKIDEXAMPLE"),
        (r"(Signature=)[0-9a-f]{64}", r"\1$SIGNATURE"),
    ]:
        text = re.sub(pattern, now, text)
    return text + "\n" + case.get("body", "")


def merged(value, patch):
    """A value with a patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return value if patch is None else patch
    result = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), part)
    return result


def expanded(value):
    """A value without `@repeat`, `@list` and `@object`, as the tests of templates expand them."""
    if isinstance(value, str) and value.startswith("@repeat:"):
        text, count = value[len("@repeat:"):].rsplit(":", 1)
        return text * int(count)
    if isinstance(value, dict):
        if "@list" in value:
            return [value["@list"][0].replace("{}", str(i)) for i in range(value["@list"][1])]
        if "@object" in value:
            name, member, count = value["@object"]
            return {name.replace("{}", str(i)): member for i in range(count)}
        return {name: expanded(part) for name, part in value.items()}
    return [expanded(part) for part in value] if isinstance(value, list) else value


def template(base, case):
    """The parameters and the body of a case of the tests of templates."""
    parameters = expanded(merged(base.get("parameters", {}), case.get("parameters")))
    for name, value in parameters.items():
        parameters[name] = "$CSR" if value == "request" else value
    if "body" in case:
        return json.dumps(parameters) + "\n" + expanded(case["body"])
    body = merged(base["template"], case.get("template"))
    for place, value in case.get("set", {}).items():
        *parents, last = place.split("/")
        target = body
        for name in parents:
            target = target.setdefault(name, {})
        target[last] = value
    return json.dumps(parameters) + "\n" + json.dumps(expanded(body))


def registry_changes():
    """A change of each kind, as `local/cloud/src/registry/change.rs` describes them."""
    dates = {"created": 1, "modified": 2}
    version = {"version": 1, "created": 1}
    certificate = {
        "id": "c", "pem": "PEM", "status": "PENDING_ACTIVATION", "mode": "DEFAULT", "caCertificateId": "ca",
        "notBefore": 0, "notAfter": 9, **dates, "customerVersion": 1, "generationId": "g",
    }
    ca = {
        "id": "ca", "pem": "PEM", "subject": "30", "status": "ACTIVE", "autoRegistration": True, "mode": "DEFAULT",
        "registrationConfig": {"templateName": "t"}, "notBefore": 0, "notAfter": 9, **dates, "customerVersion": 1,
        "generationId": "g",
    }
    shadow = {
        "thing": "a", "name": "n", "version": 3, "state": {"desired": {"t": 20.5}, "reported": {"t": 0.1, "on": None}},
        "metadata": {"desired": {"t": {"timestamp": 1}}},
    }
    domain = {
        "name": "d", "id": "x", "domainName": "d.localhost", "managed": False, "status": "ENABLED", "statusChanged": 1,
        "authenticationType": "DEFAULT", "applicationProtocol": "DEFAULT", "securityPolicy": "",
        "authorizerConfig": {"allowOverride": True},
    }
    yield {"setRegistrationCode": {"code": "code"}}
    yield {"putCaCertificate": ca}
    yield {"putCertificate": certificate}
    yield {"setCertificateStatus": {"id": "c", "status": "ACTIVE", "modified": 3, "generationId": "h"}}
    yield {"putPolicy": {
        "name": "p", "versions": {"1": {"document": "{}", "created": 1}}, "defaultVersion": 1, "lastVersion": 1,
        **dates, "generationId": "g",
    }}
    yield {"putThingType": {"name": "type", "id": "i", "properties": {"searchableAttributes": ["a"]}, "created": 1}}
    yield {"putThing": {"name": "a", "id": "i", "typeName": "type", "attributes": {"floor": "2"}, **version}}
    yield {"putThingGroup": {"name": "outer", "id": "i", **version}}
    yield {"putThingGroup": {"name": "inner", "id": "i", "parent": "outer", **version}}
    yield {"addToThingGroup": {"group": "inner", "thing": "a"}}
    yield {"attachPolicy": {"policy": "p", "target": "cert/c"}}
    yield {"attachPolicy": {"policy": "p", "target": "thinggroup/inner"}}
    yield {"attachPrincipal": {"thing": "a", "principal": "cert/c", "type": "EXCLUSIVE_THING"}}
    yield {"tag": {"resource": "policy/p", "tags": {"team": "a"}}}
    yield {"untag": {"resource": "policy/p", "keys": ["team"]}}
    yield {"putShadow": shadow}
    yield {"putShadow": {"thing": "a", "version": 4, "deleted": 5}}
    yield {"putOwnershipToken": {"sha256": "s", "certificateId": "c", "principal": "cert/d", "expires": 9}}
    yield {"putProvisioningClaim": {"certificateId": "d", "template": "t", "expires": 9}}
    yield {"putProvisioningTemplate": {
        "name": "t", "templateType": "FLEET_PROVISIONING", "enabled": True, "roleArn": "r", **dates, "lastVersion": 1,
        "defaultVersion": 1, "versions": {"1": {"body": "{}", "created": 1}},
        "hook": {"targetArn": "f", "payloadVersion": "2020-04-01"},
    }}
    yield {"putRegistrationTask": {
        "id": "i", "templateBody": "{}", "bucket": "b", "key": "k", "roleArn": "r", "status": "Completed",
        "successes": 1, "failures": 0, **dates,
    }}
    yield {"putTopicRule": {
        "name": "r", "sql": "SELECT * FROM 'a'", "sqlVersion": "2016-03-23", "isDisabled": False, "created": 1,
        "actions": [{"lambda": {"functionArn": "f"}}],
    }}
    yield {"putAuthorizer": {
        "name": "a", "functionArn": "f", "tokenKey": "k", "signingKeys": {"key": "PEM"}, "status": "ACTIVE",
        "signingDisabled": False, "cachingForHttp": False, **dates,
    }}
    yield {"setDefaultAuthorizer": {"name": "a"}}
    yield {"putDomainConfiguration": domain}
    yield {"setEventConfigurations": {"enabled": ["THING"], **dates}}
    for name, members in [
        ("DomainConfiguration", {"name": "d"}), ("Authorizer", {"name": "a"}), ("TopicRule", {"name": "r"}),
        ("ProvisioningTemplate", {"name": "t"}), ("ProvisioningClaim", {"certificateId": "d"}),
        ("OwnershipToken", {"sha256": "s"}), ("Shadow", {"thing": "a", "name": "n"}), ("ThingGroup", {"name": "inner"}),
        ("Thing", {"name": "a"}), ("ThingType", {"name": "type"}), ("Policy", {"name": "p"}),
        ("Certificate", {"id": "c"}), ("CaCertificate", {"id": "ca"}),
    ]:
        yield {f"remove{name}": members}
    yield {"detachPolicy": {"policy": "p", "target": "cert/c"}}
    yield {"detachPrincipal": {"thing": "a", "principal": "cert/c"}}
    yield {"removeFromThingGroup": {"group": "inner", "thing": "a"}}


def lines(values):
    return "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values)


def registries():
    """Files of a registry: a snapshot, a zero byte, a log."""
    changes = list(registry_changes())
    calls = [{"sequence": i, "changes": [change]} for i, change in enumerate(changes, 1)]
    yield "\0" + lines(calls)
    for part in range(len(calls)):
        header = {"format": 1, "sequence": part, "changes": part}
        yield lines([header, *changes[:part]]) + "\0" + lines(calls[part:part + 3])
    # As after an end between the two renames, and with a line that was being written.
    yield lines([{"format": 1, "sequence": 3, "changes": 3}, *changes[:3]]) + "\0" + lines(calls[:6])
    yield "\0" + lines(calls[:2]) + lines(calls[2:3])[:40]
    for wrong in [{"format": 2, "sequence": 0, "changes": 0}, {"format": 1, "sequence": 1, "changes": 2}, {}]:
        yield lines([wrong, *changes[:1]]) + "\0"


for i, bytes_of_client in enumerate(packets()):
    add("packet", bytes([37 * i % 256 | 1]) + bytes_of_client, GATEWAY_CORPUS)
    add("packet", bytes([37 * i % 256 & 0xFE]) + bytes_of_client, GATEWAY_CORPUS)
for name in ["clients", "suite"]:
    for case in local_cases(f"sigv4/{name}.json"):
        add("sigv4", signed_request(case), CLOUD_CORPUS)
bases = local_cases("templates/bases.json")
for name in ["conflicts", "errors", "functions", "kinds", "limits", "values"]:
    for case in local_cases(f"templates/{name}.json"):
        add("template", template(bases[case["base"]], case), CLOUD_CORPUS)
for case in [*local_cases("rules/evaluations.json"), *local_cases("rules/refusals.json")]:
    parts = [" ".join(case["sql"].split("\n")), case.get("topic", "a/b"), "cmd/${topic(2)}/${a}/down"]
    add("sql", "\n".join([*parts, json.dumps(case.get("payload", {"a": 1}))]), CLOUD_CORPUS)
for files in registries():
    add("registry", files, CLOUD_CORPUS)

for target in [target for corpus in [CORPUS, CLOUD_CORPUS, GATEWAY_CORPUS] for target in sorted(corpus.iterdir())]:
    print(f"{target.name}: {len(list(target.iterdir()))} inputs")
