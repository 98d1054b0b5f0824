"""The packages of the workspace use each other only as this table allows.

Run by `./test dependencies`.
"""

import ast
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.checks import check, check_none, finish
from lib.paths import CARGO, ROOT

# The folder of each package, and the folders of the packages that it may use, also in its tests and build scripts.
LOCAL = ["base", "policy", "lambda", "identity", "cloud", "gateway", "inspect", "storm", "cli"]
ALLOWED = {
    # The authorizer, and the function that its times are compared with.
    ".": [],
    "benches/echo": [],
    "provision": ["."],
    "local/base": [],
    "local/policy": ["local/base"],
    "local/lambda": ["local/base"],
    "local/identity": [".", "local/base"],
    "local/cloud": ["local/base", "local/policy", "local/lambda"],
    # It calls the authorizer through the Runtime API.
    "local/gateway": ["local/base", "local/policy", "local/lambda", "local/identity", "local/cloud"],
    # A simulation: it knows neither the authorizer nor the gateway.
    "local/storm": ["local/base"],
    "local/inspect": [".", "provision", "local/base", "local/policy", "local/identity"],
    "local/cli": [".", "provision", *(f"local/{name}" for name in LOCAL if name != "cli")],
    # All of the above in one package.
    "local": ["."],
}
AUTHORIZER_PROGRAM = "bootstrap"


def metadata():
    command = [CARGO, "metadata", "--no-deps", "--locked", "--format-version=1"]
    return json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def folder(path):
    return str(pathlib.Path(path).relative_to(ROOT))


def members(found):
    """Each package by its folder."""
    return {folder(pathlib.Path(package["manifest_path"]).parent): package for package in found["packages"]}


def forbidden(packages, allowed):
    """The dependencies that the table does not allow, and the packages that it does not have."""
    for name, package in packages.items():
        if name not in allowed:
            yield f"{name}: unknown package; expected one of {', '.join(allowed)}"
            continue
        for dependency in package["dependencies"]:
            if dependency.get("path") and (used := folder(dependency["path"])) not in allowed[name]:
                expected = ", ".join(allowed[name]) or "none"
                yield f"{name}: {dependency['kind'] or 'normal'} dependency on {used}; allowed are {expected}"


def other_programs(packages):
    """Programs with the authorizer's name in other packages."""
    for name, package in packages.items():
        for target in package["targets"]:
            if "bin" in target["kind"] and target["name"] == AUTHORIZER_PROGRAM and name != ".":
                yield f"{name}: a program named {AUTHORIZER_PROGRAM}"


def tested_packages():
    """The packages of local/ that `./test` lints and tests."""
    return ast.literal_eval(re.search(r"^LOCAL_PACKAGES = (\[[^\]]*\])", (ROOT / "test").read_text(), re.M)[1])


def main():
    packages = members(metadata())
    check_none("packages depend only on allowed packages", forbidden(packages, ALLOWED))
    check_none("no other package has a program with the authorizer's name", other_programs(packages))
    local = sorted(package["name"] for name, package in packages.items() if name.split("/")[0] == "local")
    tested = sorted(tested_packages())
    check("./test lints and tests every package of local/", tested == local, f"LOCAL_PACKAGES has to be {local}")
    # The table turned round: without its entries, every dependency between packages is found.
    used = sum(bool(dependency.get("path")) for package in packages.values() for dependency in package["dependencies"])
    found = len(list(forbidden(packages, dict.fromkeys(ALLOWED, []))))
    check(f"with an empty table, all {used} dependencies are found", found == used > 0, f"{found} found")
    finish()


main()
