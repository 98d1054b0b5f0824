"""The template as CloudFormation receives it: translated by SAM's own translator, with conditions and functions
evaluated.

A value that only AWS knows is a name in angle brackets: `<Authorizer.Arn>`, `<AWS::Region>`.
"""

import copy
import json
import os
import re

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from lib.paths import ROOT
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

NOTHING = object()


def read(name="template.yaml"):
    template = yaml_parse((ROOT / name).read_text())
    return json.loads(json.dumps(template))


def parameters(template, given):
    """All parameters as strings, as CloudFormation passes them."""
    unknown = set(given) - set(template["Parameters"])
    if unknown:
        raise KeyError(f"unknown parameters: {unknown}")
    return {name: str(given.get(name, parameter.get("Default", ""))) for name, parameter in template["Parameters"].items()}


def lists(template):
    """The parameters that are lists, of which CloudFormation holds each item to the pattern."""
    return {name for name, parameter in template["Parameters"].items() if parameter["Type"] == "CommaDelimitedList"}


def outside_limits(template, values):
    """The parameters whose value CloudFormation rejects before it evaluates the rules."""
    for name, parameter in template["Parameters"].items():
        value = values[name]
        if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
            yield name
        elif "AllowedPattern" in parameter and not all(
            re.fullmatch(parameter["AllowedPattern"], item) for item in (value.split(",") if name in lists(template) else [value])
        ):
            yield name
        elif parameter["Type"] == "Number":
            if not parameter.get("MinValue", float("-inf")) <= float(value) <= parameter.get("MaxValue", float("inf")):
                yield name
        elif len(value) > parameter.get("MaxLength", 4096):
            yield name


class Stack:
    """One deployment. `resources` maps a logical id to its resource, with all functions evaluated."""

    def __init__(self, template, given=()):
        template = copy.deepcopy(template)
        self.values = parameters(template, dict(given))
        self.lists = lists(template)
        # As after `sam package`: the code has been uploaded.
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = "s3://bucket/package.zip"
        # The translator modifies the parameters, so it gets a copy.
        translated = Translator({}, Parser()).translate(template, dict(self.values))
        self.translated = json.loads(json.dumps(translated))
        self.evaluate()

    def evaluate(self):
        """Sets `resources` and `outputs`, of which those whose condition does not hold are absent."""
        self.resources = {
            name: {**self.value(resource), "Properties": self.value(resource.get("Properties", {}))}
            for name, resource in self.translated["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }
        self.outputs = {
            name: self.value(output["Value"])
            for name, output in self.translated["Outputs"].items()
            if "Condition" not in output or self.holds(output["Condition"])
        }

    def of_type(self, kind):
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def holds(self, name):
        return self.value(self.translated["Conditions"][name])

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument), = node.items()
            function = FUNCTIONS.get(name)
            if function:
                return function(self, argument)
            if name.startswith("Fn::"):
                raise KeyError(f"{name} is unknown to this test")
        evaluated = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in evaluated.items() if value is not NOTHING}

    def ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.values:
            return self.values[name].split(",") if name in self.lists else self.values[name]
        if not name.startswith("AWS::") and name not in self.translated["Resources"]:
            raise KeyError(f"unknown name {name}")
        return f"<{name}>"

    def attribute(self, argument):
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if name not in self.translated["Resources"]:
            raise KeyError(f"unknown name {name}")
        return f"<{name}.{attribute}>"

    def substitute(self, argument):
        text, given = (argument, {}) if isinstance(argument, str) else argument
        given = {name: self.value(value) for name, value in given.items()}

        def fill(match):
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in given:
                return given[name]
            return self.attribute(name) if "." in name else self.ref(name)

        return re.sub(r"\$\{([^}]+)\}", fill, text)


def choose(stack, argument):
    condition, yes, no = argument
    return stack.value(yes if stack.holds(condition) else no)


def equal(stack, argument):
    left, right = map(stack.value, argument)
    return str(left) == str(right)


FUNCTIONS = {
    "Ref": lambda stack, name: stack.ref(name),
    "Condition": lambda stack, name: stack.holds(name),
    "Fn::GetAtt": lambda stack, argument: stack.attribute(argument),
    "Fn::If": choose,
    "Fn::Sub": lambda stack, argument: stack.substitute(argument),
    "Fn::Join": lambda stack, argument: argument[0].join(stack.value(argument[1])),
    "Fn::Split": lambda stack, argument: stack.value(argument[1]).split(argument[0]),
    "Fn::Select": lambda stack, argument: stack.value(argument[1])[int(argument[0])],
    "Fn::Equals": equal,
    "Fn::Not": lambda stack, argument: not stack.value(argument[0]),
    "Fn::And": lambda stack, argument: all(map(stack.value, argument)),
    "Fn::Or": lambda stack, argument: any(map(stack.value, argument)),
    "Fn::Contains": lambda stack, argument: stack.value(argument[1]) in stack.value(argument[0]),
}


class Rules(Stack):
    """The rules of the template, which see only the parameters."""

    def __init__(self, template, given=()):
        self.values = parameters(template, dict(given))
        self.lists = lists(template)
        self.translated = {"Resources": {}, "Conditions": {}}
        self.rules = template.get("Rules", {})

    def violations(self):
        """The descriptions of the assertions that fail."""
        for rule in self.rules.values():
            if self.value(rule.get("RuleCondition", True)):
                yield from (assertion["AssertDescription"] for assertion in rule["Assertions"] if not self.value(assertion["Assert"]))
