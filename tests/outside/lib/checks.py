"""Checks: each prints one line and is counted; `finish` prints the counts, which `./test` reads, and ends the
program."""

import sys

counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(title, passed, detail=""):
    """Counts one check. `detail` explains a failure."""
    counts["passed" if passed else "failed"] += 1
    print(f"ok: {title}" if passed else f"FAILED: {title}: {detail}", flush=True)


def check_none(title, errors, limit=None):
    """Counts one check that passes without errors. Prints the first `limit` of them, or all."""
    errors = list(errors)
    counts["failed" if errors else "passed"] += 1
    print(f"{'FAILED' if errors else 'ok'}: {title}", *(f"    {error}" for error in errors[:limit]), sep="\n", flush=True)


def skip(title, why):
    """Counts one check that this machine cannot make."""
    counts["skipped"] += 1
    print(f"skipped: {title} ({why})", flush=True)


def finish():
    """Prints the counts and exits: 1 if a check failed."""
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped", flush=True)
    sys.exit(bool(counts["failed"]))
