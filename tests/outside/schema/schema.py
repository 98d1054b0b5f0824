"""The schemas of docs/schema/ beside the readers: a schema accepts what the reader accepts, and rejects each error that
it can express. jsonschema and taplo, which editors use, agree.

Run by `./test schema`. The argument is the seed of the random documents.
"""

import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import documents
import readers
from lib import repository
from lib.checks import check, check_none, finish
from lib.gateway import command_line, program
from lib.paths import ROOT, TEMPORARY

# Each is read by a process of its own.
DOCUMENTS = {"authorizer": 120, "provision": 60, "cases": 60}
# Processes of `cargo local check` at once.
THREADS = 2
VALIDATORS = {kind: readers.validator(kind) for kind in readers.NAMES}


def deployment(folder):
    """A folder with the keys, policies and lists that the documents name."""
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "keys", folder / "keys")
    shutil.copytree(ROOT / "tests/deployments/all/policies", folder / "policies")
    (folder / "devices.csv").write_text("device\nsensor-1\n")
    (folder / "revoked.json").write_text('{"version": 1}')
    for kind, document in documents.DOCUMENTS.items():
        (folder / readers.NAMES[kind]).write_text(documents.text(kind, document))
    return folder


def valid_files(kind):
    suffix = {"authorizer": "authorizer.toml", "provision": "provision.toml", "cases": ".cases.json"}[kind]
    return [ROOT / path for path in repository.files() if str(path).endswith(suffix)]


def check_valid_files():
    for kind, validator in VALIDATORS.items():
        files = valid_files(kind)
        invalid = [file for file in files if not readers.is_valid(validator, kind, file.read_text())]
        check(f"{kind}: {len(files)} files of the repository are valid", len(files) > 1 and not invalid, invalid)


def authorizer_errors():
    """Texts with errors and the errors that a test of the reader expects: `tests/errors/authorizer.json`."""
    example = (ROOT / "authorizer.toml").read_text()
    for case in json.loads((ROOT / "tests/errors/authorizer.json").read_text()):
        errors = [re.sub(r"^authorizer.toml(:\d+)?: ", "", error.replace("\n  help:", "")) for error in case["errors"]]
        own = [error for error, whole in zip(errors, case["errors"]) if whole.startswith("authorizer.toml")]
        yield "authorizer", example.replace(case["old"], case["new"], 1), own


def provision_errors():
    """The same of `provision/cases/errors.json`."""
    found = json.loads((ROOT / "provision/cases/errors.json").read_text())
    for case in found["cases"]:
        text = found["tables"][case["table"]].replace(case["old"], case["new"], 1)
        yield "provision", text, [case["error"].partition(": ")[2].replace("\n  help:", "")]


def check_known_errors():
    used, wrong, texts = collections.Counter(), [], collections.defaultdict(list)
    for kind, text, errors in (*authorizer_errors(), *provision_errors()):
        valid = readers.is_valid(VALIDATORS[kind], kind, text)
        texts[kind].append((text, valid))
        reasons = {readers.category(error, text) for error in errors} if valid else {"rejected by the schema"}
        used.update(reasons or {"no error"})
        if why := readers.disagreement(errors, valid, text):
            wrong.append(f"{why}: {errors}: {text}")
    check_none("errors of shape that tests expect are errors of the schema", wrong, 5)
    print("    " + ", ".join(f"{count} {name}" for name, count in used.most_common()))
    return texts


def check_taplo(folder, texts):
    """taplo's verdict on each text is jsonschema's."""
    for kind, pairs in texts.items():
        files = [folder / f"{kind}-{index}.toml" for index in range(len(pairs))]
        for file, (text, _) in zip(files, pairs):
            file.write_text(f"#:schema {ROOT}/docs/schema/{kind}.json\n{text}")
        invalid = readers.taplo_invalid(files, folder)
        wrong = [file.name for file, (_, valid) in zip(files, pairs) if valid == (file.name in invalid)]
        check(f"{kind}: taplo agrees on {len(files)} texts, {len(invalid)} of them invalid", invalid and not wrong, wrong[:5])


def check_editor(folder):
    """As an editor does: a folder of `init`, and the rules of this repository."""
    subprocess.run(command_line("init", "new", "--firebase", "example-iot"), cwd=folder, check=True, capture_output=True)
    config = folder / "new/authorizer.toml"
    check("taplo accepts the folder of `init`", not readers.taplo_invalid([config], folder))
    config.write_text(config.read_text().replace("audience", "audiences", 1))
    check("taplo rejects an unknown key in it", readers.taplo_invalid([config], folder))
    files = [*valid_files("authorizer"), *valid_files("provision")]
    check(f"taplo accepts {len(files)} files of the repository", not readers.taplo_invalid(files, ROOT))
    copy = folder / "repository"
    (copy / "docs").mkdir(parents=True)
    shutil.copy(ROOT / ".taplo.toml", copy)
    shutil.copytree(ROOT / "docs/schema", copy / "docs/schema")
    for kind in ("authorizer", "provision"):
        file = copy / readers.NAMES[kind]
        file.write_text("unknown = 1\n")
        check(f"`.taplo.toml` has a rule for {file.name}", readers.taplo_invalid([file], copy))


def verdict(folder, kind, document):
    """A disagreement about a document, and whether the reader accepts it."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        place = deployment(pathlib.Path(own) / "deployment")
        text = documents.text(kind, document)
        (place / readers.NAMES[kind]).write_text(text)
        errors = readers.reader_errors(kind, place, documents.ENVIRONMENT)
    why = readers.disagreement(errors, readers.is_valid(VALIDATORS[kind], kind, text), text)
    return why and f"{why}: {errors[:3]}\n      {text}", not errors


def check_random_documents(folder, seed):
    print(f"seed {seed}")
    for kind, document in documents.DOCUMENTS.items():
        schema = VALIDATORS[kind].schema
        present = {name for container, name in documents.places(document) if isinstance(container, dict)}
        missing = {path[-1] for path in documents.keys_of_schema(schema)} - present
        check(f"{kind}: the document has every key of the schema", not missing, missing)
        why, accepted = verdict(folder, kind, document)
        check(f"{kind}: the reader and the schema accept the document", accepted and not why, why)
        chooser = random.Random(f"{seed} {kind}")
        count = DOCUMENTS[kind]
        changed = [documents.changed(chooser, document) for _ in range(count)]
        with ThreadPoolExecutor(THREADS) as pool:
            verdicts = list(pool.map(lambda document: verdict(folder, kind, document), changed))
        accepted = sum(accepted for _, accepted in verdicts)
        check_none(
            f"{kind}: {count} random documents, {accepted} of them accepted by the reader",
            (why for why, _ in verdicts if why), 5)
        check(f"{kind}: random documents are accepted and rejected", 0 < accepted < count)


def main():
    seed = sys.argv[1] if len(sys.argv) > 1 else "1"
    # Not `cargo run` for each of hundreds of documents.
    program()
    with tempfile.TemporaryDirectory(dir=TEMPORARY) as name:
        folder = pathlib.Path(name)
        check_valid_files()
        check_taplo(folder, check_known_errors())
        check_editor(folder)
        check_random_documents(folder, seed)
    finish()


main()
