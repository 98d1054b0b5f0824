"""The inputs of the Terraform modules beside the parameters of the templates: defaults, limits, and the combinations
that are rejected. The modules' variables are planned alone, without a provider: all cases are one plan."""

import itertools
import json
import pathlib
import re
import shutil
import tempfile

from lib.checks import check, check_none
from lib.paths import ROOT, TEMPORARY
from stack import Rules, outside_limits, parameters
from terraform_side import MODULES, Terraform, hcl, module_block, snake_case, variables

# Inputs that the templates do not have: CloudFormation has a stack's name, the code is uploaded by SAM, and what a
# stack's end keeps is a resource's policy.
OWN_INPUTS = {"template.yaml": {"name", "package", "keep_logs"}, "provision/template.yaml": {"name", "package", "keep_logs", "keep_table"}}
PAGE, TITLES = "docs/deploy-terraform.md", {"template.yaml": "Authorizer", "provision/template.yaml": "Provisioning"}
# The files of a module's variables, in the order of the page.
INPUT_FILES = {
    "template.yaml": ["variables.tf", "variables_domain.tf", "variables_secrets.tf", "variables_operation.tf"],
    "provision/template.yaml": ["variables.tf", "variables_devices.tf", "variables_operation.tf"],
}
# Parameters that the modules do not have.
MISSING = {"template.yaml": {"Deployment"}, "provision/template.yaml": set()}
# The message of a limit starts so. Others are those of the templates' rules.
LIMIT = "invalid "
VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.M | re.S)
RULE = re.compile(r"This was checked by the validation rule at (\S+?):(\d+),")


def declared(folder):
    """The text of each variable of a module."""
    return {name: body for file in sorted(folder.glob("variables*.tf")) for name, body in VARIABLE.findall(file.read_text())}


def is_boolean(parameter):
    return set(map(str, parameter.get("AllowedValues", []))) in ({"on", "off"}, {"true", "false"})


def expected_lines(name, parameter):
    """The lines that a variable has for a parameter: its default, and its limits as the condition."""
    variable, default = f"var.{snake_case(name)}", parameter.get("Default", "")
    if is_boolean(parameter):
        return ["default = " + ("true" if default in ("on", "true") else "false")]
    lines = [f"default = {default if parameter['Type'] == 'Number' else hcl(default)}"]
    if "AllowedValues" in parameter:
        return [*lines, f"condition = contains({json.dumps(parameter['AllowedValues'])}, {variable})"]
    if parameter["Type"] == "Number":
        bounds = [("MinValue", ">="), ("MaxValue", "<=")]
        return [*lines, "condition = " + " && ".join(f"{variable} {sign} {parameter[key]}" for key, sign in bounds if key in parameter)]
    length = f" && length({variable}) <= {parameter['MaxLength']}" if "MaxLength" in parameter else ""
    return [*lines, f"condition = can(regex({hcl(parameter['AllowedPattern'])}, {variable})){length}"]


def input_errors(template, path):
    """Parameters and variables that do not correspond."""
    found = declared(MODULES[path])
    given = set(template["Parameters"]) - MISSING[path]
    for name in sorted(set(found) ^ ({snake_case(name) for name in given} | OWN_INPUTS[path])):
        yield f"{name} is only {'a variable' if name in found else 'a parameter'}"
    for name in sorted(given):
        lines = {re.sub(r" +", " ", line.strip()) for line in found.get(snake_case(name), "").splitlines()}
        yield from (f"{snake_case(name)} has no line {line}" for line in expected_lines(name, template["Parameters"][name]) if line not in lines)


def page_rows(path):
    """The rows of a module's table in the page, as its variables have them."""
    for file in INPUT_FILES[path]:
        for name, body in VARIABLE.findall((MODULES[path] / file).read_text()):
            kind, default = re.search(r"type\s+= (\w+)", body)[1], re.search(r"default\s+= (.*)", body)
            shown = "required" if not default else "empty" if default[1] == '""' else default[1] if kind == "number" else f"`{default[1].strip(chr(34))}`"
            yield f"| `{name}` | `{kind}` | {shown} |"


def page_errors(path):
    """The rows of the page's table that a module's variables lack, and the other way round."""
    text = (ROOT / PAGE).read_text().split(f"### {TITLES[path]}\n")[1].split("\n##")[0]
    rows, found = list(page_rows(path)), [line for line in text.splitlines() if line.startswith("| `")]
    yield from (f"is missing or elsewhere: {row}" for row, other in itertools.zip_longest(rows, found) if row != other)


def snake_case_words(text, template):
    """A text with the names of variables in place of those of parameters."""
    pattern = "|".join(sorted(template["Parameters"], key=len, reverse=True))
    return re.sub(rf"\b({pattern})\b", lambda match: snake_case(match[1]), text)


