"""Fills fuzz/corpus/ with the inputs of the project's own tests: cases, deployments, policies, keys and recipes.

    python3 fuzz/seed.py
"""

import hashlib
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORPUS = ROOT / "fuzz/corpus"
DEFAULT_EVENT = {"protocolData": {"mqtt": {"clientId": "ana", "password": "$BASE64"}}}
NOW = 1_800_000_000


def add(target, text):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    content = text.encode()
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

for target in sorted(CORPUS.iterdir()):
    print(f"{target.name}: {len(list(target.iterdir()))} inputs")
