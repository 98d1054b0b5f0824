"""Documents with every key, and random changes of them."""

import copy
import json

AUTHORIZER = {
    "blocked_keys": ["A" * 43],
    "token": {"from": ["token", "header:authorization", "username"], "max_bytes": 4096},
    "session": {"disconnect_after_seconds": 600, "refresh_after_seconds": 300, "min_remaining_seconds": 60},
    "claims": {
        "sub": "sub",
        "group": "group",
        "tenant": {
            "path": "/tenant", "type": "uuid", "list": False, "optional": True, "unique": True, "max_items": 5,
            "max_length": 36,
        },
    },
    "issuer": [{
        "id": "users", "issuer": "https://login.example.com/", "audience": ["iot.example.com"],
        "audience_claim": ["aud", "azp"], "leeway_seconds": 10, "max_lifetime_seconds": 3600,
        "require": {"role": ["a", 1, True], "level": 2}, "certificate_bound": False, "types": ["JWT"],
        "algorithms": ["RS256", "Ed25519"], "claims": {"tenant": {"path": "tid", "unique": False}, "group": "/groups/0"},
        "client_ids": ["${sub}", "${sub}/*"], "keys": ["file:keys/users.jwks.json", "oidc"], "refresh_seconds": 60,
        "max_stale_seconds": 120,
    }],
    "refuse": [{"issuer": "users", "when": {"blocked": True}}],
    "revocation": {
        "source": "file:revoked.json", "refresh_seconds": 60, "max_stale_seconds": 120, "when_stale": "allow",
    },
    "grant": [{"policy": "any", "issuer": ["users"], "when": {"role": "a"}}],
    "check": {"allow": {"lint file": "a reason"}},
}
PROVISION = {
    "authority": [{
        "ca_certificate_id": "0" * 64, "thing": "${CommonName}", "policy": "device", "attributes": {"country": "${Country}"},
        "expected": "anyone", "replace": True,
    }],
    "bootstrap": [{
        "request": "b/+/q", "response": "b/${id}/r", "thing": "${id}", "policy": "device", "expected": "dynamodb:devices",
        "replace": False,
    }],
    "template": [{"name": "fleet", "expected": "list:devices.csv", "replace": False}],
    "cognito": {"policy": "app"},
}
CASES = {
    "$schema": "x", "issuer": "users", "claims": {"sub": "ana"},
    "cases": [
        {"allow": "iot:Publish topic/ana", "issuer": "users", "client_id": "ana", "why": "its own topic"},
        {"deny": "iot:Publish topic/ben", "why": "another topic"},
        {"refused": "missing_claim", "claims": {"sub": None}, "why": "no subject"},
    ],
}
DOCUMENTS = {"authorizer": AUTHORIZER, "provision": PROVISION, "cases": CASES}
ENVIRONMENT = {"SET": "users", "EMPTY": ""}
VALUES = [
    "", "x", "a b", "*", "users", "token", "RS256", "aud", "${env:SET}", "${env:EMPTY}", "${env:UNSET}", "${sub}", "${", "$x",
    "file:x", "secret:", 0, 1, -1, 2, 61, 300, 1025, 10**10, True, False, 1.5, [], ["x"], ["RS256", "x"], [1], [[]], {},
    {"a": "b"}, {"path": "x"}, {"a b": 1}, [{}],
]
CHARACTERS = "aZ9-_.:@|=/*+#$ é\n\"\\{}"


def places(value):
    """Each container of a document with each of its keys or indices."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from places(value[key])


def changed(random, document):
    """A copy of a document with one to three changes."""
    document = copy.deepcopy(document)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        found = list(places(document))
        if not found:
            break
        change(random, *random.choice(found))
    return document


def change(random, container, key):
    value = container[key]
    kind = random.randrange(7)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, dict):
        name = random.choice([key + "s", key[:-1], "x y", "tenant", "issuer", random.choice(CHARACTERS) + key])
        container[name] = container.pop(key)
    elif kind == 2:
        container[key] = [value]
    elif kind == 3 and isinstance(value, str):
        index = random.randint(0, len(value))
        container[key] = value[:index] + random.choice(CHARACTERS) + value[index:]
    elif kind == 4 and isinstance(value, int):
        container[key] = value + random.choice([-1, 1, -value, 10**6])
    elif kind == 5 and isinstance(value, list):
        value.append(random.choice(VALUES))
    else:
        container[key] = copy.deepcopy(random.choice(VALUES))


def text(kind, document):
    """A document as TOML or JSON. Every table of TOML is inline, apart from the file."""
    if kind == "cases":
        return json.dumps(document)
    return "".join(f"{json.dumps(key)} = {inline(value)}\n" for key, value in document.items())


def inline(value):
    if isinstance(value, dict):
        members = (f"{json.dumps(key)} = {inline(item)}" for key, item in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def keys_of_schema(schema):
    """The paths of all keys of a schema, without indices."""
    for name, value in schema.get("properties", {}).items():
        yield (name,)
        yield from ((name, *rest) for rest in keys_of_schema(value))
    nested = [schema.get("items"), *schema.get("anyOf", []), *schema.get("patternProperties", {}).values()]
    for value in filter(None, nested):
        yield from keys_of_schema(value)
