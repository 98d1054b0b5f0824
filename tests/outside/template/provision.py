"""Checks provision/template.yaml after SAM's translation, and that each check can fail.

Needs SAM's translator. Run by `./test template`, with the interpreter of target/sam-venv.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import documents
import provision_cases
import provision_mutations
from lib.checks import check_none, finish
from provision_checks import CHECKS, calls
from runner import Proof
from stack import read


def main():
    template = read("provision/template.yaml")
    Proof(template, provision_cases, CHECKS, provision_mutations.MUTATIONS, {"calls": calls}).run()
    for name, errors in documents.checked(template, documents.OF_PROVISION):
        check_none(name, errors)
    finish()


main()
