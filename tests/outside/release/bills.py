"""The bills of materials: valid by CycloneDX's strict schema, and of exactly the crates that are built."""

import copy
import json
import subprocess
import tomllib

from lib.checks import check, check_none
from lib.paths import RELEASE_VENV, ROOT

PROGRAMS = {"iot-jwt-authorizer": "iot-jwt-authorizer", "iot-provision": "iot-provision", "cargo-local": "iot-local"}
SPECIFICATION = "1.6"
TARGET_PROPERTY = "iot-jwt-authorizer:target"
TREE_TARGET = "x86_64-unknown-linux-gnu"
VALIDATE = ROOT / "tests/outside/release/validate.py"


def remove(*path):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]
    return change


def replace(value, *path):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value
    return change


# Documents that are not valid.
INVALID = [
    ("without bomFormat", remove("bomFormat")),
    ("without specVersion", remove("specVersion")),
    ("a crate without a name", remove("components", 0, "name")),
    ("an unknown type", replace("crate", "components", 0, "type")),
    ("a checksum that is too short", replace("ab", "components", 0, "hashes", 0, "content")),
    ("an unknown algorithm", replace("SHA256", "components", 0, "hashes", 0, "alg")),
    ("an unknown member", replace("x", "components", 0, "crate")),
    ("a serial number that is no URN", replace("1", "serialNumber")),
    ("a time without a date", replace("12:00", "metadata", "timestamp")),
]


def validate(*files):
    command = [RELEASE_VENV / "bin/python", VALIDATE, SPECIFICATION, *files]
    return subprocess.run(command, capture_output=True, text=True)


def names(document, target):
    """The names of the crates that are built for a target, with the program's own."""
    found = {document["metadata"]["component"]["bom-ref"].split("@")[0]}
    for component in document["components"]:
        targets = [each["value"] for each in component.get("properties", []) if each["name"] == TARGET_PROPERTY]
        if not targets or target in targets:
            found.add(component["name"])
    return found


def unlocked(document, lock):
    """Crates that are not in Cargo.lock with this version and checksum, and references to none."""
    references = {each["bom-ref"] for each in (document["metadata"]["component"], *document["components"])}
    for component in document["components"]:
        key = component["name"], component["version"]
        if key not in lock:
            yield f"{key}: not in Cargo.lock"
        elif lock[key] != next((each["content"] for each in component.get("hashes", [])), None):
            yield f"{key}: the checksum is not that of Cargo.lock"
        if "licenses" not in component:
            yield f"{key}: without a license"
    for dependency in document["dependencies"]:
        for used in (dependency["ref"], *dependency["dependsOn"]):
            if used not in references:
                yield f"{used}: an unknown reference"


def check_bills(release, version, temporary):
    files = {name: release / f"{name}-{version}.cdx.json" for name in PROGRAMS}
    done = validate(*files.values())
    check("the bills of materials are valid CycloneDX", done.returncode == 0, done.stdout + done.stderr[-2000:])
    documents = {name: json.loads(file.read_text()) for name, file in files.items()}
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    lock = {(each["name"], each["version"]): each.get("checksum") for each in packages}
    for name, document in documents.items():
        main = document["metadata"]["component"]
        named = (main["name"], main["version"], main["bom-ref"]) == (name, version, f"{PROGRAMS[name]}@{version}")
        check(f"{name}: the bill of materials names program and version", named, main)
        check(f"{name}: it has the time of the commit", document["metadata"]["timestamp"].endswith("Z"))
        check_none(f"{name}: each crate is in Cargo.lock and has a license", unlocked(document, lock), 5)
    accepted = set((ROOT / "tests/lambda-tree.txt").read_text().split())
    authorizer = documents["iot-jwt-authorizer"]
    found = names(authorizer, TREE_TARGET)
    check("the authorizer's bill of materials has exactly the crates of tests/lambda-tree.txt", found == accepted, sorted(found ^ accepted))
    fewer = copy.deepcopy(authorizer)
    del fewer["components"][0]
    check("a missing crate is found", names(fewer, TREE_TARGET) != accepted and any(unlocked(fewer, lock)))
    check_invalid(authorizer, temporary / "invalid")


def check_invalid(document, folder):
    folder.mkdir()
    for number, (_, change) in enumerate(INVALID):
        broken = copy.deepcopy(document)
        change(broken)
        (folder / f"{number}.json").write_text(json.dumps(broken))
    done = validate(*(folder / f"{number}.json" for number in range(len(INVALID))))
    for number, (title, _) in enumerate(INVALID):
        check(f"an invalid bill of materials is found: {title}", f"{folder}/{number}.json: " in done.stdout, done.stderr[-500:])
