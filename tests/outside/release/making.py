"""Makes a release by the steps of release.yml, and checks its files. What another machine builds is a text that stands in
for it."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile

from lib.checks import check
from lib.paths import CARGO, ROOT, TARGET

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
FUNCTIONS = ["iot-jwt-authorizer", "iot-provision"]
HERE = "x86_64-unknown-linux-gnu"
ELSEWHERE = ["aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"]
WINDOWS = "x86_64-pc-windows-msvc"
STAND_IN = b"stands in for a program that this machine does not build\n"
# What users download by name. A change of a name breaks their scripts.
NAMES = sorted([
    *(f"{name}-{VERSION}-{architecture}.zip" for name in FUNCTIONS for architecture in ("x86_64", "arm64")),
    *(f"cargo-local-{VERSION}-{target}.tar.gz" for target in (HERE, *ELSEWHERE)),
    *(f"{name}-{VERSION}.cdx.json" for name in (*FUNCTIONS, "cargo-local")),
    "SHA256SUMS",
])
# What is checked before anything is built: the file, what is replaced, by what, and the error.
CHANGELOG = ("CHANGELOG.md", "## Unreleased\n", f"## {VERSION} - 2026-12-01\n")
TAGS = [
    (f"v{VERSION}", [CHANGELOG], None),
    (f"v{VERSION}", [("CHANGELOG.md", "## Unreleased\n", f"## [{VERSION}] - 2026-12-01\n")], None),
    (f"v{VERSION}", [], f"no section for {VERSION}"),
    (f"v{VERSION}", [("CHANGELOG.md", "## Unreleased\n", f"## {VERSION}0 - 2026-12-01\n")], f"no section for {VERSION}"),
    (f"v{VERSION}", [("CHANGELOG.md", "## Unreleased\n", f"## {VERSION}\n\n## Unreleased\n")], f"an empty section for {VERSION}"),
    (VERSION, [CHANGELOG], f'the tag is "{VERSION}"; expected "v{VERSION}"'),
    ("v9.9.9", [CHANGELOG], f'the tag is "v9.9.9"; expected "v{VERSION}"'),
    (f"v{VERSION}-rc1", [CHANGELOG], "the tag is"),
    (f"v{VERSION}; false", [CHANGELOG], "the tag is"),
    (f"v{VERSION}", [CHANGELOG, ("local/cli/Cargo.toml", f'version = "{VERSION}"', 'version = "9.9.9"')], "several versions"),
]


def check_tags(temporary, steps):
    """The first step of the workflow, with tags and manifests that do not fit."""
    for number, (tag, edits, error) in enumerate(TAGS):
        folder = temporary / f"tag-{number}"
        shutil.copytree(ROOT / "deploy/release", folder / "deploy/release")
        for name in ("Cargo.toml", "provision/Cargo.toml", "local/cli/Cargo.toml", "CHANGELOG.md"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            text = (ROOT / name).read_text()
            for _, old, new in (edit for edit in edits if edit[0] == name):
                assert old in text, f"{name} has no {old!r}"
                text = text.replace(old, new, 1)
            (folder / name).write_text(text)
        done = steps.run("version", "Check the tag", folder, {"TAG": tag})
        fits = done.returncode == 0 if error is None else done.returncode == 1 and error in done.stderr
        check(f"tag {tag} {'is accepted' if error is None else f'is an error: {error}'}", fits, done.stdout + done.stderr)
        if error is None:
            steps.must("draft", "Write the notes", folder, {})
            notes = (folder / "notes.md").read_text()
            check("the notes are the version's section", notes.startswith("### ") and "\n## " not in notes and notes.strip() in (ROOT / "CHANGELOG.md").read_text())


def program():
    """`iot-local` and `cargo-local` as the other parts build them. A release has the optimised ones."""
    if built := os.environ.get("IOT_LOCAL"):
        return pathlib.Path(built).resolve()
    subprocess.run([CARGO, "build", "--quiet", "--locked", "--package", "iot-local", "--bins"], cwd=ROOT, check=True)
    return TARGET / "debug/iot-local"


def put(path, content):
    """Writes a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)


def build_functions(folder, steps, iot_local):
    """The functions for x86-64 by the workflow's own step, or those that BOOTSTRAP and IOT_PROVISION name; those for arm64
    as the part `package` has built them."""
    for name, named in (("iot-jwt-authorizer", "BOOTSTRAP"), ("iot-provision", "IOT_PROVISION")):
        if built := os.environ.get(named):
            put(folder / f"functions/{name}-x86_64/bootstrap", pathlib.Path(built).read_bytes())
    if "BOOTSTRAP" not in os.environ:
        for name in ("policies", "keys"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "authorizer.toml", folder)
        steps.must("functions", "Build the functions", folder, {"CARGO_LOCAL": str(iot_local), "ARCHITECTURE": "x86_64"})
    for name, output in (("iot-jwt-authorizer", "lambda"), ("iot-provision", "lambda-provision")):
        built = TARGET / output / "arm64/bootstrap"
        put(folder / f"functions/{name}-arm64/bootstrap", built.read_bytes() if built.exists() else STAND_IN)
        if not built.exists():
            print(f"stands in: {name} for arm64; `./test package` builds it", flush=True)


def build_programs(folder, steps, iot_local):
    """This machine's `cargo-local`, and what stands in for those of the others."""
    built = folder / f"programs/program-{HERE}/cargo-local"
    built.parent.mkdir(parents=True)
    # The release profile strips symbols.
    subprocess.run(["strip", "-o", built, iot_local.with_name("cargo-local")], check=True)
    put(folder / f"target/{HERE}/release/cargo-local", built.read_bytes())
    steps.must("programs", "Try it", folder, {"TARGET": HERE})
    for target in ELSEWHERE:
        put(folder / f"programs/program-{target}/cargo-local", STAND_IN)


