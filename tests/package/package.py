"""`cargo local package` for real: what is in the zips, and what they answer behind AWS's own Runtime Interface Emulator.

For x86-64, and for arm64 under QEMU. Run by ./test. Prints one line for each check, the sizes and the times to a first answer, and a
closing line; exits 1 if any failed. What a machine lacks is skipped by name.
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

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

import emulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
CARGO = os.environ.get("CARGO", "cargo")
SAM = ROOT / "target/sam-venv"
ZIG = ROOT / "target/package-venv"
TRIPLES = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
SHIPPED = ["authorizer.toml", "bootstrap", "keys/users.jwks.json", *(f"policies/{name}.json" for name in ("app-user", "device-owner", "tenant-operator"))]
STARTS = {"x86_64": 11, "arm64": 3}
KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
passed, failed, skipped = [], [], []


def check(title, good, detail=""):
    (passed if good else failed).append(title)
    print(f"{'ok' if good else 'FAILED'}: {title}{'' if good else f': {detail}'}", flush=True)


def skip(title, why):
    skipped.append(title)
    print(f"skipped: {title} ({why})", flush=True)


def deployment(folder):
    """The shipped example with a key of this run."""
    folder.mkdir()
    shutil.copy(ROOT / "authorizer.toml", folder)
    shutil.copytree(ROOT / "policies", folder / "policies")
    (folder / "keys").mkdir()
    key = ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "package", "alg": "ES256", "use": "sig"}
    key.pop("key_ops", None)
    (folder / "keys/users.jwks.json").write_text(json.dumps({"keys": [key]}))
    return folder / "authorizer.toml"


def package(architecture, config, out, options, environment):
    """Packs, and returns the zip's path and what was said."""
    command = [CARGO, "local", "package", "--arch", architecture, "--config", config, "--out", out, *options]
    packed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    if packed.returncode:
        raise SystemExit(f"FAILED: cargo local package for {architecture} exits {packed.returncode}: {packed.stdout}")
    return out / f"iot-jwt-authorizer-{architecture}.zip", packed.stdout


def contents(architecture, config, path, said):
    with zipfile.ZipFile(path) as zipped:
        entries = zipped.infolist()
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in entries}
        files = {entry.filename: zipped.read(entry) for entry in entries}
    check(f"{architecture}: the zip holds what the function reads, sorted, and nothing else", list(modes) == SHIPPED, list(modes))
    expected = {name: 0o755 if name == "bootstrap" else 0o644 for name in SHIPPED}
    check(f"{architecture}: all may be read, and one be run", modes == expected, modes)
    same = all(files[name] == (config.parent / name).read_bytes() for name in SHIPPED if name != "bootstrap")
    check(f"{architecture}: the files are those of the deployment", same)
    code = base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
    check(f"{architecture}: CodeSha256 is the zip's", f"CodeSha256  {code}\n" in said, said)
    folders = [ROOT, pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo")), pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT))]
    told = [str(folder) for folder in folders if str(folder).encode() in files["bootstrap"]]
    check(f"{architecture}: the function tells no folder of the machine that built it", not told, told)
    needs = re.search(r"bootstrap  \((.*)\)", said)[1]
    print(f"size: {architecture}: {path.stat().st_size:,} bytes of zip, {len(files['bootstrap']):,} of bootstrap ({needs})", flush=True)


def unpack(path, folder):
    with zipfile.ZipFile(path) as zipped:
        zipped.extractall(folder)
    (folder / "bootstrap").chmod(0o755)
    return folder


def answers(architecture, start):
    """One let in and those that are not, each compared whole; then the times of fresh starts."""
    good = emulator.token(KEY)
    refused = {
        "no_token": emulator.event("a password"),
        "bad_signature": emulator.event(emulator.token(OTHER)),
        "expired": emulator.event(emulator.token(KEY, exp=1_700_000_000)),
        "wrong_audience": emulator.event(emulator.token(KEY, aud="another")),
        "unsafe_claim_value": emulator.event(emulator.token(KEY, tenant="*")),
        "client_id_not_allowed": emulator.event(good, client_id="bob"),
    }
    with start() as function:
        answer, _ = function.ask(emulator.event(good))
        head, rights = emulator.admitted()
        check(f"{architecture}: who may is let in", head.items() <= answer.items(), answer)
        check(f"{architecture}: with these rights", emulator.rights(answer) == rights, sorted(emulator.rights(answer) ^ rights))
        for code, event in refused.items():
            answer, _ = function.ask(event)
            check(f"{architecture}: {code} is refused", answer == emulator.REFUSED, answer)
        check(f"{architecture}: the log has each code", function.codes() == list(refused), function.codes())
        log = function.log.read_text(errors="replace")
        check(f"{architecture}: and no token", not any(part in log for part in good.split(".")))
    times = []
    for _ in range(STARTS[architecture]):
        with start() as function:
            times.append([function.ask(emulator.event(good))[1] for _ in range(2)])
    first, second = (statistics.median(each) for each in zip(*times))
    print(f"time: {architecture}: {first:.1f} ms to the first answer with the start in it, {second:.1f} ms to the second; medians of {len(times)} starts", flush=True)


def play(architecture, temporary, config, options, under=(), environment=None):
    path, said = package(architecture, config, temporary / "first", options, environment)
    again, _ = package(architecture, config, temporary / "again", options, environment)
    check(f"{architecture}: the same bytes again", path.read_bytes() == again.read_bytes())
    contents(architecture, config, path, said)
    folder = unpack(path, temporary / architecture)
    rie = next(SAM.glob("lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"), None)
    if not rie or platform.machine() != "x86_64":
        return skip(f"{architecture}: the package behind the emulator", "SAM's command line is not installed, or this is not x86-64")
    # The emulator hands its environment on, and a function in Lambda sees none of ours.
    bare = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ} | dict(under and QEMU)
    answers(architecture, lambda: emulator.Emulator(rie, folder, under, bare))


