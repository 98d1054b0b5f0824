"""The bill of materials of a program, as CycloneDX 1.6: what `cargo tree` reports for the build's own features and
targets. https://cyclonedx.org/docs/1.6/json/
"""

import datetime
import json
import os
import re
import subprocess
import tomllib
import uuid

from version import ROOT

CARGO = os.environ.get("CARGO", "cargo")
FUNCTION_TARGETS = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"]
PROGRAM_TARGETS = [*FUNCTION_TARGETS, "aarch64-apple-darwin", "x86_64-apple-darwin", "x86_64-pc-windows-msvc"]
# Each program of a release: the package that is built for it, and the targets.
PROGRAMS = {
    "iot-jwt-authorizer": ("iot-jwt-authorizer", FUNCTION_TARGETS),
    "iot-provision": ("iot-provision", FUNCTION_TARGETS),
    "cargo-local": ("iot-local", PROGRAM_TARGETS),
}
# A component with this property is in the builds for these targets only.
TARGET_PROPERTY = "iot-jwt-authorizer:target"
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
# A line of `cargo tree`: depth, name, version, then kind, folder and the mark of a repeated crate.
LINE = re.compile(r"^(\d+)([A-Za-z_][\w-]*) v(\S+)((?: \([^)]*\))*)$")


def tree(package, target):
    """The crates of a build in the order of `cargo tree`, as `(depth, crate, terms, repository)`. A crate is a pair of
    name and version. Crates of build scripts are not part of the program."""
    command = [CARGO, "tree", "--locked", "--edges", "normal", "--package", package, "--target", target, "--prefix", "depth"]
    command += ["--format", "{p}\t{l}\t{r}"]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in output.splitlines():
        # The mark of a repeated crate follows the whole format.
        crate, terms, repository = line.removesuffix(" (*)").split("\t")
        depth, name, version, _ = LINE.match(crate).groups()
        yield int(depth), (name, version), terms, repository


class Crates:
    """The crates of a program over all its targets: their licenses, addresses, targets and dependencies."""

    def __init__(self, package, targets):
        self.root, self.facts, self.targets, self.edges = None, {}, {}, {}
        for target in targets:
            path = []
            for depth, crate, terms, repository in tree(package, target):
                del path[depth:]
                self.facts[crate] = terms, repository
                self.targets.setdefault(crate, []).append(target)
                self.edges.setdefault(crate, set())
                if path:
                    self.edges[path[-1]].add(crate)
                else:
                    self.root = crate
                path.append(crate)
        self.all_targets = len(targets)

    def only(self, crate):
        """The targets of a crate that is not part of every build."""
        found = sorted(set(self.targets[crate]))
        return found if len(found) < self.all_targets else []


def locked():
    """The SHA-256 of each crate of the registry, from Cargo.lock."""
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(each["name"], each["version"]): each["checksum"] for each in packages if each.get("source") == REGISTRY}


def reference(crate, checksums):
    """The identifier of a crate: its package URL, or its name and version for one of this checkout."""
    name, version = crate
    return f"pkg:cargo/{name}@{version}" if crate in checksums else f"{name}@{version}"


def component(crate, crates, checksums, kind="library"):
    terms, repository = crates.facts[crate]
    identifier = reference(crate, checksums)
    found = {"type": kind, "bom-ref": identifier, "name": crate[0], "version": crate[1]}
    if crate in checksums:
        found |= {"purl": identifier, "hashes": [{"alg": "SHA-256", "content": checksums[crate]}]}
    if terms:
        # Older crates separate alternatives by a slash.
        found["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", terms)}]
    if repository:
        found["externalReferences"] = [{"type": "vcs", "url": repository}]
    if only := crates.only(crate):
        found["properties"] = [{"name": TARGET_PROPERTY, "value": target} for target in only]
    return found


def document(program):
    """The bill of materials of a program. SOURCE_DATE_EPOCH is its time, which is absent without it."""
    package, targets = PROGRAMS[program]
    crates, checksums = Crates(package, targets), locked()
    main = component(crates.root, crates, checksums, "application") | {"name": program}
    metadata = {"component": main}
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        time = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
        metadata = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ")} | metadata
    others = sorted(crate for crate in crates.facts if crate != crates.root)
    content = {
        "metadata": metadata,
        "components": [component(crate, crates, checksums) for crate in others],
        "dependencies": [
            {"ref": reference(crate, checksums), "dependsOn": sorted(reference(used, checksums) for used in crates.edges[crate])}
            for crate in [crates.root, *others]],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return json.dumps(head | content, indent=1) + "\n"
