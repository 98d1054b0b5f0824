"""Checks template.yaml after SAM's translation, and that each check can fail.

Needs SAM's translator. Run by `./test template`, with the interpreter of target/sam-venv.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import cases
import documents
import mutations
from checks import CHECKS
from lib.checks import check_none, finish
from runner import Proof
from stack import Stack, read


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


def main():
    template = read()
    Proof(template, cases, CHECKS, mutations.MUTATIONS, {"versions": versions}).run()
    for name, errors in documents.checked(template):
        check_none(name, errors)
    finish()


main()
