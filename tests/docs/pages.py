"""The pages, their fenced blocks and their links, as the tests of this folder read them."""

import pathlib
import re
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(\s*)```(\w*)$")
MARKER = re.compile(r"^\s*<!-- (.+) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced block: where its fence stands, and the marker on the line above it."""

    page: str
    line: int
    language: str
    marker: str
    text: str

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def pages():
    """README, README.ja if it is there, everything below docs/, and the pages of the folders that a user edits."""
    found = [ROOT / name for name in ("README.md", "README.ja.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md")]
    found += sorted((ROOT / "docs").rglob("*.md")) + [ROOT / "policies/README.md", ROOT / "keys/README.md"]
    return {str(path.relative_to(ROOT)): path.read_text() for path in found if path.exists()}


def blocks(page, text):
    """A fence that is never closed is an error: whatever follows would not be looked at."""
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
