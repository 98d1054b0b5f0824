"""From nothing but the release: `init`, `check`, `package`, and both functions in AWS's Runtime Interface Emulator, on a
system without Rust."""

import json
import os
import shutil
import sys
import zipfile

import workflow
from bare_system import FOLDER, RELEASE, BareSystem
from lib.checks import check, skip
from lib.keys import new_key
from lib.paths import ROOT, SAM_VENV
from making import FUNCTIONS, STAND_IN, VERSION

sys.path.append(str(ROOT / "tests/outside/package"))
import emulator
import provision

# Names that `check` does not take for samples.
ISSUER, AUDIENCE = "https://login.lamps.test/", "iot.lamps.test"
KEY, OTHER_KEY = new_key("release"), new_key("release")
PROVISION = ("jitr", {}, {"status": "denied", "code": "malformed_event"})
# Releases that cannot be used: the file that changes, how, and the error.
NO_RELEASE = [
    (f"iot-jwt-authorizer-{VERSION}-x86_64.zip", lambda content: content[:-1] + bytes([content[-1] ^ 1]), "SHA-256"),
    ("SHA256SUMS", lambda content: content.replace(f"iot-jwt-authorizer-{VERSION}-x86_64".encode(), b"other"), "SHA256SUMS"),
    (f"iot-jwt-authorizer-{VERSION}-x86_64.zip", None, f"iot-jwt-authorizer-{VERSION}-x86_64.zip"),
    ("SHA256SUMS", None, "SHA256SUMS"),
]


def token(key, **claims):
    return emulator.token(key, **{"iss": ISSUER, "aud": AUDIENCE, "sub": "ana"} | claims)


def check_init(system):
    done = system.run("--version")
    check("`cargo-local --version` has the version", VERSION in done.stdout, done.stdout + done.stderr)
    done = system.run("local", "init", FOLDER, "--oidc", ISSUER, "--audience", AUDIENCE, "--release", RELEASE)
    written = done.returncode == 0 and all((system.path(FOLDER) / name).is_file() for name in ("authorizer.toml", "release.toml"))
    check("init writes a folder that names the release", written, done.stdout + done.stderr)
    done = system.run("check", "--json")
    report = json.loads(done.stdout or "{}")
    check("check finds no error and no warning in it", report.get("ok") and not report["findings"], done.stdout + done.stderr)
    errors, read = workflow.findings(system.path(FOLDER) / ".github/workflows")
    check("actionlint and zizmor find nothing in the workflow of the folder", read == 1 and not errors, errors)
    # The issuer's key set as `keys fetch --out` bundles it; this issuer has no address.
    config = system.path(FOLDER) / "authorizer.toml"
    text = config.read_text()
    edited = text.replace('["oidc"]', '["file:keys/users.jwks.json"]').replace('["RS256"]', '["ES256"]')
    check("the keys can be bundled", edited != text and edited.count("ES256") == 1)
    config.write_text(edited)
    (config.parent / "keys").mkdir()
    (config.parent / "keys/users.jwks.json").write_text(json.dumps({"keys": [KEY.jwk() | {"use": "sig"}]}))
    done = system.run("check")
    check("check accepts bundled keys", done.returncode == 0, done.stdout + done.stderr)


def unpack(system, path, folder):
    """Unpacks a package as Lambda does. Returns its files."""
    with zipfile.ZipFile(system.path(path)) as archive:
        archive.extractall(system.path(folder))
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    for name, mode in modes.items():
        (system.path(folder) / name).chmod(mode)
    return modes


def check_package(system, built):
    """Packages both programs by release.toml, and from the folder of the release."""
    done = system.run("package", "--arch", "x86_64", "--out", "/packages")
    check("package takes the authorizer of release.toml", done.returncode == 0, done.stdout + done.stderr)
    first = system.path(f"/packages/{FUNCTIONS[0]}-x86_64.zip").read_bytes()
    done = system.run("package", "--bootstrap", RELEASE, "--arch", "x86_64", "--out", "/packages")
    same = done.returncode == 0 and system.path(f"/packages/{FUNCTIONS[0]}-x86_64.zip").read_bytes() == first
    check("--bootstrap with the folder of the release results in the same bytes", same, done.stdout + done.stderr)
    done = system.run("package", "--provision", "--arch", "x86_64", "--out", "/packages")
    check("package takes the provisioning functions, too", done.returncode == 0, done.stdout + done.stderr)
    for name, folder in zip(FUNCTIONS, ("/authorizer", "/provision")):
        modes = unpack(system, f"/packages/{name}-x86_64.zip", folder)
        same = (system.path(folder) / "bootstrap").read_bytes() == (built / f"functions/{name}-x86_64/bootstrap").read_bytes()
        check(f"{name}: the zip has the program of the release", same and modes["bootstrap"] == 0o755, modes)
    arm64 = (built / f"functions/{FUNCTIONS[0]}-arm64/bootstrap").read_bytes()
    done = system.run("package", "--arch", "both", "--out", "/packages")
    if arm64 == STAND_IN:
        check("what stands in for arm64 is not packaged", done.returncode != 0 and "not a 64-bit Linux program" in done.stderr, done.stdout + done.stderr)
    else:
        check("--arch both takes both architectures", done.returncode == 0, done.stdout + done.stderr)


