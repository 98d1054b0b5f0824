"""Real clients, each over every transport that it has: it connects with a token that the example's rules let in, gets what it
publishes back by its own subscription, and loses its connection over a foreign topic.

`python matrix.py` runs every cell, prints one line for each and a closing line, and exits 1 if any failed; ./test does so with
the clients installed. `python matrix.py --table` prints the table of docs/clients.md, with which every run compares that file.
"""

import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from door import ROOT, FrontDoor, token
from matrix_data import CLIENTS, NOTES, TRANSPORTS

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 120
OWN, FOREIGN = "acme/users/alice/matrix/{}", "acme/users/ben/matrix/{}"
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(title, fault):
    counts["failed" if fault else "passed"] += 1
    print(f"FAILED: {title}: {fault}" if fault else f"ok: {title}", flush=True)


def table():
    """The table as docs/clients.md has it."""
    lines = ["| client | MQTT | " + " | ".join(TRANSPORTS.values()) + " |", "| --- " * (len(TRANSPORTS) + 2) + "|"]
    for client in CLIENTS:
        for version, transports in client["cells"].items():
            cells = [cell(transports[transport]) if transport in transports else "" for transport in TRANSPORTS]
            lines.append(f"| {client['name']} | {version} | " + " | ".join(cells) + " |")
    notes = [f"{number}. {text}" for number, text in NOTES.items()]
    return "\n".join([*lines, "", *notes, ""])


def cell(note):
    return f"yes ({note})" if note else "yes"


def run(command, **more):
    """What a command said and how it ended."""
    try:
        ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=PATIENCE, **more)
    except subprocess.TimeoutExpired:
        return None, f"{command[0]} did not end within {PATIENCE} seconds"
    return ended, f"exit {ended.returncode}\n{ended.stdout}{ended.stderr}"


def cells_of(client, jwt, **more):
    """Everything that a client's program has to play."""
    for version, transports in client["cells"].items():
        for transport in transports:
            name = f"{client['short']}-{version}-{transport}".replace(".", "")
            yield {
                "id": f"alice/{name}", "own": OWN.format(name), "foreign": FOREIGN.format(name), "token": jwt,
                "transport": transport, "version": 5 if version == "5" else 4,
                "title": ", ".join(part for part in (client["name"], version and f"MQTT {version}", TRANSPORTS[transport]) if part), **more,
            }


def by_program(door, client, cells):
    """A program of the client's own language plays all its cells: what went wrong with each, or nothing."""
    program = {".py": [sys.executable], ".mjs": ["node"]}[pathlib.Path(client["by"]).suffix]
    where = {"port": door.port, "tls_port": door.tls_port, "authority": door.authority}
    ended, outcome = run([*program, client["by"]], input=json.dumps({"door": where, "cells": cells}))
    lines = ended.stdout.splitlines() if ended else []
    faults = {told["id"]: told["fault"] for told in (json.loads(line) for line in lines if line.startswith('{"id"'))}
    return [faults.get(cell["id"], f"no word of it; {outcome}") for cell in cells]


def by_mosquitto(door, cell):
    """The subscription is left to a session that is kept, so that nothing has to be waited for."""
    common = ["-h", "localhost", "-p", door.tls_port, "--cafile", door.authority, "-u", "alice", "-P", cell["token"], "-q", "1"]
    common += ["--tls-alpn", "mqtt"] if cell["transport"] == "alpn" else []
    common += ["-V", "mqttv5", "-x", "600"] if cell["version"] == 5 else ["-V", "mqttv311"]
    own, foreign = ["-i", cell["id"], "-t", cell["own"]], ["-i", cell["id"] + "-foreign", "-t", cell["foreign"]]
    for command, good in (
        (["mosquitto_sub", *common, *own, "-c", "-E"], lambda ended: ended.returncode == 0),
        (["mosquitto_pub", *common, *own[2:], "-i", cell["id"] + "-pub", "-m", "hello"], lambda ended: ended.returncode == 0),
        (["mosquitto_sub", *common, *own, "-c", "-C", "1", "-W", "30"], lambda ended: ended.stdout == "hello\n"),
        (["mosquitto_pub", *common, *foreign, "-m", "hello"], lambda ended: ended.returncode != 0),
        (["mosquitto_sub", *common, *foreign, "-C", "1", "-W", "30"], lambda ended: "requests were denied" in ended.stdout + ended.stderr),
    ):
        ended, outcome = run(command)
        if not ended or not good(ended):
            return f"{command[0]} {command[-3:]}: {outcome}"
    return None


