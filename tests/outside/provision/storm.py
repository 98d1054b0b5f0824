"""A thousand devices at once, against a control plane that throttles one call in three."""

import time

import fleet
from host import at_once, sandboxes
from lib.checks import check

DEVICES = 1000
SANDBOXES = 12


def check_storm(iot, known, storm, environment):
    """First connects. `storm` are the certificates by the names of their devices."""
    start = time.monotonic()
    with sandboxes(SANDBOXES, "jitr", known.configuration(), environment) as (all, invoke):
        responses = at_once(invoke, [fleet.event(id, known.authority.id) for id in storm.values()])
        seconds = time.monotonic() - start
        lines = [line for sandbox in all for line in sandbox.lines()]
    accepted = sum(response == {"status": "accepted", "certificateId": id} for response, id in zip(responses, storm.values()))
    check(f"{len(storm)} devices at once come in", accepted == len(storm), str([r for r in responses if not isinstance(r, dict)][:3]))
    calls, throttled = (sum(line[name] for line in lines) for name in ("calls", "throttled"))
    check("one call in three is throttled", 0.3 < throttled / calls < 0.36, f"{throttled} of {calls}")
    check("each device has one line", len(lines) == len(storm), str(len(lines)))
    things = {}
    for page in iot.get_paginator("list_things").paginate(PaginationConfig={"PageSize": 250}):
        things |= {thing["thingName"]: thing["attributes"] for thing in page["things"]}
    expected = {name: {"country": fleet.COUNTRY, "certificate_id": id} for name, id in storm.items()}
    check("each has its thing", {name: things.get(name) for name in storm} == expected)
    certificates = fleet.all_certificates(iot)
    wrong = [name for name, id in storm.items() if certificates[id] != ("ACTIVE", ["device"], [name])]
    check("and its policy, and is ACTIVE, none twice", not wrong and len(certificates) == len(storm), str(wrong[:3]))
    print(f"{len(storm)} devices, {calls} calls, {throttled} throttled, {seconds:.0f} s", flush=True)
