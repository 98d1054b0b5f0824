"""What the Terraform modules make of parameters: `terraform test` applies them with a provider that calls nothing, whose
computed values are names of the resources.

All deployments are one run, as most of a run is the start of the provider.
"""

import json
import pathlib
import re
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("", "terraform")]
from command import Terraform
from conversion import CONVERSIONS, FORMS, PARTS, PROVIDER_DEFAULTS, snake_case
from lib.paths import ROOT

MODULES = {"template.yaml": ROOT / "deploy/terraform", "provision/template.yaml": ROOT / "deploy/terraform/provision"}
# Names and places that appear nowhere else, so that each is found in a text.
NAME, REGION, ACCOUNT, PARTITION, SUFFIX = "zq7xk", "zz-pseudo-1", "999988887777", "aws-pseudo", "pseudo.example"
PSEUDO = {
    REGION: "<AWS::Region>", ACCOUNT: "<AWS::AccountId>", f"arn:{PARTITION}:": "arn:<AWS::Partition>:", SUFFIX: "<AWS::URLSuffix>",
    f"/iot-jwt-authorizer/{NAME}/": "/iot-jwt-authorizer/<AWS::StackName>/"}
MOCK = "arn:aws:mock:::"
# The resources that others refer to: of each module, addresses.
HANDLERS = ("jitr", "claim", "hook")
REFERRED = {
    "template.yaml": [
        "aws_iam_role.authorizer", "aws_lambda_function.authorizer", "aws_lambda_alias.live", "aws_cloudwatch_log_group.authorizer",
        "aws_iot_authorizer.authorizer", "aws_secretsmanager_secret.keys[0]",
        *(f'aws_cloudwatch_metric_alarm.metric["{name}"]' for name in ("errors", "keys-unavailable", "duration", "throttles", "stale-keys", "stale-revocation")),
        *(f'aws_cloudwatch_metric_alarm.percent["{name}"]' for name in ("refusals", "key-refreshes", "revocation-refreshes"))],
    "provision/template.yaml": [
        *(f'{kind}["{handler}"]' for kind in ("aws_iam_role.function", "aws_lambda_function.this", "aws_cloudwatch_log_group.function") for handler in HANDLERS),
        *(f'aws_iot_topic_rule.this["{name}"]' for name in ("jitr", "second_jitr", "claim")),
        "aws_iam_role.rule[0]", "aws_iam_role.provisioning[0]", "aws_sqs_queue.failed_events[0]"],
}
# The attributes besides `arn` by which others refer to a resource.
ATTRIBUTES = {"aws_iam_role": "name", "aws_cloudwatch_log_group": "name", "aws_sqs_queue": "url", "aws_lambda_function": "version"}
# Attributes to which the mocked provider gives a value if they are not set.
OPTIONAL_COMPUTED = {"evaluate_low_sample_count_percentiles"}
# CloudFormation's Ref of these is the ARN.
REF_IS_ARN = ("aws_lambda_alias", "aws_secretsmanager_secret")
PROVIDERS = """terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}
"""


def slug(address):
    """An address without brackets: `aws_iam_role.function["jitr"]` is `aws_iam_role.function.jitr`."""
    return re.sub(r'\[(\d+|"[^"]*")\]', lambda match: "" if match[1].isdigit() else "." + match[1].strip('"'), address)


def hcl(value):
    """A value in Terraform's syntax."""
    return value if isinstance(value, Expression) else json.dumps(value).replace("${", "$${").replace("%{", "%%{")


def variables(template, given):
    """The variables of parameters. A parameter with two values that are a boolean is one."""
    booleans = {"on": True, "off": False, "true": True, "false": False}
    found = {}
    for name, value in given.items():
        allowed = set(map(str, template["Parameters"][name].get("AllowedValues", [])))
        is_boolean = allowed in ({"on", "off"}, {"true", "false"})
        found[snake_case(name)] = booleans.get(value, value) if is_boolean else value
    return found


def module_block(label, source, given):
    lines = [f"  {name} = {hcl(value)}\n" for name, value in given.items()]
    return f'module "{label}" {{\n  source = {hcl(str(source))}\n{"".join(lines)}}}\n'