def by_curl(door, cell):
    base = {"http": f"http://127.0.0.1:{door.port}", "https": f"https://localhost:{door.tls_port}"}[cell["transport"]]
    for topic, expected in ((cell["own"], "200"), (cell["foreign"], "403")):
        ended, outcome = run([
            "curl", "-sS", "--cacert", door.authority, "-H", f"Authorization: Bearer {cell['token']}", "-d", "hello",
            "-o", "/dev/null", "-w", "%{http_code}", f"{base}/topics/{quote(topic, safe='')}?qos=1",
        ])
        if not ended or ended.stdout != expected:
            return f"{topic}: {outcome} instead of {expected}"
    return None


def elsewhere(client):
    """Clients that another test of ./test plays: it has to be there."""
    for place, words in client["elsewhere"]:
        absent = words not in (ROOT / place).read_text()
        check(f"{client['name']} is played by {place}: {words}", "it is not there" if absent else None)


def play(door, client, jwt, **more):
    """A client's cells, and what went wrong with each."""
    cells = list(cells_of(client, jwt, **more))
    one = {"mosquitto": by_mosquitto, "curl": by_curl}.get(client["by"])
    return cells, [one(door, cell) for cell in cells] if one else by_program(door, client, cells)


def each(door, clients, jwt, prefix="", **more):
    here = [client for client in clients if shutil.which(client.get("tool", "node"))]
    for client in (client for client in clients if client not in here):
        counts["skipped"] += 1
        print(f"skipped: {client['name']} (not here)", flush=True)
    with ThreadPoolExecutor(3) as pool:
        for cells, faults in pool.map(lambda client: play(door, client, jwt, **more), here):
            for cell, fault in zip(cells, faults):
                check(prefix + cell["title"], fault)


def signing(clients, jwt):
    """AWS IoT's own check of the token, before the function is asked: the SDKs have parameters for its signature."""
    key, stranger = (rsa.generate_private_key(65537, 2048) for _ in range(2))

    def signed(key):
        return base64.b64encode(key.sign(jwt.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    with tempfile.TemporaryDirectory() as folder:
        public = pathlib.Path(folder) / "signing.pem"
        form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(key.public_key().public_bytes(*form))
        door = FrontDoor("--signing-key", str(public))
        try:
            each(door, clients, jwt, "signed token: ", signature=signed(key))
            only_5 = [{**client, "cells": {"5": client["cells"]["5"]}} for client in clients]
            each(door, only_5, jwt, "a stranger's signature is refused: ", signature=signed(stranger), refused=True)
        finally:
            door.end()


def main():
    if sys.argv[1:] == ["--table"]:
        return print(table(), end="")
    page = ROOT / "docs/clients.md"
    stale = table() not in page.read_text()
    check("docs/clients.md has this table", "make it anew with matrix.py --table" if stale else None)
    jwt = token("alice", "tenant=acme")
    door = FrontDoor()
    try:
        each(door, [client for client in CLIENTS if "by" in client], jwt)
    finally:
        door.end()
    for client in CLIENTS:
        if "elsewhere" in client:
            elsewhere(client)
    signing([client for client in CLIENTS if client.get("signs")], jwt)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(bool(counts["failed"]))


main()
