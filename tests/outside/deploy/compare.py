"""Compares what template.yaml and provision/template.yaml, the Terraform modules and the CDK constructs deploy for the
same parameters: resources, rights, alarms, defaults and limits. Differences that are meant are data: permitted.py.

Run by `./test deploy`, with the interpreter of target/sam-venv.
"""

import copy
import dataclasses
import functools
import logging
import pathlib
import re
import shutil
import sys
import tempfile
import types

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("", "template", "terraform")]
import broken
import cases
import cdk_side
import command
import mutation
import mutations
import permitted
import provision_cases
import provision_mutations
from facts import differences, facts_of, facts_of_cloudformation
from lib.checks import check, check_none, finish
from lib.pages import blocks
from lib.paths import ROOT, TEMPORARY
from limits import MISSING, check_limits
from runner import built
from stack import read
from terraform_side import MODULES, Deployment, applied, hcl, local, resources_of, slug, unknown_at_plan, variables

logging.disable(logging.CRITICAL)
PAGE, MARK = "docs/deploy-terraform.md", "run by tests/outside/deploy/compare.py"
# The label of the deployment whose ARNs are unknown at the plan.
UNKNOWN = "unknown"
# Mutations of what only CloudFormation has: deployments by CodeDeploy, SAM's versions, outputs, and the policies of
# replacement.
NOT_COMPARED = {"deployment", "versions", "outputs", "calls"}
# Properties that are no facts: the code is uploaded, names of inline policies grant nothing, and the rest is a default.
NO_FACTS = {"Code", "Tags", "PolicyName", "Qualifier"}


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A template with its deployments, its broken copies, and those of its Terraform module."""

    path: str
    template: dict
    cases: types.ModuleType
    mutations: list
    # Copies of its module, and changes of what that deploys.
    modules: list
    states: list

    def label(self, index):
        return f"{pathlib.Path(self.path).parent.name or 'authorizer'}_{index}"

    def facts(self, given, template=None):
        """The facts of the template, or of a changed copy; `None` if SAM rejects it."""
        stack, _ = built(template or self.template, given)
        return stack and facts_of_cloudformation(stack.resources)


SUBJECTS = [
    Subject("template.yaml", read(), cases, mutations.MUTATIONS, broken.AUTHORIZER_MODULES, broken.AUTHORIZER_STATES),
    Subject(
        "provision/template.yaml", read("provision/template.yaml"), provision_cases, provision_mutations.MUTATIONS,
        broken.PROVISION_MODULES, broken.PROVISION_STATES),
]


def deployments(subject, folder):
    """The deployments of a module, and of its broken copies with everything given. Labels count from 0."""
    def given_to(parameters):
        return variables(subject.template, {name: value for name, value in parameters.items() if name not in MISSING[subject.path]})

    found = [Deployment(subject.label(index), subject.path, given_to(given)) for index, given in enumerate(subject.cases.GOOD.values())]
    for index, (file, old, new) in enumerate(subject.modules, len(found)):
        module = folder / subject.label(index)
        shutil.copytree(MODULES[subject.path], module, ignore=shutil.ignore_patterns("examples", "provision"))
        text = (module / file).read_text()
        if old not in text:
            raise SystemExit(f"FAILED: {file} of {subject.path} has no {old!r}")
        (module / file).write_text(text.replace(old, new))
        found.append(Deployment(subject.label(index), subject.path, given_to(subject.cases.GOOD["everything"]), f"./{module.name}"))
    if subject is SUBJECTS[0]:
        found.append(unknown_at_plan(Deployment(UNKNOWN, subject.path, given_to(subject.cases.GOOD["everything"]))))
    return found


def page_deployments():
    """The modules of the page, with the folders and the package of the test."""
    block, = (block.text for block in blocks(PAGE, (ROOT / PAGE).read_text()) if block.marker == MARK)
    block = re.sub(r'(package\s+= )".*"', r'\1"package.zip"', block)
    for text, path, label in zip(re.split(r"\n(?=module)", block), MODULES, ("authorizer", "provision"), strict=True):
        source = str(MODULES[path].relative_to(ROOT))
        if f'module "{label}"' not in text or f'"./{source}"' not in text:
            raise SystemExit(f"FAILED: {PAGE} has no module {label} of {source}")
        yield Deployment(label, path, text=text.replace(f'"./{source}"', hcl(str(MODULES[path]))) + "\n")


def terraform_resources():
    """The resources of each deployment by Terraform, by its label."""
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as folder:
        folder = pathlib.Path(folder)
        all_of_them = [*page_deployments(), *(each for subject in SUBJECTS for each in deployments(subject, folder))]
        resources, seconds = applied(folder, all_of_them)
    print(f"   terraform test of {len(all_of_them)} deployments: {seconds:.1f} s", flush=True)
    return resources


def facts_and_unknown(subject, resources):
    """The facts of a deployment by Terraform, and the attributes that the comparison does not know."""
    found, unknown = resources_of(subject.path, resources)
    return facts_of(found), unknown


def differs_from(left, subject, resources):
    """Whether a deployment by Terraform differs from the facts of the template."""
    try:
        right, unknown = facts_and_unknown(subject, resources)
    except (AssertionError, ValueError):
        return True
    return bool(unknown or list(permitted.unmeant(differences(left, right), left, right, permitted.OF_TERRAFORM, set())))


def check_terraform(resources):
    """The facts of each deployment by Terraform, by the path of its template and its name."""
    used, found = set(), {}
    for subject in SUBJECTS:
        for index, (name, given) in enumerate(subject.cases.GOOD.items()):
            left, (right, unknown) = subject.facts(given), facts_and_unknown(subject, resources[subject.label(index)])
            found[subject.path, name] = right
            check_none(f"Terraform sets no other attributes: {subject.path}, {name}", unknown)
            errors = permitted.unmeant(differences(left, right), left, right, permitted.OF_TERRAFORM, used)
            check_none(f"Terraform deploys what {subject.path} deploys: {name} ({len(left)} resources)", errors)
    right, _ = facts_and_unknown(SUBJECTS[0], resources[UNKNOWN])
    check_none("ARNs that are unknown when Terraform plans make no difference", differences(found["template.yaml", "everything"], right))
    check("the modules of the page are applied", all(len(resources[label]) > 10 for label in ("authorizer", "provision")))
    check_none("each permitted difference of Terraform exists", [str(row) for row in permitted.OF_TERRAFORM if row not in used])
    return found


def check_broken_modules(resources):
    for subject in SUBJECTS:
        names = list(subject.cases.GOOD)
        left, deployed = everything(subject), resources[subject.label(names.index("everything"))]
        missed = [
            f"{file}: {old}" for index, (file, old, _) in enumerate(subject.modules, len(names))
            if not differs_from(left, subject, resources[subject.label(index)])]
        check_none(f"{len(subject.modules)} broken copies of the module of {subject.path} are found", missed)
        missed = [f"{address}: {path}" for address, path, change in subject.states if not differs_from(left, subject, changed(deployed, address, path, change))]
        check_none(f"{len(subject.states)} changes of what it deploys are found", missed)


def changed(resources, address, path, change):
    """A copy of a deployment's resources with one change."""
    copied = copy.deepcopy(resources)
    values, = (each["values"] for each in copied if slug(local(each)) == address)
    before = copy.deepcopy(values)
    mutation.apply(values, path, change)
    if values == before:
        raise SystemExit(f"FAILED: {address} {path} is so already")
    return copied


