"""Calls in order: conflicts, limits, states and lists. The tables are those of `local/cloud/tests/calls.rs`. All are sent
to a port by plain HTTP, and then, to an empty registry again, by boto3, as far as it can make them.

Run by `./test devices`.
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from boto_calls import Caller, NotACall
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
    by_boto = sum(check_boto(group, calls) for group, calls in table.items())
    check("250 calls and more were made by boto3", by_boto >= 250, str(by_boto))
    print(f"{count} calls by HTTP, {by_boto} of them by boto3", flush=True)
    finish()


def check_boto(group, calls):
    """Makes the calls of a group by boto3, and by HTTP where boto3 cannot. Returns how many boto3 made."""
    made, errors = 0, []
    with control_plane() as plane:
        caller = Caller(plane)
        for index, call in enumerate(calls):
            try:
                error = caller.difference(call)
                made += 1
            except NotACall:
                error = difference(call, plane.gateway.port)
            if error:
                errors.append(f"call {index}: {call['send']}: {error}; expected {call['expect']}")
    check_none(f"calls by boto3: {group}", errors)
    return made


main()
