"""Real clients with credentials of the identity pool, unchanged but for the endpoint: each connects with its own client
id, receives its own message, and is closed for another topic; another client id and a wrong secret are denied.

Run by `./test cognito`. `signed.py --table` prints the table of docs/clients.md, which is compared with that file in
every run.
"""

import json
import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "devices"))
from control_plane import control_plane
from lib.checks import check, finish, skip
from lib.paths import ROOT
from login import POLICY, POOL, person
from signed_data import CLIENTS, NOTES, TRANSPORTS

OUTSIDE = pathlib.Path(__file__).resolve().parents[1]
CLIENT_TIMEOUT = 80
KINDS = {"": "connects and is held to its topics", "client": "another client id", "secret": "a wrong secret"}


def table():
    """The table of docs/clients.md."""
    lines = ["| client | " + " | ".join(TRANSPORTS.values()) + " |", "| --- " * (len(TRANSPORTS) + 1) + "|"]
    for client in CLIENTS:
        cells = [cell_text(client["cells"][transport]) if transport in client["cells"] else "" for transport in TRANSPORTS]
        lines.append(f"| {client['name']} | " + " | ".join(cells) + " |")
    notes = [f"{number}. {text}" for number, text in NOTES.items()]
    return "\n".join([*lines, "", *notes, ""])


def cell_text(note):
    return f"yes ({note})" if note else "yes"


def cells_of(client, identity, keys, logins):
    for transport in client["cells"]:
        for kind in KINDS:
            # HTTP has no client id.
            if transport == "http" and kind == "client":
                continue
            name = f"{client['short']}-{transport}{kind and '-'}{kind}"
            topic = f"{client['short']}-{transport}"
            yield {
                "name": name, "client": client["short"], "transport": transport, "denied": kind or None, "pool": POOL, "logins": logins,
                "id": "us-east-1:other" if kind == "client" else f"{identity}-{name}",
                "own": f"apps/{identity}/{topic}", "other": f"apps/other/{topic}",
                "keys": keys | ({"secret": keys["secret"][::-1]} if kind == "secret" else {}),
                "title": f"{client['name']}, {TRANSPORTS[transport]}: {KINDS[kind]}",
            }


def play(plane, program, cells):
    """Runs a program for all its cells. Returns an error or `None` for each."""
    gateway = plane.gateway
    address = {"port": gateway.port, "tls_port": gateway.tls_port, "authority": gateway.authority}
    interpreter = {".py": sys.executable, ".mjs": "node"}[pathlib.Path(program).suffix]
    environment = os.environ | {"NODE_EXTRA_CA_CERTS": gateway.authority}
    try:
        done = subprocess.run(
            [interpreter, str(OUTSIDE / program)], input=json.dumps({"gateway": address, "cells": cells}), env=environment,
            capture_output=True, text=True, timeout=CLIENT_TIMEOUT)
        output, missing = done.stdout, f"not reported; exit {done.returncode}\n{done.stdout}{done.stderr}"
    except subprocess.TimeoutExpired as late:
        output, missing = (late.stdout or b"").decode(), f"not reported within {CLIENT_TIMEOUT} seconds\n{late.stderr}"
    reports = (json.loads(line) for line in output.splitlines() if line.startswith('{"id"'))
    errors = {report["id"]: report["error"] for report in reports}
    return [errors.get(cell["name"], missing) for cell in cells]


def main():
    if sys.argv[1:] == ["--table"]:
        return print(table(), end="")
    current = table() in (ROOT / "docs/clients.md").read_text()
    check("docs/clients.md has this table", current, "replace it by the output of signed.py --table")
    with control_plane() as plane:
        identity, keys, logins = person(plane, "alice")
        iot = plane.client("iot")
        iot.create_policy(policyName="all", policyDocument=json.dumps(POLICY))
        iot.attach_policy(policyName="all", target=identity)
        programs = {}
        for client in CLIENTS:
            programs.setdefault(client["program"], []).extend(cells_of(client, identity, keys, logins))
        with ThreadPoolExecutor(len(programs)) as pool:
            played = pool.map(lambda item: (item[1], play(plane, *item)), programs.items())
            for cells, errors in played:
                for cell, error in zip(cells, errors):
                    check(cell["title"], not error, error)
        signed_wrongly = [cell for cells in programs.values() for cell in cells if cell["denied"] == "secret"]
        entries = plane.gateway.output().count("DENIED: wrong signature")
        check("the event log has a wrong signature for each wrong secret", entries >= len(signed_wrongly), f"{entries}")
        check("the event log has an old address", "DENIED: X-Amz-Date is 20200101T" in plane.gateway.output())
    finish()


if __name__ == "__main__":
    main()