# Where Debian puts arm64's C library for those who have no arm64 packages.
QEMU = {} if pathlib.Path("/lib/ld-linux-aarch64.so.1").exists() else {"QEMU_LD_PREFIX": "/usr/aarch64-linux-gnu"}


def compiler():
    """A compiler that has arm64's standard library, if there is one."""
    for rustc in dict.fromkeys([os.environ.get("RUSTC", "rustc"), "/usr/bin/rustc"]):
        if shutil.which(rustc):
            said = subprocess.run([rustc, "--print", "target-libdir", "--target", TRIPLES["arm64"]], cwd=ROOT, capture_output=True, text=True)
            if said.returncode == 0 and list(pathlib.Path(said.stdout.strip()).glob("libcore-*")):
                return rustc
    return None


def arm64(temporary, config):
    qemu, rustc, name = shutil.which("qemu-aarch64-static"), compiler(), "arm64: the package"
    if not rustc:
        return skip(name, f"no compiler here has a standard library for {TRIPLES['arm64']}")
    if not qemu:
        return skip(name, "no qemu-aarch64-static here")
    if not (ZIG / "bin/cargo-lambda").exists():
        return skip(name, "cargo-lambda is not installed")
    # cargo-lambda asks the first `python3` for Zig, and both keep caches.
    caches = {"XDG_CACHE_HOME": str(ROOT / "target/package-cache"), "ZIG_GLOBAL_CACHE_DIR": str(ROOT / "target/package-cache/zig")}
    environment = os.environ | caches | {"PATH": f"{ZIG / 'bin'}:{os.environ['PATH']}"}
    play("arm64", temporary, config, ["--rustc", shutil.which(rustc)], [qemu], environment)


def sam_build(temporary, bootstrap):
    """The template's own `sam build`, with the function that has been built."""
    if not (SAM / "bin/sam").exists() or not shutil.which("make"):
        return skip("sam build", "SAM's command line or make is not here")
    environment = os.environ | {"ARCH": "x86_64", "OPTIONS": f"--bootstrap {bootstrap}", "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(temporary / "sam")}
    built = temporary / "built"
    command = [SAM / "bin/sam", "build", "--template", "template.yaml", "--build-dir", built, "--parameter-overrides", "Architecture=x86_64"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode:
        return check("sam build", False, ran.stdout[-2000:])
    files = sorted(str(path.relative_to(built / "AuthorizerFunction")) for path in (built / "AuthorizerFunction").rglob("*") if path.is_file())
    check("sam build puts the same files in its folder", files == SHIPPED, files)
    if files != SHIPPED:
        return
    same = (built / "AuthorizerFunction/bootstrap").read_bytes() == bootstrap.read_bytes()
    check("sam build: the function is that of the zip, and may be run", same and os.access(built / "AuthorizerFunction/bootstrap", os.X_OK))


def main():
    (ROOT / "target/tmp").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "target/tmp") as temporary:
        temporary = pathlib.Path(temporary)
        config = deployment(temporary / "deployment")
        if platform.machine() == "x86_64":
            # Cargo alone builds what the other tests have built.
            play("x86_64", temporary, config, ["--builder", "cargo"])
            sam_build(temporary, temporary / "x86_64/bootstrap")
        else:
            skip("x86_64: the package", "this is another machine")
        arm64(temporary, config)
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(bool(failed))


main()
