"""Proofs about a template: its checks hold in each valid deployment, contradictions are rejected, and each check can
fail."""

import copy
import dataclasses
import logging
import types
from collections.abc import Callable

import mutation
from lib.checks import check_none
from samtranslator.model.exceptions import InvalidDocumentException
from stack import Rules, Stack, outside_limits, parameters

logging.disable(logging.CRITICAL)


@dataclasses.dataclass
class Proof:
    """A template with its cases, its checks of a stack, and its broken copies."""

    template: dict
    # GOOD, CONTRADICTIONS and OUTSIDE.
    cases: types.ModuleType
    checks: list[Callable]
    mutations: list
    # Checks of the whole template, by name.
    whole: dict[str, Callable] = dataclasses.field(default_factory=dict)

    def run(self):
        """Counts all checks."""
        self.deployments()
        self.rejections()
        self.broken_copies()

    def deployments(self):
        for name, given in self.cases.GOOD.items():
            check_none(f"limits of {name}", outside_limits(self.template, parameters(self.template, given)))
            check_none(f"rules of {name}", Rules(self.template, given).violations())
            stack, errors = built(self.template, given)
            check_none(f"translation of {name}", errors)
            for check in self.checks if stack else []:
                check_none(f"{check.__name__} of {name}", errors_of(check, stack))
        for name, check in self.whole.items():
            check_none(name, check(self.template))

    def rejections(self):
        for given, part in self.cases.CONTRADICTIONS:
            check_none("limits of a contradiction", outside_limits(self.template, parameters(self.template, given)))
            check_none("a contradiction", missing_refusal(self.template, given, part))
        check_none("each assertion", self.redundant_rules())
        for given, wanted in self.cases.OUTSIDE:
            found = list(outside_limits(self.template, parameters(self.template, given)))
            check_none("a limit", [] if found == [wanted] else [f"{given}: {found}"])

    def redundant_rules(self):
        """The assertions without which nothing is accepted that should not be."""
        for rule, content in self.template["Rules"].items():
            for number, assertion in enumerate(content["Assertions"]):
                broken = copy.deepcopy(self.template)
                del broken["Rules"][rule]["Assertions"][number]
                if not any(list(missing_refusal(broken, given, part)) for given, part in self.cases.CONTRADICTIONS):
                    yield f"no case fails without {assertion['AssertDescription']!r}"

    def broken_copies(self):
        for name, path, change in self.mutations:
            is_caught = self.caught(name, path, change)
            check_none("a broken template", [] if is_caught else [f"{name} does not find {'/'.join(map(str, path))}"])
        names = {name for name, _, _ in self.mutations}
        unbroken = [name for name in sorted(names) if self.caught(name, ("Description",), "the same")]
        check_none("an unbroken template", unbroken)
        check_none("each check can fail", {check.__name__ for check in self.checks} - names)

    def caught(self, name, path, change):
        """Whether the check finds the change in one of the valid deployments. An exception in it does not count."""
        broken = copy.deepcopy(self.template)
        mutation.apply(broken, path, change)
        if name in self.whole:
            return bool(list(self.whole[name](broken)))
        check, = [check for check in self.checks if check.__name__ == name]
        for given in self.cases.GOOD.values():
            stack, _ = built(broken, given)
            if stack and errors_of(check, stack):
                return True
        return False


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


def missing_refusal(template, given, part):
    found = list(Rules(template, given).violations())
    if not any(part in description for description in found):
        yield f"{given}: violates {found}, not {part!r}"
