"""Makes the files of a release from programs that are built. docs/releases.md has the layout.

Python 3.11 or later, without packages. The same programs and the same commit result in the same bytes.

make.py check TAG                                        the tag is that of the version
make.py version                                          prints the version
make.py notes                                            prints the version's section of the changelog
make.py function NAME ARCHITECTURE PROGRAM --out FOLDER  iot-jwt-authorizer or iot-provision, for x86_64 or arm64
make.py program TARGET PROGRAM --out FOLDER              cargo-local for a target of Rust
make.py sbom --out FOLDER                                a bill of materials for each program
make.py sums --out FOLDER                                SHA256SUMS; the folder has to be complete
"""

import argparse
import hashlib
import pathlib
import sys

from archives import tar_archive, zip_archive
from sbom import PROGRAM_TARGETS, PROGRAMS, document
from version import ROOT, ReleaseError, check_tag, notes, version

FUNCTIONS = ["iot-jwt-authorizer", "iot-provision"]
ARCHITECTURES = ["arm64", "x86_64"]
WINDOWS = "x86_64-pc-windows-msvc"
SUMS = "SHA256SUMS"
PROGRAM_MODE, FILE_MODE = 0o755, 0o644


def program_name(target):
    """The file of `cargo-local` for a target."""
    return f"cargo-local-{version()}-{target}.{'zip' if target == WINDOWS else 'tar.gz'}"


def names():
    """The names of all files of a release but the checksums, and those that it may lack."""
    functions = [f"{name}-{version()}-{architecture}.zip" for name in FUNCTIONS for architecture in ARCHITECTURES]
    documents = [f"{name}-{version()}.cdx.json" for name in PROGRAMS]
    return {*functions, *documents, *map(program_name, PROGRAM_TARGETS)}, {program_name(WINDOWS)}


def write(out, name, content):
    out.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(content)
    print(f"{name}: {len(content):,} bytes")


def make_function(out, name, architecture, program):
    """The zip of a function: the program alone, under the name that Lambda starts."""
    write(out, f"{name}-{version()}-{architecture}.zip", zip_archive([("bootstrap", PROGRAM_MODE, program.read_bytes())]))


def make_program(out, target, program):
    """The archive of `cargo-local` for a target, with the license."""
    suffix = ".exe" if target == WINDOWS else ""
    license = (ROOT / "LICENSE").read_bytes()
    members = [(f"cargo-local{suffix}", PROGRAM_MODE, program.read_bytes()), ("LICENSE", FILE_MODE, license)]
    write(out, program_name(target), zip_archive(members) if target == WINDOWS else tar_archive(members))


def make_sboms(out):
    for name in PROGRAMS:
        write(out, f"{name}-{version()}.cdx.json", document(name).encode())


def make_sums(out):
    """The checksums of all files, as `sha256sum` writes them. Raises `ReleaseError` for a missing or an unknown file."""
    found = {path.name for path in out.iterdir()} - {SUMS}
    expected, optional = names()
    if missing := sorted(expected - optional - found):
        raise ReleaseError(f"{out}: {', '.join(missing)} missing; expected every file of the release")
    if unknown := sorted(found - expected):
        raise ReleaseError(f"{out}: {', '.join(unknown)} unknown; expected files of the release only")
    lines = [f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(found)]
    write(out, SUMS, "".join(lines).encode())
    for name in sorted(optional - found):
        print(f"without {name}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("check").add_argument("tag")
    steps.add_parser("version")
    steps.add_parser("notes")
    function = steps.add_parser("function")
    function.add_argument("name", choices=FUNCTIONS)
    function.add_argument("architecture", choices=ARCHITECTURES)
    program = steps.add_parser("program")
    program.add_argument("target", choices=PROGRAM_TARGETS)
    sbom, sums = steps.add_parser("sbom"), steps.add_parser("sums")
    for step in (function, program):
        step.add_argument("program", type=pathlib.Path)
    for step in (function, program, sbom, sums):
        step.add_argument("--out", type=pathlib.Path, required=True)
    return parser.parse_args()


def main():
    given = arguments()
    try:
        match given.step:
            case "check":
                check_tag(given.tag)
                notes()
            case "version":
                print(version())
            case "notes":
                print(notes(), end="")
            case "function":
                make_function(given.out, given.name, given.architecture, given.program)
            case "program":
                make_program(given.out, given.target, given.program)
            case "sbom":
                make_sboms(given.out)
            case "sums":
                make_sums(given.out)
    except (ReleaseError, OSError) as error:
        sys.exit(f"error: {error}")


main()