def override(label, address):
    kind, name = address.split(".")[0], slug(address)
    values = {"arn": MOCK + name}
    if attribute := ATTRIBUTES.get(kind):
        values[attribute] = f"{name}.Version" if attribute == "version" else name
    return f"  override_resource {{\n    target = module.{label}.{address}\n    values = {hcl(values)}\n  }}\n"


def mock_data(kind, **values):
    return f'  mock_data "{kind}" {{\n    defaults = {hcl(values)}\n  }}\n'


class Deployment:
    """One deployment: the label of its module, its template, its variables, and the text of its module block."""

    def __init__(self, label, template, given=(), folder=None, text=None):
        self.label, self.template = label, template
        self.variables = {"name": NAME, "package": "package.zip", **dict(given)}
        self.text = text or module_block(label, folder or MODULES[template], self.variables)


class Expression(str):
    """A value that Terraform evaluates."""


def unknown_at_plan(deployment):
    """The deployment with ARNs of another resource, which are known only after the apply."""
    arns = {name: value for name, value in deployment.variables.items() if name.endswith("_arn")}
    text = f'resource "terraform_data" "arns" {{\n  input = {hcl(arns)}\n}}\n'
    given = deployment.variables | {name: Expression(f"terraform_data.arns.output.{name}") for name in arns}
    return Deployment(deployment.label, deployment.template, text=text + module_block(deployment.label, MODULES[deployment.template], given))


def applied(folder, deployments):
    """The resources of each deployment after an apply, by its label: pairs of address and resource."""
    (folder / "package.zip").write_bytes(b"a package")
    (folder / "main.tf").write_text(PROVIDERS + "".join(each.text for each in deployments))
    data = mock_data("aws_region", id=REGION) + mock_data("aws_caller_identity", account_id=ACCOUNT)
    data += mock_data("aws_partition", partition=PARTITION, dns_suffix=SUFFIX)
    overrides = "".join(override(each.label, address) for each in deployments for address in REFERRED[each.template])
    (folder / "facts.tftest.hcl").write_text(f'mock_provider "aws" {{\n{data}{overrides}}}\n\nrun "apply" {{\n}}\n')
    terraform = Terraform(folder)
    if (init := terraform.init()).code:
        raise SystemExit(f"FAILED: terraform init: {init.output[-2000:]}")
    outcome = terraform.run("test", "-json", "-verbose")
    states = outcome.of_type("test_state", "test_state")
    if outcome.code or not states:
        raise SystemExit(f"FAILED: terraform test: {outcome.errors or outcome.output[-2000:]}")
    found = {module["address"].removeprefix("module."): module["resources"] for module in states[0]["root_module"]["child_modules"]}
    return {each.label: found[each.label] for each in deployments}, outcome.seconds


class References:
    """Texts with references in place of the names and ARNs of resources."""

    def __init__(self, template, resources):
        functions = {each["values"]["function_name"]: slug(local(each)) for each in resources if each["type"] == "aws_lambda_function"}
        replaced = {address: f"<{slug(address)}>" for address in map(slug, REFERRED[template])}
        for address in map(slug, REFERRED[template]):
            replaced[MOCK + address] = f"<{address}>" if address.startswith(REF_IS_ARN) else f"<{address}.Arn>"
            if address.startswith("aws_cloudwatch_log_group"):
                # CloudFormation's ARN of a log group is that of its streams.
                replaced[MOCK + address] = f"<{address}.ArnOfGroup>"
                replaced[f"{MOCK}{address}:*"] = f"<{address}.Arn>"
            replaced[f"{address}.Version"] = f"<{address}.Version>"
        for each in resources:
            if each["type"] == "aws_sqs_queue":
                replaced[each["values"]["name"]] = f"<{slug(local(each))}.QueueName>"
        replaced |= {name: f"<{address}>" for name, address in functions.items()} | PSEUDO
        self.replaced = replaced
        # A text may have some references already.
        self.pattern = re.compile("(?<!<)(?:" + "|".join(map(re.escape, sorted(replaced, key=len, reverse=True))) + ")")

    def within(self, value):
        if isinstance(value, str):
            return self.pattern.sub(lambda match: self.replaced[match[0]], value)
        if isinstance(value, list):
            return [self.within(each) for each in value]
        return {key: self.within(each) for key, each in value.items()} if isinstance(value, dict) else value


