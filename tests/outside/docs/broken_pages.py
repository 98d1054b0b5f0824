"""Broken pages, each with one error: tests for the test of the pages."""

from lib.pages import blocks

# The text of a page, and a part of the expected error; `None` where the page is valid.
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
    ("```sh\ncargo local explain --claims missing.json\n```", "ends with 1"),
    ("<!-- needs an AWS account -->\n```sh\ncargo local check\n```", "no command needs"),
    ("<!-- not run here: -->\n```sh\nls\n```", "unknown marker"),
    ("<!-- not run here: ? -->\n```sh\nls\n```", "say why"),
    ("<!-- run by tests/outside/docs/snippets.py: unknown -->\n```python\nx\n```", "does not run `unknown`"),
    ("<!-- run by hand -->\n```sh\nls\n```", "unknown marker"),
    ("<!-- needs an AWS account -->\n\n```sh\naws iot list-things\n```", "neither run nor marked"),
    ("```python\nprint(1)\n```", "neither run nor marked"),
    ("```bash\nls\n```", "unknown language"),
    ("```sh\nls\n", "never closed"),
    ("[a](nowhere.md)", "no such file"),
    ("[a](keys.md#no-such-heading)", "no such heading"),
    ("![a](nowhere.png)", "no such file"),
]


def missed(page_errors):
    """Each case whose error is not found. `page_errors` takes a page's name, text and blocks."""
    wrong = []
    for text, expected in CASES:
        try:
            errors = page_errors("docs/made-up.md", text, blocks("docs/made-up.md", text))
        except ValueError as error:
            errors = [str(error)]
        passed = not errors if expected is None else len(errors) == 1 and expected in errors[0]
        if not passed:
            wrong.append(f"{text!r}: {errors} instead of {expected!r}")
    return wrong
