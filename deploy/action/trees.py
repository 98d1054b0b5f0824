"""Writes files of commits without a checkout. No hook, filter, attribute, symbolic link or submodule of a commit takes
effect, and files of the workspace that are in no commit are not read."""

import dataclasses
import os
import pathlib
import subprocess

MAX_FILE_BYTES = 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
MAX_FILES = 20_000
GIT_SECONDS = 120


class TreeError(Exception):
    """Why the files of a commit cannot be written."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file of a commit, and why it is skipped if it is."""

    path: str
    blob: str
    size: int
    skipped: str | None


class Repository:
    """The Git repository of a workspace. Names it to Git, which so never searches for one in a folder of a commit."""

    def __init__(self, workspace):
        self.folder = pathlib.Path(workspace) / ".git"
        if not self.folder.exists():
            raise TreeError(f"no Git repository in {workspace}; help: run actions/checkout before this action")

    def git(self, *arguments, given=b""):
        """What Git prints; `None` if it fails. It reads no configuration of a user or of the system, and fetches
        nothing: not even the missing objects of a partial clone."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1", "GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_ALLOW_PROTOCOL": "",
            "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_DIR": str(self.folder),
        }
        options = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
        done = subprocess.run(
            ["git", *options, *arguments], env=environment, input=given, capture_output=True, timeout=GIT_SECONDS)
        return done.stdout if done.returncode == 0 else None

    def commit(self, revision):
        """The commit that a revision names."""
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if not found:
            raise TreeError(f"unknown commit {revision}; help: set fetch-depth: 0 of actions/checkout")
        return found.decode().strip()

    def merge_base(self, left, right):
        """The best common ancestor of two commits."""
        found = self.git("merge-base", left, right)
        if not found:
            raise TreeError(f"{left} and {right} have no common commit; help: set fetch-depth: 0 of actions/checkout")
        return found.decode().splitlines()[0]

    def write(self, commit, paths, folder):
        """Writes the regular files of a commit at or below some paths to a new folder. Returns what was skipped, as
        pairs of path and reason."""
        listed = self.git("ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", *paths)
        if listed is None:
            raise TreeError(f"cannot list the files of {commit}")
        entries = [parse(entry) for entry in listed.split(b"\0") if entry]
        files = [entry for entry in entries if not entry.skipped]
        if len(files) > MAX_FILES or sum(file.size for file in files) > MAX_BYTES:
            limits = f"expected at most {MAX_FILES} files of together {MAX_BYTES} bytes"
            raise TreeError(f"too many files; {limits}; help: keep the configuration in a folder of its own")
        for path, content in zip((file.path for file in files), self.contents(files)):
            target = pathlib.Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return [(entry.path, entry.skipped) for entry in entries if entry.skipped]

    def contents(self, files):
        """The contents of files, in order."""
        printed = self.git("cat-file", "--batch", given="".join(f"{file.blob}\n" for file in files).encode())
        if printed is None:
            raise TreeError("the files cannot be read")
        start, found = 0, []
        for _ in files:
            end = printed.index(b"\n", start)
            header = printed[start:end].split(b" ")
            if len(header) != 3 or header[1] != b"blob":
                raise TreeError("a file is missing in the repository; help: check it out without a filter")
            start = end + 1 + int(header[2])
            found.append(printed[end + 1:start])
            start += 1
        return found


def parse(line):
    """An entry of `git ls-tree -l`: mode, type, object and size, a tab, and the path."""
    facts, _, name = line.partition(b"\t")
    mode, _, blob, size = facts.split()
    path, size = os.fsdecode(name), 0 if size == b"-" else int(size)
    if mode == b"120000":
        skipped = "symbolic link"
    elif mode not in (b"100644", b"100755"):
        skipped = "not a regular file"
    elif size > MAX_FILE_BYTES:
        skipped = f"larger than {MAX_FILE_BYTES} bytes"
    # Git itself writes no such tree, but a commit can be written without Git.
    elif any(part.lower() in ("", ".", "..", ".git") for part in path.split("/")):
        skipped = "invalid path"
    else:
        skipped = None
    return Entry(path, blob.decode(), size, skipped)
