"""Checks deploy/managed-instances.yaml as CloudFormation receives it, and that each check can fail.

Needs SAM's translator. Run by `./test template`, with the interpreter of target/sam-venv.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import documents
import managed_cases
import managed_mutations
from lib.checks import check_none, finish
from managed_checks import CHECKS, same_names
from runner import Proof
from stack import read


def main():
    template = read("deploy/managed-instances.yaml")
    Proof(template, managed_cases, CHECKS, managed_mutations.MUTATIONS, {"same_names": same_names}).run()
    for name, errors in documents.checked(template, documents.OF_MANAGED):
        check_none(name, errors)
    finish()


main()
