"""Checks the constructs of deploy/cdk/: compiles them with jsii, synthesises them for the cases of the templates, and holds
the result to the templates' own checks, and to the templates member by member. Shows that each check can fail.

Needs SAM's translator. Run by `./test cdk`, with the interpreter of target/sam-venv.
"""

import copy
import dataclasses
import json
import logging
import pathlib
import subprocess
import tempfile
import types

import synth
import cases
import checks
import example
import interface
import mutation
import mutations
import provision_cases
import provision_checks
from lib.checks import check_none, finish
from lib.paths import SAM_VENV, TEMPORARY
from runner import errors_of
from stack import Stack, read
from synthesised import DIFFERENCES, SynthesisedStack, differences, unexpected

logging.disable(logging.CRITICAL)
# Properties that only JavaScript can pass, each with the beginning of its error.
UNTYPED = [
    ({"memorysize": 256}, "memorysize: unknown property"),
    ({"code": None}, "code: missing"),
    ({"memorySize": "256"}, "memorySize: invalid value"),
    ({"memorySize": 256.5}, "memorySize: invalid value"),
    ({"memorySize": True}, "memorySize: invalid value"),
    ({"docsUrl": 1}, "docsUrl: invalid value"),
]
# The first case with another package.
OTHER_PACKAGE = "another package"


@dataclasses.dataclass
class Construct:
    """A construct, with the cases, the checks and the broken copies of its template."""

    name: str
    # GOOD, CONTRADICTIONS, OUTSIDE.
    cases: types.ModuleType
    checks: list
    mutations: list
    # Parameters of which each publishes a version.
    versioned: list

    def __post_init__(self):
        self.template = read(synth.TEMPLATES[self.name])
        self.rejected = [*self.cases.CONTRADICTIONS, *self.cases.OUTSIDE, *UNTYPED]
        rejected = {f"rejected {number}": given for number, (given, _) in enumerate(self.rejected)}
        versions = {f"version {number}": given for number, given in enumerate(self.versioned)}
        other = {OTHER_PACKAGE: next(iter(self.cases.GOOD.values()))}
        self.results = synth.results({**self.cases.GOOD, **rejected, **versions, **other}, self.name, other_package=OTHER_PACKAGE)
        self.named = {name: synth.named(self.results[name]["template"]) for name in self.cases.GOOD if "template" in self.results[name]}

    def run(self):
        """Counts all checks."""
        check_none(f"limits and interface of {self.name}", interface.errors(self.name, self.template, *synth.limits(self.name)))
        self.deployments()
        self.flags()
        self.rejections()
        self.broken_copies()

    def stack(self, name, template=None):
        return SynthesisedStack(self.template, template or self.named[name], self.cases.GOOD[name])

    def deployments(self):
        seen = set()
        for name, given in self.cases.GOOD.items():
            check_none(f"synthesis of {name}", [self.results[name]["error"]] if "error" in self.results[name] else [])
            if name not in self.named:
                continue
            stack, deployed = self.stack(name), Stack(self.template, given)
            for check in self.checks:
                check_none(f"{check.__name__} of {name}", errors_of(check, stack))
            check_none(f"{name}: the same as {synth.TEMPLATES[self.name]}", unexpected(deployed, stack))
            seen |= {(kind, member) for kind, member, _ in differences(deployed, stack)}
        kinds = {resource["Type"] for template in self.named.values() for resource in template["Resources"].values()}
        check_none("each listed difference exists", {row for row in DIFFERENCES if row[0] in kinds} - seen)

    def flags(self):
        """The feature flags of an app change nothing but the versions' logical ids, and CDK's own validation finds nothing."""
        for name, result in synth.results(self.cases.GOOD, self.name, has_flags=True).items():
            same = "template" in result and synth.named(result["template"]) == self.named[name]
            check_none(f"{name} with CDK's recommended flags", [] if same else [result.get("error", "the template differs")])

    def rejections(self):
        for number, (given, part) in enumerate(self.rejected):
            is_rule = number < len(self.cases.CONTRADICTIONS)
            error = self.results[f"rejected {number}"].get("error", "")
            wanted = part if is_rule or ":" in part else f"  {synth.property_name(part)}: invalid value"
            found = wanted.lower() in error.lower() if is_rule else len(error.splitlines()) == 2 and wanted in error
            hidden = "PRIVATE" not in error and "MIIB" not in error
            check_none("a contradiction" if is_rule else "a limit", [] if found and hidden else [f"{given}: {error!r}, not {wanted!r}"])
        parameters, _ = synth.limits(self.name)
        check_none("each rule", self.redundant_rules([rule["error"] for rule in parameters["rules"]]))

    def redundant_rules(self, rules):
        """The rules without which every contradiction would still be found."""
        contradictions = list(enumerate(self.cases.CONTRADICTIONS))
        found = [(part, self.results[f"rejected {number}"].get("error", "").splitlines()[1:]) for number, (_, part) in contradictions]
        for rule in rules:
            if not any([line.strip() for line in lines if part.lower() in line.lower()] == [rule] for part, lines in found):
                yield f"no case fails without {rule!r}"

    def broken_copies(self):
        for check_name, name, path, change in self.mutations:
            check, = [check for check in self.checks if check.__name__ == check_name]
            broken = copy.deepcopy(self.named[name])
            mutation.apply(broken, path, change)
            is_caught = bool(errors_of(check, self.stack(name, broken)))
            check_none("a broken template", [] if is_caught else [f"{check_name} does not find {'/'.join(map(str, path))}"])
        check_none("each check can fail", {check.__name__ for check in self.checks} - {row[0] for row in self.mutations})
        check_none("each changed value is found", self.unnoticed("everything"))

    def unnoticed(self, name):
        """The values of a template that can change without a difference from the SAM template."""
        deployed = Stack(self.template, self.cases.GOOD[name])
        for logical_id, resource in self.named[name]["Resources"].items():
            for path in leaves(resource["Properties"]):
                broken = copy.deepcopy(self.named[name])
                mutation.apply(broken, ("Resources", logical_id, "Properties", *path), "changed")
                if (resource["Type"], path[0]) not in DIFFERENCES and not self.differs(deployed, name, broken):
                    yield f"{logical_id}/{'/'.join(map(str, path))}"

    def differs(self, deployed, name, broken):
        try:
            return bool(unexpected(deployed, self.stack(name, broken)))
        except KeyError:
            # A reference to no resource.
            return True


