"""The commands and programs of docs/cognito.md, as written, against a gateway: AWS's command line, JavaScript, Python.

Run by `./test cognito`. `tests/outside/docs/commands.py` checks the page's links.
"""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "devices"))
from control_plane import control_plane
from lib.checks import check, finish
from lib.pages import blocks
from lib.paths import ROOT
from login import log_in

PAGE = "docs/cognito.md"
MARK = "run by tests/outside/cognito/page.py"
CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients"
SECONDS = 60
# What the programs print at the end, since the page's end with the credentials.
ENDS = {
    "sh": 'aws iot list-attached-policies --target "$ID" --query "policies[0].policyName" --output text',
    "js": "console.log((await credentials()).sessionToken ? 'credentials' : 'nothing');",
    "python": "print('credentials' if credentials['SessionToken'] else 'nothing')",
}
EXPECTED = {"sh": "app", "js": "credentials", "python": "credentials"}


def program(language, text, token):
    """The command that runs a text, and the text of its standard input."""
    text = f"{text}\n{ENDS[language]}\n"
    match language:
        case "sh":
            return ["sh", "-eu", "-c", text], None, ROOT
        case "js":
            # Modules are found from the folder.
            return ["node", "--input-type=module"], f"const idToken = {token!r};\n{text}", CLIENTS
        case _:
            return [sys.executable, "-"], f"id_token = {token!r}\n{text}", ROOT


def main():
    found = [block for block in blocks(PAGE, (ROOT / PAGE).read_text()) if block.marker == MARK]
    texts = {}
    for block in found:
        texts.setdefault(block.language, []).append(block.text)
    check(f"{PAGE} has a way for each language", set(texts) == set(ENDS), str(set(texts)))
    with control_plane() as plane:
        name, token = log_in(plane.gateway.port, "alice")
        check("the page names the provider", name == "login.example.com/", name)
        environment = {key: value for key, value in plane.environment().items() if not key.startswith("AWS_ENDPOINT")}
        for language, parts in texts.items():
            text = "\n".join(parts).replace("127.0.0.1:8080", f"127.0.0.1:{plane.gateway.port}")
            command, standard_input, folder = program(language, text, token)
            done = subprocess.run(
                command, input=standard_input, cwd=folder, env=environment | {"ID_TOKEN": token}, capture_output=True,
                text=True, timeout=SECONDS)
            last = (done.stdout.split() or [""])[-1]
            check(f"{language} of {PAGE} succeeds", done.returncode == 0 and last == EXPECTED[language], done.stdout[-300:] + done.stderr)
    finish()


if __name__ == "__main__":
    os.environ.pop("AWS_PROFILE", None)
    main()
