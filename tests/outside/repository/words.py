"""Banned words of the house style, and lines over 120 columns, in sources, messages and pages.

Run by `./test words`. CHANGELOG.md is exempt; the Japanese pages have rules of their own.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib import repository
from lib.checks import check_none, finish
from lib.pages import FENCE

# Between two words: spaces, or the line break of a comment.
GAP = r"(?:[ \t]+|[ \t]*\n[ \t]*(?://[/!]?|#|\*)?[ \t]*)"
# An underscore separates words. `is None` is Python.
BANNED = re.compile(
    r"(?<![^\W_])(?i:mend(?:s|ed|ing)?|strewn|told|whoever|nobody)(?![^\W_])"
    rf"|(?<!\w)(?:[Ii]s{GAP}none|[Ll]et{GAP}in)(?!\w)")
# The established terms of the Japanese page, in their one spelling.
BANNED_JA = re.compile(r"オーソライザ(?!ー)|フィルタ(?![ーリ])|ブローカ(?!ー)|サーバ(?!ー)|ヘッダ(?!ー)|認可者|主張")
COLUMNS = 120

SOURCES = {".rs", ".py", ".mjs", ".js", ".ts", ".html", ".css", ".toml", ".yaml", ".json", ".tf", ".in", ".snap", ".md", ""}
GENERATED = {"Cargo.lock", "package-lock.json", "LICENSE"}
EXEMPT = {"CHANGELOG.md", "README.ja.md", "jitp.ja.md"}
THIS = pathlib.Path(__file__).resolve().relative_to(repository.ROOT)

FOUND = ["Mend the policy.", "nobody_told", "who is let in", "What\n// is none", "whoever"]
NOT_FOUND = ["recommended", "amend", "untold", "let input", "let in_group = 1;", "x is None", "there is no thing"]


def checked_files():
    for path in repository.files():
        if path.suffix in SOURCES and path.name not in GENERATED and "vendor" not in path.parts and path != THIS:
            content = repository.text(path)
            if content is not None:
                yield path, content


def banned_words(content, pattern=BANNED):
    """Pairs of line number and word."""
    for match in pattern.finditer(content):
        yield content.count("\n", 0, match.start()) + 1, " ".join(re.findall(r"\w+", match[0]))


def without_urls(line):
    return re.sub(r"\]\([^)]*\)|<?https?://\S+", "", line)


def long_lines(path, content):
    """The numbers of lines over 120 columns: prose of pages without tables and blocks, and comments of Rust."""
    inside = False
    for number, line in enumerate(content.splitlines(), 1):
        if path.suffix == ".md":
            fence = bool(FENCE.match(line))
            inside ^= fence
            if inside or fence or line.lstrip().startswith(("|", "<!--")):
                continue
        elif path.suffix != ".rs" or not line.lstrip().startswith("//"):
            continue
        if len(line) > COLUMNS and len(without_urls(line)) > COLUMNS:
            yield number, len(line)


def findings():
    for path, content in checked_files():
        if path.name not in EXEMPT:
            yield from (f"{path}:{number}: {word}" for number, word in banned_words(content))
            yield from (f"{path}:{number}: {columns} columns" for number, columns in long_lines(path, content))
        if path.name.endswith(".ja.md"):
            yield from (f"{path}:{number}: {word}" for number, word in banned_words(content, BANNED_JA))


def missed():
    for text in FOUND:
        if not list(banned_words(text)):
            yield f"{text!r}: nothing found"
    for text in NOT_FOUND:
        if list(banned_words(text)):
            yield f"{text!r}: {list(banned_words(text))}"
    long, link = "x " * 61, f"[a](https://example.com/{'x' * 99})"
    page = f"{long}\n| {long}|\n```sh\n{long}\n```\n{link} x\n"
    if list(long_lines(pathlib.Path("page.md"), page)) != [(1, 122)]:
        yield "long lines of a page"


def main():
    check_none("banned words and long lines", findings())
    check_none("banned words and long lines are found", missed())
    finish()


main()
