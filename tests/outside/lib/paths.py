"""Where things are: the checkout, what `./test` installs in it, and cargo."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# `./test` makes these; its table INSTALLS names the same folders.
SAM_VENV = ROOT / "target/sam-venv"
PACKAGE_VENV = ROOT / "target/package-venv"
DENY_VENV = ROOT / "target/deny-venv"
CONTAINER_VENV = ROOT / "target/container-venv"
RELEASE_VENV = ROOT / "target/release-venv"
# On the checkout's own file system: the system's /tmp may be small, and may forbid running programs.
TEMPORARY = ROOT / "target/tmp"
TEMPORARY.mkdir(parents=True, exist_ok=True)

CARGO = os.environ.get("CARGO", "cargo")
