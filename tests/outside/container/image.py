"""Builds the image with buildah: its last stage as written, and the build stage replaced by programs that are built
already. The base image is not fetched. In its place is a root folder with the packages that it has."""

import json
import os
import pathlib
import re
import shutil
import subprocess

from lib.paths import ROOT

DOCKERFILE = ROOT / "deploy/container/Dockerfile"
# Packages of gcr.io/distroless/cc-debian12 that the programs may need. They are this machine's own, so that their C
# library is the one that the programs were built with.
LIBRARIES = ["libc6", "libgcc-s1"]
PACKAGES = ["base-files", "tzdata", "ca-certificates"]
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def instructions():
    """The instructions of the Dockerfile, each with its text in one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def base_image():
    return [text for name, text in instructions() if name == "FROM"][-1]


def dpkg(*arguments):
    return subprocess.run(["dpkg", *arguments], capture_output=True, text=True, check=True).stdout


def copy_packages(root):
    """Copies the libraries and data of the packages to a root folder, without the programs of the packages."""
    for name in ("lib", "lib64", "bin", "sbin"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    # A library may also be installed for another architecture.
    libraries = [f"{name}:{dpkg('--print-architecture').strip()}" for name in LIBRARIES]
    listed = dpkg("--listfiles", *PACKAGES, *libraries).splitlines()
    for path in map(pathlib.Path, [*listed, f"/{BUNDLE}"]):
        is_program = path.parent.name in ("bin", "sbin")
        if is_program or "doc" in path.parts or not (path.is_file() or path.is_symlink()) or path.parent == pathlib.Path("/"):
            continue
        target = root / path.parent.resolve().relative_to("/") / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() and not target.is_symlink():
            shutil.copy2(path, target, follow_symlinks=False)
    for folder in ("proc", "sys", "dev", "tmp"):
        (root / folder).mkdir(exist_ok=True)


class Builder:
    """buildah with a store of its own in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = os.environ | {"BUILDAH_ISOLATION": "chroot"}

    def run(self, *arguments):
        # With this driver a root folder is a plain folder, which needs no unmounting.
        store = ["--storage-driver", "vfs", "--root", self.folder / "store", "--runroot", self.folder / "run"]
        done = subprocess.run(["buildah", *store, *arguments], env=self.environment, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"FAILED: buildah {' '.join(map(str, arguments))}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def import_base(self, root=None):
        """Makes the base image: of a root folder, or of the packages."""
        if root is None:
            root = self.folder / "base"
            copy_packages(root)
        container = self.run("from", "scratch")
        self.run("add", "--quiet", container, root, "/")
        self.run("commit", "--quiet", container, base_image())
        self.run("rm", container)

    def build(self, programs):
        """Builds the image from programs by their place below `/out`. Returns its configuration and its root folder."""
        out = self.folder / "stage/out"
        (out / "work/.iot-local").mkdir(parents=True)
        for place, program in programs.items():
            (out / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(program, out / place)
        stage = ["--build-context", f"build={self.folder / 'stage'}"]
        self.run("bud", "--quiet", "--pull-never", "--format", "docker", *stage, "--file", DOCKERFILE, "--tag", "iot-local", ROOT)
        config = json.loads(self.run("inspect", "--type", "image", "iot-local"))["Docker"]["config"]
        container = self.run("from", "--pull-never", "iot-local")
        return config, pathlib.Path(self.run("mount", container))
