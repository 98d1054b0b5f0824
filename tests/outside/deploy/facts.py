"""What a deployment consists of, in one form for every way to deploy it: a name for each resource, and its meaningful
properties.

A resource is `(kind, properties)` by an id, as CloudFormation has it. A reference is `<id>` or `<id.Attribute>`; facts
have the resource's name in place of its id, as ids differ between the ways to deploy.
"""

import json
import re

REFERENCE = re.compile(r"<([^<>]+?)(\.(?:Arn|QueueName|QueueUrl|Version|Alias))?>")
# What CloudFormation and AWS do without the property.
DEFAULTS = [
    ("AWS::CloudWatch::Alarm", "ReturnData", True), ("AWS::Lambda::Function", "ReservedConcurrentExecutions", -1),
    ("AWS::Lambda::EventInvokeConfig", "Qualifier", "$LATEST"), ("AWS::IAM::Role", "Path", "/"),
]
# An empty object asks for a value.
MEANINGFUL_EMPTY = {"GenerateSecretString"}
# A permission may name its function by the ARN.
SHORTENED = {("AWS::Lambda::Permission", "FunctionName")}
# The code is uploaded, and a version has nothing of its own.
OMITTED = {("AWS::Lambda::Function", "Code")}
VERSION = "AWS::Lambda::Version"


def by_function(title):
    return lambda properties, names: f"{title} of {names(properties['FunctionName']).strip('<>')}"


# The name of a resource by its kind. `names` gives the names in a text with references.
NAMES = {
    "AWS::Lambda::Function": lambda properties, names: f"function {properties['Handler']}",
    "AWS::Lambda::Alias": by_function("alias"),
    "AWS::Lambda::EventInvokeConfig": by_function("event configuration"),
    "AWS::Lambda::Permission": lambda properties, names: f"permission for {names(properties.get('SourceArn', '')).strip('<>')}",
    "AWS::CloudWatch::Alarm": lambda properties, names: f"alarm {properties['AlarmDescription'].split('What to do')[0].strip()}",
    "AWS::IoT::TopicRule": lambda properties, names: f"rule {properties['TopicRulePayload']['Sql']}",
    "AWS::IoT::ProvisioningTemplate": lambda properties, names: f"template {properties['TemplateName']}",
    "AWS::CodeDeploy::Application": lambda properties, names: "application",
    "AWS::CodeDeploy::DeploymentGroup": lambda properties, names: "deployment group",
}
# A role and a log are named after the one who uses them: the kind and the path of its reference.
USERS = {
    "AWS::IAM::Role": [
        ("AWS::Lambda::Function", ("Role",)), ("AWS::IoT::TopicRule", ("TopicRulePayload", "ErrorAction", "Sqs", "RoleArn")),
        ("AWS::IoT::ProvisioningTemplate", ("ProvisioningRoleArn",)), ("AWS::CodeDeploy::DeploymentGroup", ("ServiceRoleArn",)),
    ],
    "AWS::Logs::LogGroup": [("AWS::Lambda::Function", ("LoggingConfig", "LogGroup"))],
}
USER_TITLES = {"AWS::IoT::TopicRule": "the rules", "AWS::IoT::ProvisioningTemplate": "the templates"}


def reached(properties, path):
    for step in path:
        properties = properties.get(step, {})
    return properties


class Names:
    """The name of each resource, by its id."""

    def __init__(self, resources):
        self.resources, self.found = resources, {}
        for name in resources:
            self.of(name)
        kinds = {}
        for name, title in self.found.items():
            if (other := kinds.setdefault(title, name)) != name:
                raise AssertionError(f"{other} and {name} are both {title!r}")

    def of(self, name):
        if name not in self.resources:
            return name
        if name not in self.found:
            kind, properties = self.resources[name]
            if kind == VERSION:
                self.found[name] = f"{self.within(properties['FunctionName']).strip('<>')}.Version"
            elif kind in NAMES:
                self.found[name] = NAMES[kind](properties, self.within)
            else:
                self.found[name] = self.of_user(name, kind)
        return self.found[name]

    def of_user(self, name, kind):
        short = kind.rsplit("::", 1)[1]
        for user_kind, path in USERS.get(kind, []):
            for user, (other, properties) in self.resources.items():
                reference = REFERENCE.fullmatch(str(reached(properties, path))) if other == user_kind else None
                if reference and reference[1] == name:
                    return f"{short} of {USER_TITLES.get(user_kind) or self.of(user)}"
        return short

    def within(self, text):
        """A text with names in place of ids."""
        def named(match):
            kind = self.resources.get(match[1], ("",))[0]
            # The version's number is an attribute of the version for CloudFormation, of the function for Terraform.
            return f"<{self.of(match[1])}{'' if kind == VERSION else match[2] or ''}>"

        return REFERENCE.sub(named, text)


