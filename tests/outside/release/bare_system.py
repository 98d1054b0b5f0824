"""A system that has nothing but a release: a root directory with `cargo-local`, the C library, SAM's Runtime Interface
Emulator, and no shell, compiler or checkout."""

import os
import re
import shutil
import subprocess
import tarfile

from lib.checks import check
from making import HERE, VERSION

# The user's folder, the release, and home, inside of the root directory.
FOLDER, RELEASE, HOME = "/work/authorizer", "/release", "/home/user"
# What Rust and C are built with. None of it may be here.
COMPILERS = ["cargo", "rustc", "rustup", "cc", "gcc", "clang", "zig", "ld", "sh", "bash"]


def libraries(program):
    """The shared libraries of a program and the loader, as `ldd` finds them."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


class BareSystem:
    """A root directory. Programs run in it by `chroot`, with an environment of their own."""

    def __init__(self, root, release, emulator):
        self.root = root
        for name in ("bin", "dev", "tmp", "work", HOME[1:]):
            (root / name).mkdir(parents=True)
        # The emulator opens it. An empty file serves, and needs no right to make devices.
        (root / "dev/null").touch()
        shutil.copytree(release, root / RELEASE[1:])
        with tarfile.open(release / f"cargo-local-{VERSION}-{HERE}.tar.gz") as archive:
            archive.extract("cargo-local", root / "bin", filter="data")
        for library in libraries(root / "bin/cargo-local"):
            copied = root / library[1:]
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copied)
        if emulator:
            shutil.copy(emulator, root / "bin/aws-lambda-rie")

    def path(self, name):
        """The path outside of an absolute path inside."""
        return self.root / name[1:]

    def enter(self, folder):
        """What a child process runs before its program."""
        def enter():
            os.chroot(self.root)
            os.chdir(folder)
        return enter

    @property
    def environment(self):
        return {"PATH": "/bin", "HOME": HOME, "TMPDIR": "/tmp"}

    def run(self, *arguments, folder=FOLDER):
        """Runs `cargo-local` inside. Returns the finished process."""
        command = ["/bin/cargo-local", *arguments]
        enter = self.enter(folder if self.path(folder).is_dir() else "/work")
        return subprocess.run(command, preexec_fn=enter, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    def check_bare(self):
        """Nothing that builds is inside, under any name of a compiler, and no file of the checkout."""
        found = sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())
        programs = [name for name in found if name.split("/")[-1] in COMPILERS or name.endswith((".rs", "Cargo.toml"))]
        check(f"the system has {len(found)} files, and no compiler, shell or source among them", not programs, programs)
        try:
            subprocess.run(["cargo", "--version"], preexec_fn=self.enter("/"), env=self.environment, check=False)
            missing = False
        except FileNotFoundError:
            missing = True
        check("`cargo` is not found in it", missing)
