"""The pages and their fenced blocks."""

import re
from dataclasses import dataclass

from lib.paths import ROOT

FENCE = re.compile(r"^(\s*)```(\w*)$")
MARKER = re.compile(r"^\s*<!-- (.+) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced block: the line of its fence, and the marker on the line above."""

    page: str
    line: int
    language: str
    marker: str
    text: str

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def pages():
    """The text of each page by its path: the pages at the top, those in docs/, and those of the folders that a user
    edits."""
    names = ["README.md", "README.ja.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
    found = [ROOT / name for name in names]
    found += sorted((ROOT / "docs").rglob("*.md")) + [ROOT / "policies/README.md", ROOT / "keys/README.md"]
    return {str(path.relative_to(ROOT)): path.read_text() for path in found if path.exists()}


def blocks(page, text):
    """The fenced blocks of a page. Raises `ValueError` for a fence that is never closed: the text after it would not
    be checked."""
    found, above, opened = [], "", None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened and fence and not fence[2]:
            start, language, marker, lines = opened
            found.append(Block(page, start, language, marker, "\n".join(lines) + "\n"))
            opened = None
        elif opened:
            opened[3].append(line)
        elif fence:
            marker = MARKER.match(above)
            opened = (number, fence[2], marker[1] if marker else "", [])
        above = line
    if opened:
        raise ValueError(f"{page}:{opened[0]}: the fence is never closed")
    return found


def all_blocks():
    return [block for page, text in pages().items() for block in blocks(page, text)]
