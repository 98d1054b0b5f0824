"""Malformed requests, sent to a port: each gets its error, and nothing changes. The table is that of
`local/cloud/tests/malformed.rs`.

Run by `./test devices`.
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from control_plane import control_plane
from lib.checks import check, check_none, finish
from table import TESTS, difference, send

def main():
    table = json.loads((TESTS / "malformed.json").read_text())
    with control_plane() as plane:
        port = plane.gateway.port
        made = [f"{step['send']}: {answer}" for step in table.pop("setup") if (answer := send(step, port))[0] != 200]
        check_none("the resources of the table are made", made)
        state = plane.state()
        count = 0
        for group, cases in table.items():
            errors = []
            for case in cases:
                # The HTTP server rejects these before they are requests of the API.
                if case.get("port") is False:
                    continue
                count += 1
                if error := difference(case, port):
                    errors.append(f"{case['title']}: {error}")
                if (now := plane.state()) != state:
                    errors.append(f"{case['title']}: the registry changed")
                    state = now
            check_none(f"malformed {group}", errors)
        check("200 malformed requests and more were sent", count >= 200, str(count))
        print(f"{count} malformed requests")
        panics = re.findall(r".*panicked.*", plane.gateway.output())
        check_none("no panic", panics)
    finish()


main()
