"""Releases: the workflows, the files that they make, their use without Rust, and the upgrade from earlier versions.

Run by `./test release`. BOOTSTRAP and IOT_PROVISION name built functions, IOT_LOCAL a built `iot-local`.
"""

import os
import pathlib
import platform
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import bills
import making
import upgrade
import use
import workflow
from lib.checks import check, finish, skip
from lib.paths import TEMPORARY

# Steps that need GitHub, another machine, or half an hour: docs/releases.md lists them, too.
UNTRIED = [
    ("functions", "Install Rust, cargo-lambda and Zig"), ("functions", "Build cargo local"), ("programs", "Install Rust"),
    ("programs", "Build"), ("draft", "Create the draft"),
]


def check_untried(steps):
    """The steps that did not run are exactly the known ones."""
    # BOOTSTRAP stands in for that build.
    untried = [step for step in steps.untried() if step != ("functions", "Build the functions") or "BOOTSTRAP" not in os.environ]
    check("all other steps of release.yml ran here", untried == UNTRIED, untried)


def main():
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as temporary:
        temporary = pathlib.Path(temporary)
        steps = workflow.Steps()
        workflow.check_lint(temporary)
        if platform.machine() != "x86_64":
            skip("a release", "its programs are built for x86-64 here, and this machine is not")
            finish()
        making.check_tags(temporary, steps)
        release, built = making.make(temporary, steps)
        making.check_contents(release, built)
        making.check_sums(release, temporary)
        bills.check_bills(release, making.VERSION, temporary)
        use.check_use(temporary, release, built)
        upgrade.check_upgrades(temporary, [built / f"functions/{name}-x86_64/bootstrap" for name in making.FUNCTIONS])
        check_untried(steps)
    finish()


main()
