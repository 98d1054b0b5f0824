"""The present version takes the folders of each earlier version without an edit: docs/releases.md says what is promised."""

import copy
import json
import shutil

import earlier
from lib.checks import check, check_none
from promised import promised

# Changes that break a promise: the place in what was recorded, and what stands there instead.
BROKEN = [
    (("folders", "oidc", "check", "findings"), [{"lint": "new"}]),
    (("folders", "oidc", "decisions", "user.json", "allowed"), False),
    (("folders", "oidc", "decisions", "user.json", "policyHash"), "0"),
    (("folders", "oidc", "package", "files"), ["bootstrap"]),
    (("folders", "complete", "package", "config"), "0"),
    (("registry", "list_things"), []),
    (("registry", "shadows", "lamp-1", "desired"), {}),
]


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def vanished(expected, found):
    """The promised names that are gone."""
    return [f"{kind}: {name}" for kind, names in expected.items() for name in names if name not in found.get(kind, [])]


def found_now(folder, names, functions, state):
    """What the present version does with the folders of an earlier one."""
    found = {"folders": {name: earlier.outcome(folder / name, functions) for name in names}}
    gateway, iot, data = earlier.calls(folder / state, functions[0])
    with gateway:
        found["registry"] = earlier.registry(iot, data)
        check("the gateway reports no error about the earlier state", "error" not in gateway.output().lower(), gateway.output()[-2000:])
    return found


def check_version(version, temporary, functions):
    expected = json.loads((earlier.PREVIOUS / version / earlier.EXPECTED).read_text())
    folder = temporary / f"from-{version}"
    shutil.copytree(earlier.PREVIOUS / version, folder)
    before = {name: files(folder / name) for name in expected["folders"]}
    check(f"{version}: no private key is recorded", not any(b"PRIVATE KEY" in content for each in before.values() for content in each.values()))
    found = found_now(folder, expected["folders"], functions, "complete")
    for name, outcome in expected["folders"].items():
        losses = earlier.lost(outcome, found["folders"][name])
        check_none(f"{version}: the folder `{name}` is taken as it is: same findings, decisions and package", losses, 10)
        own = {path: content for path, content in files(folder / name).items() if not path.startswith(".iot-local/")}
        same = own == {path: content for path, content in before[name].items() if not path.startswith(".iot-local/")}
        check(f"{version}: nothing was edited in `{name}`", same)
    check_none(f"{version}: the registry lists the same", earlier.lost(expected["registry"], found["registry"]), 10)
    check_none(f"{version}: no promised name is gone", vanished(expected["promised"], promised()), 10)
    check(f"{version}: names are promised of each kind", all(expected["promised"][kind] for kind in ("codes", "metrics", "log members of a decision")))
    check_broken(version, expected, found)


def check_broken(version, expected, found):
    """A change of what is found is noticed."""
    missed = []
    for path, value in BROKEN:
        broken = copy.deepcopy(found)
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        if not any(earlier.lost({name: expected[name] for name in found}, broken)):
            missed.append("/".join(path))
    check(f"{version}: each of {len(BROKEN)} broken promises is found", not missed, missed)
    kinds = expected["promised"]
    fewer = {kind: names[1:] for kind, names in kinds.items()}
    check(f"{version}: a promised name that is gone is found", len(vanished(kinds, fewer)) == sum(map(bool, kinds.values())))


def check_upgrades(temporary, functions):
    versions = sorted(path.name for path in earlier.PREVIOUS.iterdir() if path.is_dir())
    check("there are folders of an earlier version", versions)
    for version in versions:
        check_version(version, temporary, functions)
