"""Calls in order, sent to a port: conflicts, limits, states and lists. The tables are those of
`local/cloud/tests/calls.rs`.

Run by `./test devices`.
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import control_plane
from lib.checks import check, check_none, finish
from table import TESTS, difference


def main():
    table = {}
    for name in ("calls.json", "calls_provisioning.json"):
        table |= json.loads((TESTS / name).read_text())
    count = 0
    for group, calls in table.items():
        # Each group starts with an empty registry.
        with control_plane() as plane:
            errors = []
            for index, call in enumerate(calls):
                before = plane.state()
                if error := difference(call, plane.gateway.port):
                    errors.append(f"call {index}: {call['send']}: {error}")
                if call["expect"] != "200" and plane.state() != before:
                    errors.append(f"call {index}: {call['send']}: the registry changed")
            count += len(calls)
            check_none(f"calls: {group}", errors)
            other = {"send": "GET /endpoint", "expect": "200", "answer": {"endpointAddress": "example.com"}}
            check("another answer is found", difference(other, plane.gateway.port))
            check_none("no panic", re.findall(r".*panicked.*", plane.gateway.output()))
    check("250 calls and more were made", count >= 250, str(count))
    finish()


main()
