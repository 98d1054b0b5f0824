"""README.ja.md beside README.md, piece by piece: headings, paragraphs, items, rows of tables, fenced blocks, images, links, code and numbers.

Run by ./test. Prints one line for each check and a closing line; exits 1 if anything failed.
"""

import re
import sys

from pages import FENCE, ROOT, blocks

ENGLISH, JAPANESE = "README.md", "README.ja.md"
KINDS = [(r"#+ ", "heading"), (r"- ", "item"), (r"\d+\. ", "numbered item"), (r"\|", "row"), (r"<!--", "marker")]


def comments_out(text):
    """A fence's lines; of a comment only that there is one."""
    return [re.sub(r"(^|\s+)#(\s.*)?$", " #", line) for line in text.splitlines()]


def pieces(page, text):
    """Each piece as line, kind and text; a kind has a heading's level, a row's columns, a fence's language and marker."""
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
    """What no translation changes; the two pages' links to each other count as one."""
    code = re.findall(r"`[^`\n]+`", text)
    plain = re.sub(r"`[^`\n]+`", "", text)
    targets = [bang + "](" + re.sub(r"^README(\.ja)?\.md$", "the other README", target) + ")" for bang, target in re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", plain)]
    return sorted(code + targets + re.findall(r"<https?:[^>]+>", plain))


def numbers(text):
    plain = re.sub(r"\]\([^)]*\)|`[^`\n]+`|<https?:[^>]+>", "", text)
    return set(re.findall(r"\d+(?:\.\d+)?", plain))


def prose(text):
    return re.sub(r"\]\([^)]*\)|`[^`\n]+`|<[^>]*>", " ", text)


def difference(kind, ours, theirs):
    """What the Japanese piece has otherwise than the English one, as what to mend."""
    if kind.startswith("fence"):
        pairs = [comments_out(text) for text in (ours, theirs)]
        return [] if pairs[0] == pairs[1] else ["the block differs in more than the words of comments; take the English one's lines"]
    wrong = [f"add {fact}" for fact in facts(theirs) if facts(theirs).count(fact) > facts(ours).count(fact)]
    wrong += [f"take out {fact}" for fact in facts(ours) if facts(ours).count(fact) > facts(theirs).count(fact)]
    wrong += [f"the number {number} is not told" for number in sorted(numbers(theirs) - numbers(ours))]
    if ours == theirs and len(re.findall(r"[A-Za-z]{2,}", prose(ours))) >= 4 and kind != "marker":
        wrong.append("it is still in English")
    return wrong


def faults(japanese, english):
    ours, theirs = pieces(JAPANESE, japanese), pieces(ENGLISH, english)
    for (line, kind, _), (other, expected, _) in zip(ours, theirs):
        if kind != expected:
            return [f"{JAPANESE}:{line} is a {kind}, where {ENGLISH}:{other} has a {expected}; bring the two into one order"]
    if len(ours) != len(theirs):
        page, rest = (JAPANESE, ours[len(theirs):]) if len(ours) > len(theirs) else (ENGLISH, theirs[len(ours):])
        return [f"{page}:{rest[0][0]} has a {rest[0][1]} that the other page has not; add it there or take it out"]
    return [f"{JAPANESE}:{line}, {ENGLISH}:{other}: {fault}" for (line, kind, text), (other, _, english) in zip(ours, theirs) for fault in difference(kind, text, english)]


MODEL = ("# Name\n\nIt takes 4 min; see [keys](docs/keys.md) and `kid` here.\n\n![The whole flow of it](docs/flow.svg)\n\n## Try\n\n<!-- needs an AWS account -->\n```sh\n"
         "sam build  # builds it\n```\n\n- one\n- two\n\n1. three\n\n| a | b |\n| --- | --- |\n| c | d |\n\n[日本語](README.ja.md)\n")
GOOD = ("# 名前\n\n`kid` と[鍵](docs/keys.md)を参照。4 分かかります。\n\n![全体の流れ](docs/flow.svg)\n\n## 試す\n\n<!-- needs an AWS account -->\n```sh\n"
        "sam build    # ビルドします\n```\n\n- 一\n- 二\n\n1. 三\n\n| あ | い |\n| --- | --- |\n| う | え |\n\n[English](README.md)\n")
# What is broken in the good copy, what stands there for it, and a part of what has to be said.
BROKEN = [
    ("# 名前", "## 名前", "is a heading ##"), ("## 試す\n\n", "", "bring the two"), ("- 二\n", "", "bring the two"), ("1. 三", "- 三", "is a item"),
    ("- 一\n", "一\n\n", "is a paragraph"), ("を参照。", "を参照。\n\n", "bring the two"),
    ("sam build ", "sam deploy ", "the block differs"), ("    # ビルドします", "", "the block differs"), ("sam build", "sam build\nsam deploy", "the block differs"),
    ("```sh", "```json", "fence of `json`"), ("<!-- needs an AWS account -->\n", "", "bring the two"), ("needs an AWS account", "AWS アカウントが必要", "marked `AWS"),
    ("docs/keys.md", "docs/codes.md", "add ](docs/keys.md)"), ("[鍵](docs/keys.md)", "鍵", "add ](docs/keys.md)"), ("名前", "[名](a.md)", "take out ](a.md)"),
    ("docs/flow.svg", "docs/page.png", "add !](docs/flow.svg)"), ("![", "[", "add !](docs/flow.svg)"), ("全体の流れ", "The whole flow of it", "still in English"),
    ("`kid`", "`alg`", "add `kid`"), ("`kid` ", "鍵 ID ", "add `kid`"), ("4 分", "5 分", "number 4"),
    ("| う | え |\n", "", "bring the two"), ("| う | え |", "| う |", "is a row of 1"), ("\n[English](README.md)\n", "", "add it there"), ("README.md)\n", "README.md)\n\n余分\n", "take it out"),
    ("(README.md)", "(SECURITY.md)", "add ](the other README)"),
]


def told():
    wrong = [f"the good copy: {fault}" for fault in faults(GOOD, MODEL)]
    for old, new, expected in BROKEN:
        said = faults(GOOD.replace(old, new, 1), MODEL)
        if old not in GOOD or not any(expected in fault for fault in said):
            wrong.append(f"{old!r} to {new!r}: {said} in place of {expected!r}")
    return wrong


def main():
    failed = 0
    checks = [(f"{JAPANESE} is in step with {ENGLISH}", faults((ROOT / JAPANESE).read_text(), (ROOT / ENGLISH).read_text())), ("each broken copy is told of", told())]
    for title, wrong in checks:
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok'}: {title}" + "".join(f"\n  {fault}" for fault in wrong))
    print(f"{len(checks) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
