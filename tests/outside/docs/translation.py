"""Compares each Japanese page with its English one: headings, paragraphs, items, table rows, fenced blocks, images,
links, code and numbers.

Run by `./test translation`.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.checks import check_none, finish
from lib.pages import FENCE, blocks
from lib.paths import ROOT

# Each English page, and its translation.
PAGES = {"README.md": "README.ja.md", "docs/jitp.md": "docs/jitp.ja.md"}
KINDS = [(r"#+ ", "heading"), (r"- ", "item"), (r"\d+\. ", "numbered item"), (r"\|", "row"), (r"<!--", "marker")]


def without_comment_texts(text):
    """A block's lines. Of a comment only the `#` remains."""
    return [re.sub(r"(^|\s+)#(\s.*)?$", " #", line) for line in text.splitlines()]


def pieces(page, text):
    """Each piece as line, kind and text. The kind has a heading's level, a row's columns, a block's language and
    marker."""
    fences, found, inside, joins = {block.line: block for block in blocks(page, text)}, [], False, False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            inside, joins = not inside, False
            if block := fences.get(number):
                found.append([number, f"fence of `{block.language}`, marked `{block.marker}`", block.text])
        elif inside or not line.strip():
            joins = False
        elif kind := next((kind for start, kind in KINDS if re.match(start, line)), None):
            size = {"heading": line.split(" ")[0], "row": f"of {line.count('|') - 1}"}.get(kind, "")
            found.append([number, f"{kind} {size}".strip(), line])
            joins = kind in ("item", "numbered item")
        elif joins:
            found[-1][2] += "\n" + line
        else:
            found.append([number, "paragraph", line])
            joins = True
    return found


def facts(text):
    """What translation does not change: code, links, images. The two pages' links to each other count as the same."""
    code = re.findall(r"`[^`\n]+`", text)
    plain = re.sub(r"`[^`\n]+`", "", text)
    targets = [bang + "](" + re.sub(r"^(README|jitp)(\.ja)?\.md$", "the other page", target) + ")" for bang, target in re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", plain)]
    return sorted(code + targets + re.findall(r"<https?:[^>]+>", plain))


def numbers(text):
    plain = re.sub(r"\]\([^)]*\)|`[^`\n]+`|<https?:[^>]+>", "", text)
    return set(re.findall(r"\d+(?:\.\d+)?", plain))


def prose(text):
    return re.sub(r"\]\([^)]*\)|`[^`\n]+`|<[^>]*>", " ", text)


def difference(kind, ours, theirs):
    """How the Japanese piece differs from the English one, as what to change."""
    if kind.startswith("fence"):
        pairs = [without_comment_texts(text) for text in (ours, theirs)]
        return [] if pairs[0] == pairs[1] else ["the block differs in more than the texts of comments; use the English lines"]
    errors = [f"add {fact}" for fact in facts(theirs) if facts(theirs).count(fact) > facts(ours).count(fact)]
    errors += [f"remove {fact}" for fact in facts(ours) if facts(ours).count(fact) > facts(theirs).count(fact)]
    errors += [f"the number {number} is missing" for number in sorted(numbers(theirs) - numbers(ours))]
    if ours == theirs and len(re.findall(r"[A-Za-z]{2,}", prose(ours))) >= 4 and kind != "marker":
        errors.append("it is still in English")
    return errors


def page_differences(japanese, english, names=("the translation", "the original")):
    japanese_page, english_page = names
    ours, theirs = pieces(japanese_page, japanese), pieces(english_page, english)
    for (line, kind, _), (other, expected, _) in zip(ours, theirs):
        if kind != expected:
            return [f"{japanese_page}:{line} is a {kind}, where {english_page}:{other} has a {expected}; use the same order"]
    if len(ours) != len(theirs):
        page, rest = (japanese_page, ours[len(theirs):]) if len(ours) > len(theirs) else (english_page, theirs[len(ours):])
        return [f"{page}:{rest[0][0]} has a {rest[0][1]} that the other page does not have; add it there or remove it"]
    return [f"{japanese_page}:{line}, {english_page}:{other}: {error}" for (line, kind, text), (other, _, english) in zip(ours, theirs) for error in difference(kind, text, english)]


MODEL = ("# Name\n\nIt takes 4 min; see [keys](docs/keys.md) and `kid` here.\n\n![The whole flow of it](docs/flow.svg)\n\n## Try\n\n<!-- needs an AWS account -->\n```sh\n"
         "sam build  # builds it\n```\n\n- one\n- two\n\n1. three\n\n| a | b |\n| --- | --- |\n| c | d |\n\n[日本語](README.ja.md)\n")
GOOD = ("# 名前\n\n`kid` と[鍵](docs/keys.md)を参照。4 分かかります。\n\n![全体の流れ](docs/flow.svg)\n\n## 試す\n\n<!-- needs an AWS account -->\n```sh\n"
        "sam build    # ビルドします\n```\n\n- 一\n- 二\n\n1. 三\n\n| あ | い |\n| --- | --- |\n| う | え |\n\n[English](README.md)\n")
# A text of the valid copy, its replacement, and a part of the expected error.
BROKEN = [
    ("# 名前", "## 名前", "is a heading ##"), ("## 試す\n\n", "", "use the same order"), ("- 二\n", "", "use the same order"), ("1. 三", "- 三", "is a item"),
    ("- 一\n", "一\n\n", "is a paragraph"), ("を参照。", "を参照。\n\n", "use the same order"),
    ("sam build ", "sam deploy ", "the block differs"), ("    # ビルドします", "", "the block differs"), ("sam build", "sam build\nsam deploy", "the block differs"),
    ("```sh", "```json", "fence of `json`"), ("<!-- needs an AWS account -->\n", "", "use the same order"), ("needs an AWS account", "AWS アカウントが必要", "marked `AWS"),
    ("docs/keys.md", "docs/codes.md", "add ](docs/keys.md)"), ("[鍵](docs/keys.md)", "鍵", "add ](docs/keys.md)"), ("名前", "[名](a.md)", "remove ](a.md)"),
    ("docs/flow.svg", "docs/page.png", "add !](docs/flow.svg)"), ("![", "[", "add !](docs/flow.svg)"), ("全体の流れ", "The whole flow of it", "still in English"),
    ("`kid`", "`alg`", "add `kid`"), ("`kid` ", "鍵 ID ", "add `kid`"), ("4 分", "5 分", "number 4"),
    ("| う | え |\n", "", "use the same order"), ("| う | え |", "| う |", "is a row of 1"), ("\n[English](README.md)\n", "", "add it there"), ("README.md)\n", "README.md)\n\n余分\n", "remove it"),
    ("(README.md)", "(SECURITY.md)", "add ](the other page)"),
]


def missed():
    """The broken copies whose error is not found."""
    errors = [f"the valid copy: {error}" for error in page_differences(GOOD, MODEL)]
    for old, new, expected in BROKEN:
        found = page_differences(GOOD.replace(old, new, 1), MODEL)
        if old not in GOOD or not any(expected in error for error in found):
            errors.append(f"{old!r} to {new!r}: {found} instead of {expected!r}")
    return errors


def main():
    for english, japanese in PAGES.items():
        texts = [(ROOT / page).read_text() for page in (japanese, english)]
        check_none(f"{japanese} matches {english}", page_differences(*texts, (japanese, english)))
    check_none("errors of broken copies are found", missed())
    finish()


if __name__ == "__main__":
    main()
