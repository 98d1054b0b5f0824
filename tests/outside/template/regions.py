"""Checks deploy/regions.yaml as CloudFormation receives it, and that each check can fail.

Needs SAM's translator, which leaves this template as it is. Run by `./test template`, with the interpreter of
target/sam-venv.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import documents
import regions_cases
import regions_mutations
from lib.checks import check_none, finish
from regions_checks import CHECKS, domain
from runner import Proof
from stack import read


def main():
    template = read("deploy/regions.yaml")
    Proof(template, regions_cases, CHECKS, regions_mutations.MUTATIONS, {"domain": domain}).run()
    for name, errors in documents.checked(template, documents.OF_REGIONS):
        check_none(name, errors)
    finish()


main()