def leaves(node, path=()):
    """The paths of all scalars."""
    if isinstance(node, (dict, list)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, (*path, key))
    else:
        yield path


def versions(construct):
    """Errors: a parameter of the version publishes no new one, or another parameter does. The logical id decides."""
    def logical_id(name):
        resources = construct.results[name]["template"]["Resources"]
        found, = [logical_id for logical_id, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"]
        return found

    first = logical_id("nothing given")
    *published, (last, _) = [(f"version {number}", given) for number, given in enumerate(construct.versioned)]
    published.append((OTHER_PACKAGE, OTHER_PACKAGE))
    yield from (f"{given} is not published" for name, given in published if logical_id(name) == first)
    if logical_id(last) != first:
        yield "a topic makes a new version"


def upgrade(construct):
    """Errors: another package changes more than the function's code, the version, and what the alias refers to."""
    name = next(iter(construct.cases.GOOD))
    before, after = (construct.results[one]["template"]["Resources"] for one in (name, OTHER_PACKAGE))
    names = set(before) | set(after)
    # The metadata has the name of the stack.
    changed = sorted({(before.get(one) or after[one])["Type"] for one in names if members(before.get(one)) != members(after.get(one))})
    if changed != ["AWS::Lambda::Alias", "AWS::Lambda::Function", "AWS::Lambda::Version"]:
        yield f"another package changes {changed}"


def members(resource):
    return resource and {name: value for name, value in resource.items() if name != "Metadata"}


def lint(constructs):
    """The findings of cfn-lint in the templates as they are synthesised."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        files = []
        for construct in constructs:
            for number, name in enumerate(construct.named):
                files.append(pathlib.Path(folder) / f"{construct.name}-{number}.json")
                files[-1].write_text(json.dumps(construct.results[name]["template"]))
        done = subprocess.run([SAM_VENV / "bin/cfn-lint", "--format", "parseable", "--", *files], capture_output=True, text=True)
    return [line.removeprefix(folder) for line in (done.stdout + done.stderr).splitlines()]


def main():
    # The last case of the versions publishes none.
    authorizer = Construct("JwtAuthorizer", cases, checks.CHECKS, mutations.AUTHORIZER, [*cases.VERSIONED, {"AlarmTopicArn": cases.TOPIC}])
    provisioning = Construct("Provisioning", provision_cases, provision_checks.CHECKS, mutations.PROVISIONING, [])
    for construct in (authorizer, provisioning):
        construct.run()
    check_none("versions", versions(authorizer))
    check_none("an upgrade", upgrade(authorizer))
    check_none("cfn-lint", lint([authorizer, provisioning]))
    check_none("the example", example.errors())
    check_none("the tables of docs/deploy-cdk.md", interface.table_errors({name: synth.limits(name) for name in synth.TEMPLATES}))
    finish()


main()
