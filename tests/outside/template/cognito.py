"""Checks deploy/cognito.yaml after SAM's translation, and that each check can fail.

Needs SAM's translator. Run by `./test template`, with the interpreter of target/sam-venv.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import cognito_cases
import cognito_mutations
import documents
from cognito_checks import CHECKS, package
from lib.checks import check_none, finish
from runner import Proof
from stack import read


def main():
    template = read("deploy/cognito.yaml")
    Proof(template, cognito_cases, CHECKS, cognito_mutations.MUTATIONS, {"package": package}).run()
    for name, errors in documents.checked(template, documents.OF_COGNITO):
        check_none(name, errors)
    finish()


main()
