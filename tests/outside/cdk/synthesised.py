"""A synthesised template as the checks of template.yaml read one, and how it differs from template.yaml."""

import contextlib
import json
import re

from stack import Stack, parameters


class ParameterValue(str):
    """A parameter's value, which equals the number or Boolean that it stands for: CloudFormation passes texts, and CDK
    writes what a property is."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return str.__eq__(self, text(other))

    def __ne__(self, other):
        return not self == other


class SynthesisedStack(Stack):
    """One deployment of a construct, with `values` as the parameters of its template."""

    def __init__(self, template, synthesised, given):
        self.values = {name: ParameterValue(value) for name, value in parameters(template, given).items()}
        self.translated = synthesised
        self.evaluate()
        if "AuthorizerFunction" in self.resources:
            # CDK omits empty members. Neither way has the function variables.
            self.resources["AuthorizerFunction"]["Properties"].setdefault("Environment", {"Variables": {}})


# What differs on purpose: the type of the resource and the member, with the reason.
DIFFERENCES = {
    ("AWS::Lambda::Function", "Code"): "CDK uploads the package to the bucket of its bootstrap stack",
    ("AWS::Lambda::Function", "Tags"): "SAM tags its functions with its name",
    ("AWS::Lambda::Version", "UpdateReplacePolicy"): "CDK sets both policies; a version is never replaced, since its logical id changes",
}
ATTRIBUTES = ("Type", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy")


def text(value):
    """A scalar as CloudFormation passes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def plain(value):
    """A value with its scalars as texts, without members that are empty, and JSON texts as what they contain."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one not in ({}, [])}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            return plain(json.loads(value))
    return text(value)


def compared(stack):
    """Maps each resource to its attributes and properties. The version has the same name in each stack."""
    names = "|".join(stack.of_type("AWS::Lambda::Version"))
    resources = json.loads(re.sub(rf'(?<=["<])({names})(?=[">.])', "Version", json.dumps(stack.resources))) if names else stack.resources
    return {
        name: plain({**{part: resource.get(part) for part in ATTRIBUTES}, **resource["Properties"]})
        for name, resource in resources.items()
    }


def differences(deployed, synthesised):
    """The members in which a stack of a template and a synthesised one differ: the type of the resource, the member, and
    both values as a text."""
    left, right = compared(deployed), compared(synthesised)
    for name in sorted(set(left) | set(right)):
        of_left, of_right = left.get(name, {}), right.get(name, {})
        for member in sorted(set(of_left) | set(of_right)):
            if of_left.get(member) != of_right.get(member):
                kind = (of_left or of_right)["Type"]
                yield kind, member, f"{name}: {member} is {of_right.get(member)!r}, not {of_left.get(member)!r}"


def unexpected(deployed, synthesised):
    """The differences without those on purpose."""
    return [why for kind, member, why in differences(deployed, synthesised) if (kind, member) not in DIFFERENCES]
