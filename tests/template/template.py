"""Proves what template.yaml gives, as CloudFormation gets it, and that each proof can fail.

Needs SAM's translator: run it with the interpreter that `./test` installs aws-sam-cli for.
"""

import copy
import logging
import sys

import cases
import documents
import mutations
from samtranslator.model.exceptions import InvalidDocumentException
from checks import CHECKS
from stack import Questions, Stack, outside_limits, parameters, read

logging.disable(logging.CRITICAL)
passed, failed = 0, 0


def judge(name, faults):
    global passed, failed
    faults = list(faults)
    passed, failed = passed + (not faults), failed + bool(faults)
    for fault in faults:
        print(f"FAILED: {name}: {fault}")


def faults_of(check, stack):
    try:
        return list(check(stack))
    except AssertionError as error:
        return [str(error)]


def built(template, given):
    try:
        return Stack(template, given), []
    except InvalidDocumentException as error:
        return None, [error.message]


def versions(template):
    """What a version is made of makes a new one; what it is not made of, none."""
    def version(given):
        found, = Stack(template, given).of_type("AWS::Lambda::Version")
        return found

    first = version({})
    for given in cases.VERSIONED:
        if version(given) == first:
            yield f"{given} is not published"
    if version({"AlarmTopicArn": cases.TOPIC}) != first:
        yield "a topic makes a new version"


def refusals(template, given, part):
    said = list(Questions(template, given).refusals())
    if not any(part in one for one in said):
        yield f"{given}: refused as {said}, not as {part!r}"


def rules(template):
    """Every assertion of every rule is the only thing that refuses something."""
    for rule, content in template["Rules"].items():
        for number, assertion in enumerate(content["Assertions"]):
            broken = copy.deepcopy(template)
            del broken["Rules"][rule]["Assertions"][number]
            if not any(list(refusals(broken, given, part)) for given, part in cases.CONTRADICTIONS):
                yield f"nothing fails without {assertion['AssertDescription']!r}"


def caught(template, name, path, change):
    """Whether the check itself says so, in some good deployment; a check that stumbles has seen nothing."""
    broken = copy.deepcopy(template)
    mutations.apply(broken, path, change)
    if name == "versions":
        return bool(list(versions(broken)))
    check, = [check for check in CHECKS if check.__name__ == name]
    for given in cases.GOOD.values():
        stack, _ = built(broken, given)
        if stack and faults_of(check, stack):
            return True
    return False


def main():
    template = read()
    for name, given in cases.GOOD.items():
        judge(f"limits of {name}", outside_limits(template, parameters(template, given)))
        judge(f"rules of {name}", Questions(template, given).refusals())
        stack, faults = built(template, given)
        judge(f"translation of {name}", faults)
        for check in CHECKS if stack else []:
            judge(f"{check.__name__} of {name}", faults_of(check, stack))
    judge("versions", versions(template))
    for given, part in cases.CONTRADICTIONS:
        judge("limits of a contradiction", outside_limits(template, parameters(template, given)))
        judge("a contradiction", refusals(template, given, part))
    judge("each assertion", rules(template))
    for given, wanted in cases.OUTSIDE:
        found = list(outside_limits(template, parameters(template, given)))
        judge("a limit", [] if found == [wanted] else [f"{given}: {found}"])
    for name, path, change in mutations.MUTATIONS:
        judge("a broken template", [] if caught(template, name, path, change) else [f"{name} does not see {'/'.join(map(str, path))}"])
    judge("an unbroken template", [name for name in sorted({name for name, _, _ in mutations.MUTATIONS}) if caught(template, name, ("Description",), "the same")])
    unused = {check.__name__ for check in CHECKS} - {name for name, _, _ in mutations.MUTATIONS}
    judge("each check can fail", unused)
    for name, faults in documents.judged(template):
        judge(name, faults)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(bool(failed))


main()