def scalar(value):
    """Texts of numbers and booleans as such, since CloudFormation passes all parameters as texts."""
    if isinstance(value, str):
        if value in ("true", "false"):
            return value == "true"
        if re.fullmatch(r"-?\d+(\.\d+)?", value) and len(value) < 12:
            value = float(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def as_list(value):
    return sorted(value) if isinstance(value, list) else [value]


def statement(found):
    """A statement whose actions and resources are lists, in order."""
    lists = {key: as_list(found[key]) for key in ("Action", "Resource") if key in found}
    return found | lists


def statements(policies):
    """The statements of a role's policies: how they are divided, and the policies' names, grant nothing."""
    for policy in policies:
        document = policy["PolicyDocument"]
        yield from (each | {"Version": document["Version"]} for each in document["Statement"])


# Lists whose order means nothing, by the member that holds them.
UNORDERED = {
    "Dimensions": lambda items: {item["Name"]: item["Value"] for item in items},
    "Metrics": lambda items: {item["Id"]: item for item in items},
    "Statement": lambda items: sorted(map(statement, items), key=json.dumps),
    "Policies": lambda items: sorted(statements(items), key=json.dumps),
    "ReplicaRegions": lambda items: sorted(items, key=json.dumps),
}
PARSED = ("DashboardBody", "TemplateBody")


class Canonical:
    """Properties in canonical form."""

    def __init__(self, kind, names):
        self.names, self.kind = names, kind
        self.omitted = {member for owner, member in OMITTED if owner == kind}
        self.defaults = {member: value for owner, member, value in DEFAULTS if owner == kind}

    def value(self, value, member=""):
        if member in PARSED:
            value = json.loads(value)
        if isinstance(value, dict):
            found = {key: self.value(each, key) for key, each in value.items() if key not in self.omitted}
            return {
                key: each for key, each in found.items()
                if (key in MEANINGFUL_EMPTY or each not in ({}, [], None)) and not (key in self.defaults and self.defaults[key] == each)}
        if isinstance(value, list):
            found = [self.value(each) for each in value]
            return UNORDERED[member](found) if member in UNORDERED else found
        if (self.kind, member) in SHORTENED:
            value = value.replace(".Arn>", ">")
        return scalar(self.names.within(value) if isinstance(value, str) else value)


def facts_of(resources):
    """The properties of each resource in canonical form, by the resource's name."""
    names = Names(resources)
    return {
        names.of(name): {"kind": kind, **Canonical(kind, names).value(properties)}
        for name, (kind, properties) in resources.items() if kind != VERSION}


def facts_of_cloudformation(resources):
    """The facts of a template's resources whose conditions and functions are evaluated, as `Stack` has them."""
    # How an alias moves, and whether a resource stays, are members next to the properties.
    more = {
        name: {"UpdatePolicy": resource.get("UpdatePolicy"), "IsKept": True if resource.get("DeletionPolicy", "Delete") != "Delete" else None}
        for name, resource in resources.items()}
    return facts_of({name: (resource["Type"], resource["Properties"] | more[name]) for name, resource in resources.items()})


def flattened(value, path=()):
    """Pairs of a path and a value that has no members."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from flattened(each, (*path, key))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for number, each in enumerate(value):
            yield from flattened(each, (*path, number))
    else:
        yield path, value


def differences(left, right):
    """Triples of a path, the value on the left, and the value on the right, where they are not equal. A resource that
    one side lacks is one difference."""
    for name in sorted(left.keys() | right.keys()):
        if name not in left or name not in right:
            yield (name,), left.get(name) and left[name]["kind"], right.get(name) and right[name]["kind"]
            continue
        here, there = dict(flattened(left[name])), dict(flattened(right[name]))
        for path in sorted(here.keys() | there.keys(), key=str):
            if here.get(path) != there.get(path):
                yield (name, *path), here.get(path), there.get(path)
