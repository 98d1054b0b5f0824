"""The properties of the constructs beside the parameters of the templates, and beside the tables of docs/deploy-cdk.md."""

import re
import sys

import synth
from lib.paths import ROOT

PAGE = ROOT / "docs/deploy-cdk.md"
MEMBERS = {"MinValue": "minimum", "MaxValue": "maximum", "MaxLength": "maxLength", "AllowedPattern": "pattern", "AllowedValues": "values"}


def wanted_limits(definition):
    """The limits that a parameter's definition asks for."""
    default = synth.typed(definition, definition.get("Default", ""))
    members = {name: definition[name] for name in MEMBERS if name in definition and not (name == "AllowedValues" and isinstance(default, bool))}
    return {"default": default, **{MEMBERS[name]: value for name, value in members.items()}}


def default_text(default):
    """A default as comments and tables have it."""
    if isinstance(default, bool):
        return str(default).lower()
    return str(default) if default != "" else "none"


def errors(construct, template, parameters, properties):
    """Limits that differ from those of the template, and comments with another default than the limits."""
    limits = {name: {key: value for key, value in one.items() if key not in ("expected", "isHidden")} for name, one in parameters["limits"].items()}
    wanted = {synth.property_name(name): wanted_limits(definition) for name, definition in template["Parameters"].items()}
    for name in sorted(set(limits) | set(wanted)):
        if limits.get(name) != wanted.get(name):
            yield f"{construct}: {name} has {limits.get(name)}, not {wanted.get(name)}"
    unexplained = [name for name, one in parameters["limits"].items() if "pattern" in one and "expected" not in one]
    yield from (f"{construct}: {name} has a pattern and no expectation" for name in unexplained)
    by_name = {one["name"]: one for one in properties}
    if set(by_name) != {*limits, "code"}:
        yield f"{construct}: the properties are {sorted(by_name)}"
    for name, one in by_name.items():
        found = one.get("docs", {}).get("default")
        default = None if name == "code" else default_text(parameters["limits"][name]["default"])
        # `*/` would end the comment.
        if found != default and "*/" not in str(default):
            yield f"{construct}: the comment of {name} has the default {found!r}, not {default!r}"
        if one.get("optional", False) != (name != "code"):
            yield f"{construct}: {name} is optional or required by mistake"


def rows(parameters, properties):
    """The rows of a construct's table, in the order of the interface."""
    for one in sorted(properties, key=lambda one: one["locationInModule"]["line"]):
        kind = one["type"].get("primitive") or one["type"]["fqn"].rpartition(".")[2]
        default = "required" if one["name"] == "code" else default_text(parameters["limits"][one["name"]]["default"])
        shown = default if default in ("required", "none") or not re.search("[A-Za-z]", default) else f"`{default}`"
        yield f"| `{one['name']}` | `{kind}` | {shown} |"


def table_errors(interfaces):
    """Tables of the page that differ from the interfaces. The order counts."""
    text = PAGE.read_text()
    for construct, (parameters, properties) in interfaces.items():
        _, _, rest = text.partition(f"\n### {construct}\n")
        found = re.findall(r"^\| `\w+` \|.*$", re.split(r"^#", rest, maxsplit=1, flags=re.M)[0], re.M)
        wanted = list(rows(parameters, properties))
        if found != wanted:
            yield f"{construct}: too many {sorted(set(found) - set(wanted))}, too few {sorted(set(wanted) - set(found))}"


if __name__ == "__main__":
    # Prints the table of a construct.
    print(*rows(*synth.limits(sys.argv[1])), sep="\n")
