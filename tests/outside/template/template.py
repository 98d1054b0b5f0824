"""Checks template.yaml after SAM's translation, and that each check can fail.

Needs SAM's translator. Run by `./test template`, with the interpreter of target/sam-venv.
"""

import copy
import logging
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import cases
import documents
import mutations
from checks import CHECKS
from lib.checks import check_none, finish
from samtranslator.model.exceptions import InvalidDocumentException
from stack import Rules, Stack, outside_limits, parameters, read

logging.disable(logging.CRITICAL)


def errors_of(check, stack):
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
    """Errors: a parameter of the version publishes no new one, or another parameter does."""
    def version(given):
        found, = Stack(template, given).of_type("AWS::Lambda::Version")
        return found

    first = version({})
    for given in cases.VERSIONED:
        if version(given) == first:
            yield f"{given} is not published"
    if version({"AlarmTopicArn": cases.TOPIC}) != first:
        yield "a topic makes a new version"


def missing_refusal(template, given, part):
    found = list(Rules(template, given).violations())
    if not any(part in description for description in found):
        yield f"{given}: violates {found}, not {part!r}"


def redundant_rules(template):
    """The assertions without which nothing is accepted that should not be."""
    for rule, content in template["Rules"].items():
        for number, assertion in enumerate(content["Assertions"]):
            broken = copy.deepcopy(template)
            del broken["Rules"][rule]["Assertions"][number]
            if not any(list(missing_refusal(broken, given, part)) for given, part in cases.CONTRADICTIONS):
                yield f"no case fails without {assertion['AssertDescription']!r}"


def caught(template, name, path, change):
    """Whether the check finds the change in one of the valid deployments. An exception in the check does not count."""
    broken = copy.deepcopy(template)
    mutations.apply(broken, path, change)
    if name == "versions":
        return bool(list(versions(broken)))
    check, = [check for check in CHECKS if check.__name__ == name]
    for given in cases.GOOD.values():
        stack, _ = built(broken, given)
        if stack and errors_of(check, stack):
            return True
    return False


def main():
    template = read()
    for name, given in cases.GOOD.items():
        check_none(f"limits of {name}", outside_limits(template, parameters(template, given)))
        check_none(f"rules of {name}", Rules(template, given).violations())
        stack, errors = built(template, given)
        check_none(f"translation of {name}", errors)
        for check in CHECKS if stack else []:
            check_none(f"{check.__name__} of {name}", errors_of(check, stack))
    check_none("versions", versions(template))
    for given, part in cases.CONTRADICTIONS:
        check_none("limits of a contradiction", outside_limits(template, parameters(template, given)))
        check_none("a contradiction", missing_refusal(template, given, part))
    check_none("each assertion", redundant_rules(template))
    for given, wanted in cases.OUTSIDE:
        found = list(outside_limits(template, parameters(template, given)))
        check_none("a limit", [] if found == [wanted] else [f"{given}: {found}"])
    for name, path, change in mutations.MUTATIONS:
        check_none("a broken template", [] if caught(template, name, path, change) else [f"{name} does not find {'/'.join(map(str, path))}"])
    check_none("an unbroken template", [name for name in sorted({name for name, _, _ in mutations.MUTATIONS}) if caught(template, name, ("Description",), "the same")])
    unused = {check.__name__ for check in CHECKS} - {name for name, _, _ in mutations.MUTATIONS}
    check_none("each check can fail", unused)
    for name, errors in documents.checked(template):
        check_none(name, errors)
    finish()


main()