class Plan:
    """One plan of the variables of the modules alone, for many deployments."""

    def __init__(self, folder):
        self.folder, self.text, self.cases, self.lines = folder, "", [], []
        for path, module in MODULES.items():
            copy = folder / pathlib.Path(path).parent.name / "variables"
            copy.mkdir(parents=True)
            for file in module.glob("variables*.tf"):
                shutil.copy(file, copy)

    def add(self, template, path, given):
        # All variables have a value here: the place of a message is that of the value.
        values = {name: value for name, value in parameters(template, given).items() if name not in MISSING[path]}
        source = "./" + (pathlib.Path(path).parent / "variables").as_posix()
        block = module_block(f"case_{len(self.cases)}", source, {"package": "main.tf", **variables(template, values)})
        self.lines += [len(self.cases)] * block.count("\n")
        self.text += block
        self.cases.append((template, path, given))

    def run(self):
        """The messages of each deployment; and the places of the validations that rejected one."""
        (self.folder / "main.tf").write_text(self.text)
        terraform = Terraform(self.folder)
        if (init := terraform.init()).code:
            raise SystemExit(f"FAILED: terraform init: {init.output[-2000:]}")
        outcome = terraform.plan()
        messages, places = [[] for _ in self.cases], set()
        for diagnostic in outcome.of_type("diagnostic", "diagnostic"):
            case = self.lines[diagnostic["range"]["start"]["line"] - 1]
            detail = diagnostic["detail"]
            messages[case].append(detail.split("\n\nThis was checked")[0].replace("\n", " "))
            places |= set(RULE.findall(detail))
        return messages, places


def message_errors(template, given, messages):
    """What is wrong with a deployment's messages. Terraform evaluates no rule if a limit of any deployment is violated,
    as CloudFormation evaluates none for this one. It omits a message of a rule with a variable that another rule
    rejected."""
    outside = list(outside_limits(template, parameters(template, given)))
    violated = [] if outside else Rules(template, given).violations()
    wanted = sorted([*(f"{LIMIT}{snake_case(name)}" for name in outside), *(snake_case_words(each, template) for each in violated)])
    found = sorted(message.split("; expected")[0] for message in messages)
    if set(found) - set(wanted) or bool(found) != bool(wanted) or (outside and found != wanted):
        yield f"{given}: {found}, expected {wanted}"


def is_expressible(template, given):
    """Whether the variables can have the values: a boolean has no other ones, and some parameters are missing."""
    return not any(
        name == "Deployment" or (is_boolean(template["Parameters"][name]) and str(value) not in map(str, template["Parameters"][name]["AllowedValues"]))
        for name, value in given.items())


def all_validations():
    """The places of all validations that a parameter can fail: file and line."""
    for path, module in MODULES.items():
        for file in module.glob("variables*.tf"):
            text = file.read_text()
            for name, body in VARIABLE.findall(text):
                if name not in OWN_INPUTS[path]:
                    start = text.index(f'variable "{name}"')
                    for match in re.finditer(r"^  validation \{", body, re.M):
                        line = text.count("\n", 0, start) + 2 + body.count("\n", 0, match.start())
                        yield (pathlib.Path(path).parent / "variables" / file.name).as_posix(), str(line)


def check_limits(proofs):
    """`proofs` maps a template's path to the template and its cases."""
    for path, (template, _) in proofs.items():
        check_none(f"the inputs of the module are the parameters of {path}", input_errors(template, path))
        check_none(f"{PAGE} has the inputs of the module of {path}", page_errors(path))
    places = set()
    for title, deployments in deployments_of(proofs).items():
        with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
            plan = Plan(pathlib.Path(folder))
            for deployment in deployments:
                plan.add(*deployment)
            messages, found = plan.run()
        places |= found
        errors = [error for (template, _, given), each in zip(plan.cases, messages) for error in message_errors(template, given, each)]
        check_none(f"Terraform has the messages of CloudFormation for {len(deployments)} deployments {title}", errors)
    needed = set(all_validations())
    check_none("each validation rejects one of them", map(str, sorted(needed - places)))
    check("validations were found", len(needed) > 30 and places <= needed, str(places - needed))


def deployments_of(proofs):
    """The deployments outside limits, and those within them."""
    found = {"outside their limits": [], "within them, with and without contradictions": []}
    outside, within = found.values()
    for path, (template, cases) in proofs.items():
        outside += [(template, path, given) for given, _ in cases.OUTSIDE if is_expressible(template, given)]
        given = [*cases.GOOD.values(), *(given for given, _ in cases.CONTRADICTIONS)]
        within += [(template, path, each) for each in given if is_expressible(template, each)]
    return found
