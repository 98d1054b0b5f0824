"""The names that a version promises, as the pages and the templates list them: docs/releases.md."""

import re

import yaml

from lib.paths import ROOT

TEMPLATES = ["template.yaml", "provision/template.yaml", "deploy/cognito.yaml", "deploy/regions.yaml"]
# A row of a table whose first cell has names in back-ticks.
ROW = re.compile(r"^\| (`[^|]*`)[^|]* \|", re.M)
# Names in the prose of docs/logs.md: events and the members of their lines.
NAME = re.compile(r"`([a-z][a-z_]+)`")


class Loader(yaml.SafeLoader):
    """Reads the tags of CloudFormation as nothing: only names count."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def section(page, heading):
    """The text of a page from a heading to the next of the same level."""
    text = (ROOT / "docs" / page).read_text()
    level, start = heading.split(" ")[0], text.index(f"{heading}\n")
    end = text.find(f"\n{level} ", start + 1)
    return text[start:end if end > 0 else len(text)]


def names(text):
    return sorted({name for cell in ROW.findall(text) for name in re.findall(r"`([^`]+)`", cell)})


def template(name):
    content = yaml.load((ROOT / name).read_text(), Loader)
    return {"parameters": sorted(content.get("Parameters", {})), "outputs": sorted(content.get("Outputs", {}))}


def promised():
    """The names of this checkout, by kind. Each list is sorted."""
    events = section("logs.md", "## Key events") + section("logs.md", "## Events of the revocation list")
    return {
        "codes": names((ROOT / "docs/codes.md").read_text()),
        "codes of the provisioning functions": names(section("provision.md", "## Codes")),
        "log members of a decision": names(section("logs.md", "## A decision")),
        "events and their members": sorted(set(NAME.findall(events))),
        "metrics": names(section("logs.md", "## Metrics")),
        "members of --json": sorted(set(names((ROOT / "docs/json.md").read_text()))),
    } | {f"{kind} of {name}": found for name in TEMPLATES for kind, found in template(name).items()}
