"""Pages that are wrong, each in one way, and what has to be said of it: the test of pages, tested."""

from pages import blocks

# What stands on the page, and a part of the fault; nothing where there is none.
CASES = [
    ("```sh\ncargo local check\n```", None),
    ("```sh\ncargo local check \\\n  --json\n```", None),
    ("<!-- needs an AWS account -->\n```sh\naws iot list-things\n```", None),
    ("<!-- not run here: needs Xcode -->\n```swift\nlet x = 1\n```", None),
    ("```json\n{}\n```", None),
    ("[a](keys.md#rotation) `[b](nowhere.md)` https://example.com", None),
    ("```sh\naws iot list-things\n```", "neither run nor marked"),
    ("```sh\nrm -r .\n```", "neither run nor marked"),
    ("```sh\ncargo build --release\n```", "neither run nor marked"),
    ("```sh\ncargo local check --no-such-option\n```", "ends with 2"),
    ("```sh\ncargo local explain --claims nobody.json\n```", "ends with 1"),
    ("<!-- needs an AWS account -->\n```sh\ncargo local check\n```", "nothing in it needs"),
    ("<!-- not run here: -->\n```sh\nls\n```", "no marker"),
    ("<!-- not run here: ? -->\n```sh\nls\n```", "say why"),
    ("<!-- run by tests/docs/connect.py: nobody -->\n```python\nx\n```", "does not run `nobody`"),
    ("<!-- run by hand -->\n```sh\nls\n```", "no marker"),
    ("<!-- needs an AWS account -->\n\n```sh\naws iot list-things\n```", "neither run nor marked"),
    ("```python\nprint(1)\n```", "neither run nor marked"),
    ("```bash\nls\n```", "no language of these pages"),
    ("```sh\nls\n", "never closed"),
    ("[a](nowhere.md)", "leads nowhere"),
    ("[a](keys.md#no-such-heading)", "no such heading"),
    ("![a](nowhere.png)", "leads nowhere"),
]


def told(judge):
    """Each case whose fault is not told as it should be; `judge` takes a page's name, text and blocks."""
    wrong = []
    for text, expected in CASES:
        try:
            faults = judge("docs/made-up.md", text, blocks("docs/made-up.md", text))
        except ValueError as error:
            faults = [str(error)]
        good = not faults if expected is None else len(faults) == 1 and expected in faults[0]
        if not good:
            wrong.append(f"{text!r}: {faults} in place of {expected!r}")
    return wrong
