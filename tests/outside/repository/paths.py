"""Every path of the checkout that a page or a comment names in back-ticks exists.

Run by `./test paths`.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import repository
from lib.checks import check_none, finish
from lib.pages import FENCE

# Files with these names are our own code wherever a page or a comment shortens their path.
CODE = (".rs", ".py", ".mjs")
# Folders whose files are examples in the pages: a user writes them.
USERS_FOLDERS = ("policies", "keys")
# Names that belong to others, or to a user.
FOREIGN = {"my-authorizer.mjs", ".github/workflows/authorizer.yml"}
BROKEN = [
    ("`src/nowhere.rs`", "src/nowhere.rs"), ("`nowhere.rs`", "nowhere.rs"), ("`tests/nowhere/`", "tests/nowhere/"),
    ("`src/policy/nowhere/*.rs`", "src/policy/nowhere/*.rs"), ("`src/{log,nowhere}.rs`", "src/{log,nowhere}.rs"),
]
VALID = [
    "`src/log.rs`", "`log.rs`", "`src/log.rs:12`", "`src/{log,token}.rs`", "`tests/`", "`tests/*.rs`", "`tests/deployments/NAME`",
    "`a/b`", "`application/json`",
]
THIS = pathlib.Path(__file__).resolve().relative_to(repository.ROOT)


def expand(pattern):
    """The alternatives of `{a,b}`."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        return [pattern]
    before, after = pattern[:match.start()], pattern[match.end():]
    return [path for choice in match[1].split(",") for path in expand(before + choice + after)]


def to_regex(pattern):
    # `NAME` stands for any name.
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/\n]*", "NAME": "[^/\n]*"}
    split = re.split(r"(\*\*/|\*\*|\*|\bNAME\b)", pattern.rstrip("/"))
    return "".join(parts.get(part, re.escape(part)) for part in split)


class Checkout:
    """The files and folders of the checkout, searched by patterns."""

    def __init__(self):
        files = repository.files()
        names = {str(file) for file in files} | {str(parent) for file in files for parent in file.parents}
        self.text = "\n" + "\n".join(sorted(names)) + "\n"
        self.top = {file.parts[0] for file in files if len(file.parts) > 1}

    def is_path(self, code):
        """Whether a code span looks like a path of the checkout."""
        if not re.fullmatch(r"[\w./*{},-]+", code) or code in FOREIGN or code.startswith(("/", "../", "-")):
            return False
        first, slash, _ = code.partition("/")
        if slash and first in self.top and first not in USERS_FOLDERS:
            return True
        return code.endswith(CODE) and not code.startswith(("*", "."))

    def has(self, code):
        """Whether every alternative exists: from the top, or as the end of a path of our own code."""
        prefix = r"\n" if code.partition("/")[0] in self.top and "/" in code else r"\n(?:[^\n]*/)?"
        return all(re.search(f"{prefix}{to_regex(path)}\n", self.text) for path in expand(code))

    def missing(self, line):
        """The paths in the code spans of a line that do not exist."""
        spans = [re.sub(r":\d+(-\d+)?$", "", code) for code in re.findall(r"`([^`\n]+)`", line)]
        return [code for code in spans if self.is_path(code) and not self.has(code)]


def page_lines(content):
    """The lines of a page outside of fenced blocks."""
    inside = False
    for number, line in enumerate(content.splitlines(), 1):
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, line


def errors(checkout):
    for path in repository.files():
        if path.name == "CHANGELOG.md" or "vendor" in path.parts or path == THIS:
            continue
        content = repository.text(path)
        if content is None:
            continue
        lines = page_lines(content) if path.suffix == ".md" else repository.comments(path, content)
        for number, line in lines:
            for code in checkout.missing(line):
                yield f"{path}:{number}: no file or folder `{code}`"


def missed(checkout):
    """Lines with a path that does not exist and is not found, or the other way round."""
    for line, expected in BROKEN:
        if checkout.missing(line) != [expected]:
            yield f"{line}: found {checkout.missing(line)} instead of {expected}"
    for line in VALID:
        if checkout.missing(line):
            yield f"{line}: found {checkout.missing(line)} instead of nothing"


def main():
    checkout = Checkout()
    check_none("paths in back-ticks exist", errors(checkout))
    check_none("missing paths are found", missed(checkout))
    finish()


main()