def check_broken_templates(others, rows):
    """Each broken copy of a template differs from the other side in one deployment. `others` maps a subject's path and
    the name of a deployment to facts."""
    for subject in SUBJECTS:
        # The order of creation is no fact.
        chosen = [(path, change) for name, path, change in subject.mutations if name not in NOT_COMPARED and path[-1] != "DependsOn"]
        missed = [path for path, change in chosen if not is_found(subject, path, change, others, rows)]
        check_none(f"{len(chosen)} broken copies of {subject.path} are found", ("/".join(map(str, path)) for path in missed))


def is_found(subject, path, change, others, rows):
    """Whether a broken copy of a template differs from the other side. An error of the translation does not count."""
    template = copy.deepcopy(subject.template)
    mutation.apply(template, path, change)
    # The one with everything finds most.
    for name, given in sorted(subject.cases.GOOD.items(), key=lambda item: item[0] != "everything"):
        try:
            left, right = subject.facts(given, template), others[subject.path, name]
        except AssertionError:
            return True
        if left and list(permitted.unmeant(differences(left, right), left, right, rows, set())):
            return True
    return False


def check_cdk():
    used = set()
    for subject in SUBJECTS:
        found = cdk_side.synthesised(subject.path, subject.template, subject.cases.GOOD)
        for name, given in subject.cases.GOOD.items():
            left, right = subject.facts(given), facts_of_cloudformation(found[name])
            errors = permitted.unmeant(differences(left, right), left, right, permitted.OF_CDK, used)
            check_none(f"CDK deploys what {subject.path} deploys: {name} ({len(left)} resources)", errors)
        copies = list(cdk_side.copies_without_one(found["everything"]))
        missed = [path for path, broken in copies if not NO_FACTS & set(path) and not is_caught(subject, broken)]
        check_none(f"{len(copies)} copies of the construct's template that lack a member are found: {subject.path}", map(str, missed))
    check_none("each permitted difference of CDK exists", [str(row) for row in permitted.OF_CDK if row not in used])


@functools.cache
def everything(subject):
    return subject.facts(subject.cases.GOOD["everything"])


def is_caught(subject, broken):
    """Whether a copy of a construct's resources with everything differs from the template."""
    left = everything(subject)
    try:
        right = facts_of_cloudformation(broken)
    except (AssertionError, KeyError, TypeError, ValueError):
        return True
    return bool(list(permitted.unmeant(differences(left, right), left, right, permitted.OF_CDK, set())))


def main():
    check_cdk()
    if why := command.missing():
        print(f"not run: {why}", flush=True)
        return finish()
    check_limits({subject.path: (subject.template, subject.cases) for subject in SUBJECTS})
    resources = terraform_resources()
    check_broken_modules(resources)
    others = check_terraform(resources)
    check_broken_templates(others, permitted.OF_TERRAFORM)
    finish()


main()
