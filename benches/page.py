"""Puts tables into docs/performance.md."""

import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs/performance.md"


def write(blocks, is_own):
    """Replaces the blocks of the page whose names `is_own` accepts: each stands between `<!-- figures: NAME -->` and
    `<!-- end -->`. One that was not made is an error."""
    page = PAGE.read_text()
    for name in filter(is_own, re.findall(r"<!-- figures: (.+) -->", page)):
        block = blocks[name]
        # The end of this block, also of an empty one: never that of the next.
        whole = rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)"
        page = re.sub(whole, lambda match: f"{match[1]}{block}\n{match[2]}", page, flags=re.S)
    PAGE.write_text(page)
