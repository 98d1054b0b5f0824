"""`cargo local package`: the contents of the packages, of the authorizer and of the provisioning functions, and their
responses in AWS's Runtime Interface Emulator.

For x86-64, and for arm64 under QEMU. Run by `./test package`. Prints the sizes, and the times to the first response.
What a machine does not have is skipped.
"""

import base64
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import emulator
import provision
from lib.checks import check, finish, skip
from lib.keys import new_key
from lib.paths import CARGO, PACKAGE_VENV, ROOT, SAM_VENV, TEMPORARY

TRIPLES = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
SHIPPED = ["authorizer.toml", "bootstrap", "keys/users.jwks.json", *(f"policies/{name}.json" for name in ("app-user", "device-owner", "tenant-operator"))]
STARTS = {"x86_64": 11, "arm64": 3}
KEY, OTHER_KEY = new_key("package"), new_key("package")


def deployment(folder):
    """Writes the shipped example with a key of this run."""
    folder.mkdir()
    shutil.copy(ROOT / "authorizer.toml", folder)
    shutil.copytree(ROOT / "policies", folder / "policies")
    (folder / "keys").mkdir()
    (folder / "keys/users.jwks.json").write_text(json.dumps({"keys": [KEY.jwk() | {"use": "sig"}]}))
    return folder / "authorizer.toml"


def package(architecture, config, out, options, environment):
    """Packages. Returns the zip's path and the output."""
    command = [CARGO, "local", "package", "--arch", architecture, "--config", config, "--out", out, *options]
    packaged = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    if packaged.returncode:
        raise SystemExit(f"FAILED: cargo local package for {architecture} exits {packaged.returncode}: {packaged.stdout}")
    return out / f"iot-jwt-authorizer-{architecture}.zip", packaged.stdout


def check_contents(architecture, config, path, output):
    with zipfile.ZipFile(path) as zipped:
        entries = zipped.infolist()
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in entries}
        files = {entry.filename: zipped.read(entry) for entry in entries}
    check(f"{architecture}: the zip contains the files that the function reads, sorted, and nothing else", list(modes) == SHIPPED, list(modes))
    expected = {name: 0o755 if name == "bootstrap" else 0o644 for name in SHIPPED}
    check(f"{architecture}: all files are readable, and one is executable", modes == expected, modes)
    same = all(files[name] == (config.parent / name).read_bytes() for name in SHIPPED if name != "bootstrap")
    check(f"{architecture}: the files are those of the deployment", same)
    code = base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
    check(f"{architecture}: CodeSha256 is the zip's", f"CodeSha256  {code}\n" in output, output)
    folders = [ROOT, pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo")), pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT))]
    found = [str(folder) for folder in folders if str(folder).encode() in files["bootstrap"]]
    check(f"{architecture}: the function contains no path of the machine that built it", not found, found)
    needs = re.search(r"bootstrap  \((.*)\)", output)[1]
    print(f"size: {architecture}: {path.stat().st_size:,} bytes of zip, {len(files['bootstrap']):,} of bootstrap ({needs})", flush=True)


def unpack(path, folder):
    with zipfile.ZipFile(path) as zipped:
        zipped.extractall(folder)
    (folder / "bootstrap").chmod(0o755)
    return folder


def check_responses(architecture, start):
    """Compares one allowed and several denied responses completely. Then prints the times of new starts."""
    valid = emulator.token(KEY)
    denied = {
        "no_token": emulator.event("a password"),
        "bad_signature": emulator.event(emulator.token(OTHER_KEY)),
        "expired": emulator.event(emulator.token(KEY, exp=1_700_000_000)),
        "wrong_audience": emulator.event(emulator.token(KEY, aud="another")),
        "unsafe_claim_value": emulator.event(emulator.token(KEY, tenant="*")),
        "client_id_not_allowed": emulator.event(valid, client_id="bob"),
    }
    with start() as function:
        response, _ = function.invoke(emulator.event(valid))
        members, permissions = emulator.expected_response()
        found = emulator.permissions(response)
        check(f"{architecture}: a valid token is allowed", members.items() <= response.items(), response)
        check(f"{architecture}: with these permissions", found == permissions, sorted(found ^ permissions))
        for code, event in denied.items():
            response, _ = function.invoke(event)
            check(f"{architecture}: {code} is denied", response == emulator.DENIED, response)
        check(f"{architecture}: the log has each code", function.codes() == list(denied), function.codes())
        log = function.output()
        check(f"{architecture}: the log has no token", not any(part in log for part in valid.split(".")))
    times = []
    for _ in range(STARTS[architecture]):
        with start() as function:
            times.append([function.invoke(emulator.event(valid))[1] for _ in range(2)])
    first, second = (statistics.median(each) for each in zip(*times))
    print(f"time: {architecture}: {first:.1f} ms to the first response including the start, {second:.1f} ms to the second; medians of {len(times)} starts", flush=True)


def check_architecture(architecture, temporary, config, options, wrapper=(), environment=None):
    path, output = package(architecture, config, temporary / "first", options, environment)
    again, _ = package(architecture, config, temporary / "again", options, environment)
    check(f"{architecture}: packaging is reproducible", path.read_bytes() == again.read_bytes())
    check_contents(architecture, config, path, output)
    provisioning = provision.check_package(architecture, temporary, options, environment)
    folder = unpack(path, temporary / architecture)
    rie = next(SAM_VENV.glob("lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"), None)
    if not rie or platform.machine() != "x86_64":
        return skip(f"{architecture}: the package in the emulator", "SAM's command line is not installed, or this machine is not x86-64")
    # The emulator passes its environment on, and a function in Lambda has none of ours.
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ} | dict(wrapper and QEMU)
    check_responses(architecture, lambda: emulator.Emulator(rie, folder, wrapper, environment))
    provision.check_responses(architecture, provision.start(rie, provisioning, wrapper, environment))