def local(resource):
    """An address inside its module."""
    return resource["address"].split(".", 2)[2]


def is_unset(value):
    """Whether a value is empty, or one that the mocked provider makes for an attribute that is not set."""
    return value in (None, "", 0, False, [], {}) or (isinstance(value, str) and re.fullmatch(r"[a-z0-9]{8}", value)) or (
        isinstance(value, dict) and all(map(is_unset, value.values()))) or (isinstance(value, list) and all(map(is_unset, value)))


def is_set(attribute, value):
    """Whether an attribute without a property has another value than the provider's own."""
    default = PROVIDER_DEFAULTS.get(attribute)
    return value != default and (not is_unset(value) or (value is False and default is True))


def properties(kind, values, unknown):
    """The properties of a resource's attributes. An attribute that is set and has no property is appended to `unknown`."""
    found = {}
    table = CONVERSIONS[kind][1]
    for attribute, value in values.items():
        if attribute in table:
            *parents, last = table[attribute].split(".")
            if value in (None, []) or (attribute in OPTIONAL_COMPUTED and is_unset(value)):
                continue
            value = FORMS.get(table[attribute], lambda value: value)(value)
            node = found
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = value
        elif attribute not in ("arn", "id") and is_set(attribute, value):
            unknown.append(f"{kind}.{attribute} = {value!r}")
    found.pop("-", None)
    return found


def resources_of(template, resources):
    """A deployment's resources in CloudFormation's form, by address; and the attributes that have no such form."""
    references, unknown, found, parts = References(template, resources), [], {}, []
    for resource in resources:
        kind, values = resource["type"], resource["values"]
        if resource["mode"] != "managed":
            continue
        if kind in PARTS:
            parts.append((kind, references.within(values)))
            continue
        converted = properties(kind, values, unknown)
        own = named(kind, converted, resources)
        found[slug(local(resource))] = CONVERSIONS[kind][0], references.within(own)
    for kind, values in parts:
        add_part(found, kind, values)
    return found, unknown


def named(kind, found, resources):
    """Properties whose names are references: those of an authorizer by a domain, and of an alias by a permission."""
    if kind == "aws_iot_domain_configuration":
        authorizer, = (each for each in resources if each["type"] == "aws_iot_authorizer")
        if found["AuthorizerConfig"]["DefaultAuthorizerName"] == authorizer["values"]["name"]:
            found["AuthorizerConfig"]["DefaultAuthorizerName"] = f"<{slug(local(authorizer))}>"
    if kind == "aws_lambda_permission" and found.get("Qualifier"):
        for alias in (each for each in resources if each["type"] == "aws_lambda_alias"):
            same = [alias["values"][key] for key in ("function_name", "name")] == [found["FunctionName"], found["Qualifier"]]
            if same:
                found["FunctionName"] = f"<{slug(local(alias))}>"
                del found["Qualifier"]
                break
    return found


def add_part(found, kind, values):
    """Adds what is a resource of Terraform to the resource of CloudFormation that it is a part of."""
    if kind == "aws_lambda_provisioned_concurrency_config":
        _, alias = found["aws_lambda_alias.live"]
        if (values["function_name"], values["qualifier"]) == (alias["FunctionName"], alias["Name"]):
            alias["ProvisionedConcurrencyConfig"] = {"ProvisionedConcurrentExecutions": values["provisioned_concurrent_executions"]}
        return
    _, role = found[values["role"].strip("<>")]
    if kind == "aws_iam_role_policy":
        role.setdefault("Policies", []).append({"PolicyDocument": json.loads(values["policy"])})
    else:
        role.setdefault("ManagedPolicyArns", []).append(values["policy_arn"])
