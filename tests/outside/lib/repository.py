"""The files of the checkout, and the comments in them."""

import ast
import io
import re
import subprocess
import tokenize

from lib.paths import ROOT

SKIPPED_FOLDERS = {".git", "target", "node_modules", "__pycache__", ".iot-local", ".aws-sam", ".venv"}
COMMENT = {".rs": r"//", ".js": r"//", ".mjs": r"//", ".toml": r"#", ".yaml": r"#", ".tf": r"#", ".in": r"#", "": r"#"}


def files():
    """The paths of all files, relative to the checkout: what git has, or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        found = {ROOT / name for name in listed}
    except (OSError, subprocess.CalledProcessError):
        # A copy without git.
        found = {path for path in ROOT.rglob("*") if not SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts)}
    return sorted(path.relative_to(ROOT) for path in found if path.is_file())


def text(path):
    """The text of a file; `None` if it is not text."""
    try:
        return (ROOT / path).read_text()
    except UnicodeDecodeError:
        return None


def comments(path, content):
    """Pairs of line number and text: the comments of a source file, with the docstrings of Python."""
    if path.suffix == ".py" or content.startswith("#!/usr/bin/env python3"):
        yield from python_comments(content)
        return
    mark = COMMENT.get(path.suffix)
    if not mark:
        return
    for number, line in enumerate(content.splitlines(), 1):
        # A mark inside a string is one, too: at worst that text is checked as well. `://` is a URL's.
        if match := re.search(rf"(?:^|(?<=\s)){mark}[/!]?(.*)", line):
            yield number, match[1]


def python_comments(content):
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("#!")
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            for offset, line in enumerate(node.body[0].value.value.splitlines()):
                yield node.body[0].lineno + offset, line