# Where Debian puts the C library of arm64 without arm64 packages.
QEMU = {} if pathlib.Path("/lib/ld-linux-aarch64.so.1").exists() else {"QEMU_LD_PREFIX": "/usr/aarch64-linux-gnu"}


def compiler():
    """A compiler with the standard library of arm64, or `None`."""
    for rustc in dict.fromkeys([os.environ.get("RUSTC", "rustc"), "/usr/bin/rustc"]):
        if shutil.which(rustc):
            run = subprocess.run([rustc, "--print", "target-libdir", "--target", TRIPLES["arm64"]], cwd=ROOT, capture_output=True, text=True)
            if run.returncode == 0 and list(pathlib.Path(run.stdout.strip()).glob("libcore-*")):
                return rustc
    return None


def check_arm64(temporary, config):
    qemu, rustc, name = shutil.which("qemu-aarch64-static"), compiler(), "arm64: the package"
    if not rustc:
        return skip(name, f"no compiler has a standard library for {TRIPLES['arm64']}")
    if not qemu:
        return skip(name, "qemu-aarch64-static is missing")
    if not (PACKAGE_VENV / "bin/cargo-lambda").exists():
        return skip(name, "cargo-lambda is not installed")
    # cargo-lambda runs Zig by the first `python3`. Both keep caches.
    caches = {"XDG_CACHE_HOME": str(ROOT / "target/package-cache"), "ZIG_GLOBAL_CACHE_DIR": str(ROOT / "target/package-cache/zig")}
    environment = os.environ | caches | {"PATH": f"{PACKAGE_VENV / 'bin'}:{os.environ['PATH']}"}
    check_architecture("arm64", temporary, config, ["--rustc", shutil.which(rustc)], [qemu], environment)


def check_sam_build(temporary, template, functions, shipped, bootstrap):
    """`sam build` with a template, and with the program that has been built."""
    if not (SAM_VENV / "bin/sam").exists() or not shutil.which("make"):
        return skip(f"sam build of {template}", "SAM's command line or make is missing")
    environment = os.environ | {"ARCH": "x86_64", "OPTIONS": f"--bootstrap {bootstrap}", "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(temporary / "sam")}
    built = temporary / "built" / template
    command = [SAM_VENV / "bin/sam", "build", "--template", template, "--build-dir", built, "--parameter-overrides", "Architecture=x86_64"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode:
        return check(f"sam build of {template}", False, ran.stdout[-2000:])
    for function in functions:
        folder = built / function
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        check(f"sam build writes the files of the zip for {function}", files == shipped, files)
        program = folder / "bootstrap"
        same = program.exists() and program.read_bytes() == bootstrap.read_bytes() and os.access(program, os.X_OK)
        check(f"sam build: {function} is that of the zip, and is executable", same)


def main():
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as temporary:
        temporary = pathlib.Path(temporary)
        config = deployment(temporary / "deployment")
        if platform.machine() == "x86_64":
            # `cargo` uses what the other tests have built.
            check_architecture("x86_64", temporary, config, ["--builder", "cargo"])
            check_sam_build(temporary, "template.yaml", ["AuthorizerFunction"], SHIPPED, temporary / "x86_64/bootstrap")
            functions = [f"{name}Function" for name in ("Jitr", "Claim", "Hook")]
            program = temporary / "provision-x86_64-unpacked/bootstrap"
            check_sam_build(temporary, "provision/template.yaml", functions, provision.SHIPPED, program)
            check_sam_build(temporary, "deploy/cognito.yaml", ["AttachFunction"], provision.SHIPPED, program)
        else:
            skip("x86_64: the package", "this machine is not x86-64")
        check_arm64(temporary, config)
    finish()


main()
