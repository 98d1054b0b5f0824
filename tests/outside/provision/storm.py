"""A thousand devices at once, against a control plane that throttles one call in three."""

import time

import registry
from host import at_once, sandboxes
from lib.checks import check

DEVICES = 1000
SANDBOXES = 12


def come_in(known, devices, environment):
    """Their events at once. `devices` are certificates that wait, by the names of their things."""
    start = time.monotonic()
    with sandboxes(SANDBOXES, "jitr", known.configuration(), environment) as (all, invoke):
        responses = at_once(invoke, [registry.event(id, known.authority.id) for id in devices.values()])
        seconds = time.monotonic() - start
        lines = [line for sandbox in all for line in sandbox.lines()]
    accepted = sum(response == {"status": "accepted", "certificateId": id} for response, id in zip(responses, devices.values()))
    check(f"{len(devices)} devices at once come in", accepted == len(devices), str([r for r in responses if not isinstance(r, dict)][:3]))
    calls, throttled = (sum(line[name] for line in lines) for name in ("calls", "throttled"))
    check("one call in three is throttled", 0.3 < throttled / calls < 0.36, f"{throttled} of {calls}")
    check("each device has one line", len(lines) == len(devices), str(len(lines)))
    print(f"{len(devices)} devices, {SANDBOXES} sandboxes, {calls} calls, {throttled} throttled, {seconds:.0f} s", flush=True)


def check_registered(iot, devices):
    """What is registered afterwards, by a gateway that does not throttle."""
    things = {}
    for page in iot.get_paginator("list_things").paginate(PaginationConfig={"PageSize": 250}):
        things |= {thing["thingName"]: thing["attributes"] for thing in page["things"]}
    expected = {name: {"country": registry.COUNTRY, "certificate_id": id} for name, id in devices.items()}
    check("each has its thing, and there are no others", things == expected, str(len(things)))
    certificates = {}
    for page in iot.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 250}):
        certificates |= {found["certificateId"]: found for found in page["certificates"]}
    arns = {certificates[id]["certificateArn"]: name for name, id in devices.items()}
    inactive = [name for name, id in devices.items() if certificates[id]["status"] != "ACTIVE"]
    check("each certificate is ACTIVE", not inactive, str(inactive[:3]))
    check("and there are no others", len(certificates) == len(devices), str(len(certificates)))
    wrong = [name for arn, name in arns.items() if iot.list_principal_things(principal=arn)["things"] != [name]]
    check("each is attached to its thing alone", not wrong, str(wrong[:3]))
    # By policy: by certificate would be a thousand calls.
    targets = {name: registry.targets(iot, name) for name in registry.POLICIES}
    check("and to the policy of devices alone", targets == {**dict.fromkeys(targets, set()), "device": set(arns)},
          str({name: len(found) for name, found in targets.items()}))