def check_no_release(system):
    """Changed, missing and unknown releases are errors, and nothing is packaged."""
    for number, (name, change, error) in enumerate(NO_RELEASE):
        folder = f"/broken-{number}"
        shutil.copytree(system.path(RELEASE), system.path(folder))
        path = system.path(folder) / name
        path.write_bytes(change(path.read_bytes())) if change else path.unlink()
        done = system.run("package", "--bootstrap", folder, "--arch", "x86_64", "--out", f"/none-{number}")
        fails = done.returncode != 0 and error in done.stderr and not system.path(f"/none-{number}").exists()
        check(f"a release with {name} {'changed' if change else 'missing'} is an error", fails, done.stdout + done.stderr)
    settings = system.path(FOLDER) / "release.toml"
    text = settings.read_text()
    settings.write_text(text.replace(f'"{VERSION}"', '"9.9.9"'))
    done = system.run("package", "--arch", "x86_64", "--out", "/none")
    fails = done.returncode != 0 and "9.9.9" in done.stderr and not system.path("/none").exists()
    check("a version that the release does not have is an error", fails, done.stdout + done.stderr)
    settings.write_text(text)


def start(system, folder, environment, handler=None):
    """Starts the emulator inside of the system."""
    return emulator.Emulator(
        "/bin/aws-lambda-rie", system.path(folder), environment=environment, handler=handler, enter=system.enter(folder))


def check_responses(system):
    valid = token(KEY)
    denied = {
        "no_token": emulator.event("a password"),
        "bad_signature": emulator.event(token(OTHER_KEY)),
        "expired": emulator.event(token(KEY, exp=1_700_000_000)),
        "unknown_issuer": emulator.event(token(KEY, iss="https://login.example.com/")),
        "wrong_audience": emulator.event(token(KEY, aud="iot.example.com")),
        "unsafe_claim_value": emulator.event(token(KEY, sub="#")),
        "client_id_not_allowed": emulator.event(valid, client_id="bob"),
    }
    expected = {
        ("iot:Connect", f"{emulator.PREFIX}client/ana"), ("iot:Publish", f"{emulator.PREFIX}topic/users/ana/*"),
        ("iot:Subscribe", f"{emulator.PREFIX}topicfilter/users/ana/*"), ("iot:Receive", f"{emulator.PREFIX}topic/users/ana/*"),
    }
    with start(system, "/authorizer", system.environment) as function:
        response, milliseconds = function.invoke(emulator.event(valid))
        allowed = response.get("isAuthenticated") is True and emulator.permissions(response) == expected
        check("the emulator: a valid token is allowed, with the permissions of its subject", allowed, response)
        print(f"time: {milliseconds:.1f} ms to the first response including the start", flush=True)
        for code, event in denied.items():
            response, _ = function.invoke(event)
            check(f"the emulator: {code} is denied", response == emulator.DENIED, response)
        check("the emulator: the log has each code", function.codes() == list(denied), function.codes())
        check("the emulator: the log has no token", not any(part in function.output() for part in valid.split(".")))
    handler, event, expected = PROVISION
    with start(system, "/provision", system.environment | provision.ENVIRONMENT, handler) as function:
        response, _ = function.invoke(event)
        check(f"the emulator: {handler} answers {expected}", response == expected, response)


def check_use(temporary, release, built):
    """All of it. A system of its own needs `chroot`."""
    if os.geteuid():
        return skip("a release on a system without Rust", "`chroot` needs root")
    rie = next(SAM_VENV.glob("lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"), None)
    system = BareSystem(temporary / "system", release, rie)
    system.check_bare()
    check_init(system)
    check_package(system, built)
    check_no_release(system)
    if not rie:
        return skip("the packages in the emulator", "SAM's command line is not installed")
    check_responses(system)