def workspace(folder):
    """A folder in which the steps find `deploy/`, so that they write nothing into the checkout. Returns the environment."""
    folder.mkdir()
    (folder / "deploy").symlink_to(ROOT / "deploy")
    git = subprocess.run(["git", "rev-parse", "--absolute-git-dir"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return {"GIT_DIR": git, "GITHUB_OUTPUT": str(folder / "outputs"), "CARGO": CARGO}


def assemble(folder, steps, environment):
    for name in ("Make the archives", "Make the bills of materials", "Make the checksums"):
        steps.must("assemble", name, folder, environment)
    return folder / "release"


def make(temporary, steps):
    """Makes the release twice. Returns its folder and the folder with what was built."""
    first, again = temporary / "first", temporary / "again"
    environment = workspace(first)
    iot_local = program()
    build_functions(first, steps, iot_local)
    build_programs(first, steps, iot_local)
    release = assemble(first, steps, environment)
    environment_again = workspace(again)
    for name in ("functions", "programs"):
        (again / name).symlink_to(first / name)
    same = (assemble(again, steps, environment_again) / "SHA256SUMS").read_text() == (release / "SHA256SUMS").read_text()
    check("the release is reproducible: the same programs result in the same bytes", same)
    check("the version is an output of its step", (first / "outputs").read_text() == f"version={VERSION}\n")
    steps.must("draft", "Check the checksums", first, {})
    return release, first


def check_contents(release, built):
    found = sorted(path.name for path in release.iterdir())
    check("the release has exactly the files of docs/releases.md", found == NAMES, found)
    page = (ROOT / "docs/releases.md").read_text()
    general = [re.sub("|".join((HERE, *ELSEWHERE)), "TARGET", name.replace(VERSION, "VERSION")) for name in NAMES]
    missing = [name for name in general if f"`{name}`" not in page]
    check("docs/releases.md names each file", not missing, missing)
    sums = dict(reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines())
    expected = {name: hashlib.sha256((release / name).read_bytes()).hexdigest() for name in NAMES if name != "SHA256SUMS"}
    check("SHA256SUMS covers all other files", sums == expected, sums)
    for name in FUNCTIONS:
        for architecture in ("x86_64", "arm64"):
            with zipfile.ZipFile(release / f"{name}-{VERSION}-{architecture}.zip") as archive:
                entries = [(entry.filename, entry.external_attr >> 16, entry.date_time) for entry in archive.infolist()]
                same = archive.read("bootstrap") == (built / f"functions/{name}-{architecture}/bootstrap").read_bytes()
            fits = same and entries == [("bootstrap", 0o100755, (1980, 1, 1, 0, 0, 0))]
            check(f"{name} for {architecture}: the zip has the program alone, executable", fits, entries)
    for target in (HERE, *ELSEWHERE):
        with tarfile.open(release / f"cargo-local-{VERSION}-{target}.tar.gz") as archive:
            entries = [(entry.name, entry.mode, entry.uid, entry.uname, entry.mtime) for entry in archive]
            same = archive.extractfile("cargo-local").read() == (built / f"programs/program-{target}/cargo-local").read_bytes()
        expected = [("LICENSE", 0o644, 0, "", 315_532_800), ("cargo-local", 0o755, 0, "", 315_532_800)]
        check(f"cargo-local for {target}: the archive has program and license", same and entries == expected, entries)
    size = {name: (release / name).stat().st_size for name in NAMES}
    print("size: " + ", ".join(f"{name} {size[name]:,}" for name in NAMES if HERE not in name), flush=True)


def sums(folder):
    command = ["python3", ROOT / "deploy/release/make.py", "sums", "--out", folder]
    return subprocess.run(command, capture_output=True, text=True)


def check_sums(release, temporary):
    """Folders that are no complete release, and a release with Windows."""
    def changed(name, change):
        folder = temporary / name
        shutil.copytree(release, folder, copy_function=os.link)
        change(folder)
        return sums(folder), folder

    lacking = f"iot-provision-{VERSION}-arm64.zip"
    for name, change, error in [
        ("lacking", lambda folder: (folder / lacking).unlink(), f"{lacking} missing"),
        ("other", lambda folder: (folder / "notes.txt").write_text(""), "notes.txt unknown"),
        ("older", lambda folder: (folder / "iot-provision-0.0.1-arm64.zip").write_text(""), "iot-provision-0.0.1-arm64.zip unknown"),
    ]:
        done, _ = changed(name, change)
        check(f"checksums: {error} is an error", done.returncode == 1 and error in done.stderr, done.stdout + done.stderr)
    name = f"cargo-local-{VERSION}-{WINDOWS}.zip"
    (temporary / "cargo-local.exe").write_bytes(STAND_IN)
    command = ["python3", ROOT / "deploy/release/make.py", "program", WINDOWS, temporary / "cargo-local.exe", "--out"]
    done, folder = changed("windows", lambda folder: subprocess.run([*command, folder], check=True, capture_output=True))
    with zipfile.ZipFile(folder / name) as archive:
        members = archive.namelist()
    fits = done.returncode == 0 and name in (folder / "SHA256SUMS").read_text() and members == ["LICENSE", "cargo-local.exe"]
    check("a release with Windows has a zip with program and license", fits, done.stdout + done.stderr)
