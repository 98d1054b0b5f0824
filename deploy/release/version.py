"""The version of the checkout, and its section of the changelog."""

import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The manifests of the programs that a release contains.
MANIFESTS = ["Cargo.toml", "provision/Cargo.toml", "local/cli/Cargo.toml"]
HEADING = re.compile(r"^## \[?(\d+\.\d+\.\d+)\]?(?: - \d{4}-\d{2}-\d{2})?$")


class ReleaseError(Exception):
    """Why no release can be made of this checkout."""


def version(root=ROOT):
    """The version of the programs. Raises `ReleaseError` if they differ."""
    found = {name: tomllib.loads((root / name).read_text())["package"]["version"] for name in MANIFESTS}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{name} {number}" for name, number in found.items())
        raise ReleaseError(f"the programs have several versions: {listed}; expected one")
    return found[MANIFESTS[0]]


def check_tag(tag, root=ROOT):
    """Raises `ReleaseError` if a tag is not `v` and the version of the programs."""
    if tag != f"v{version(root)}":
        raise ReleaseError(f'the tag is "{tag}"; expected "v{version(root)}", the version of {MANIFESTS[0]}')


def notes(root=ROOT):
    """The version's section of the changelog. Raises `ReleaseError` if it is missing or empty."""
    wanted, found, lines = version(root), False, []
    for line in (root / "CHANGELOG.md").read_text().splitlines():
        if line.startswith("## "):
            if found:
                break
            heading = HEADING.match(line)
            found = bool(heading) and heading[1] == wanted
        elif found:
            lines.append(line)
    text = "\n".join(lines).strip()
    if not text:
        state = "an empty" if found else "no"
        raise ReleaseError(f'CHANGELOG.md: {state} section for {wanted}; expected "## {wanted} - YYYY-MM-DD" and its changes')
    return text + "\n"
