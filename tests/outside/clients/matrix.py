"""Real clients over every transport that each supports. A client connects with a token that the example
configuration accepts, receives its own message through its own subscription, and loses its connection over another
user's topic.

Run by `./test matrix`, with the clients installed. `matrix.py --table` prints the table of docs/clients.md, which is
compared with that file in every run.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.checks import check, finish, skip
from lib.gateway import Gateway, token
from lib.paths import ROOT
from matrix_data import CLIENTS, NOTES, TRANSPORTS

HERE = pathlib.Path(__file__).resolve().parent
CLIENT_TIMEOUT = 120
OWN_TOPIC, OTHER_TOPIC = "acme/users/alice/matrix/{}", "acme/users/ben/matrix/{}"


def check_cell(title, error):
    check(title, not error, error)


def table():
    """The table of docs/clients.md."""
    lines = ["| client | MQTT | " + " | ".join(TRANSPORTS.values()) + " |", "| --- " * (len(TRANSPORTS) + 2) + "|"]
    for client in CLIENTS:
        for version, transports in client["cells"].items():
            cells = [cell_text(transports[transport]) if transport in transports else "" for transport in TRANSPORTS]
            lines.append(f"| {client['name']} | {version} | " + " | ".join(cells) + " |")
    notes = [f"{number}. {text}" for number, text in NOTES.items()]
    return "\n".join([*lines, "", *notes, ""])


def cell_text(note):
    return f"yes ({note})" if note else "yes"


def run(command, **more):
    """The finished process, or `None` if it is late, and a description of how it ended."""
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=CLIENT_TIMEOUT, **more)
    except subprocess.TimeoutExpired:
        return None, f"{command[0]} did not end within {CLIENT_TIMEOUT} seconds"
    return done, f"exit {done.returncode}\n{done.stdout}{done.stderr}"


def cells_of(client, jwt, **more):
    """A client's cells, as its program reads them."""
    for version, transports in client["cells"].items():
        for transport in transports:
            name = f"{client['short']}-{version}-{transport}".replace(".", "")
            titles = (client["name"], version and f"MQTT {version}", TRANSPORTS[transport])
            yield {
                "id": f"alice/{name}", "own": OWN_TOPIC.format(name), "other": OTHER_TOPIC.format(name), "token": jwt,
                "transport": transport, "version": 5 if version == "5" else 4, "title": ", ".join(filter(None, titles)), **more,
            }


def by_program(gateway, client, cells):
    """Runs a program in the client's own language for all its cells. Returns an error or `None` for each."""
    interpreter = {".py": [sys.executable], ".mjs": ["node"]}[pathlib.Path(client["program"]).suffix]
    address = {"port": gateway.port, "tls_port": gateway.tls_port, "mqtts_port": gateway.mqtts_port, "authority": gateway.authority}
    done, outcome = run([*interpreter, client["program"]], input=json.dumps({"gateway": address, "cells": cells}))
    lines = done.stdout.splitlines() if done else []
    reports = (json.loads(line) for line in lines if line.startswith('{"id"'))
    errors = {report["id"]: report["error"] for report in reports}
    return [errors.get(cell["id"], f"not reported; {outcome}") for cell in cells]


def by_mosquitto(gateway, cell):
    """Subscribes with a persistent session, so that the message waits for the second connection."""
    common = ["-h", "localhost", "-p", gateway.tls_port, "--cafile", gateway.authority, "-u", "alice", "-P", cell["token"], "-q", "1"]
    common += ["--tls-alpn", "mqtt"] if cell["transport"] == "alpn" else []
    common += ["-V", "mqttv5", "-x", "600"] if cell["version"] == 5 else ["-V", "mqttv311"]
    own, other = ["-i", cell["id"], "-t", cell["own"]], ["-i", cell["id"] + "-other", "-t", cell["other"]]
    for command, passes in (
        (["mosquitto_sub", *common, *own, "-c", "-E"], lambda done: done.returncode == 0),
        (["mosquitto_pub", *common, *own[2:], "-i", cell["id"] + "-pub", "-m", "hello"], lambda done: done.returncode == 0),
        (["mosquitto_sub", *common, *own, "-c", "-C", "1", "-W", "30"], lambda done: done.stdout == "hello\n"),
        (["mosquitto_pub", *common, *other, "-m", "hello"], lambda done: done.returncode != 0),
        (["mosquitto_sub", *common, *other, "-C", "1", "-W", "30"], lambda done: "requests were denied" in done.stdout + done.stderr),
    ):
        done, outcome = run(command)
        if not done or not passes(done):
            return f"{command[0]} {command[-3:]}: {outcome}"
    return None


def by_curl(gateway, cell):
    base = {"http": f"http://127.0.0.1:{gateway.port}", "https": f"https://localhost:{gateway.tls_port}"}[cell["transport"]]
    for topic, expected in ((cell["own"], "200"), (cell["other"], "403")):
        done, outcome = run([
            "curl", "-sS", "--cacert", gateway.authority, "-H", f"Authorization: Bearer {cell['token']}", "-d", "hello",
            "-o", "/dev/null", "-w", "%{http_code}", f"{base}/topics/{quote(topic, safe='')}?qos=1",
        ])
        if not done or done.stdout != expected:
            return f"{topic}: {outcome} instead of {expected}"
    return None


def check_tested_elsewhere(client):
    """The test that covers this client in another part of ./test exists."""
    for files, text in client["tested_by"]:
        found = any(text in path.read_text() for path in ROOT.glob(files))
        check(f"{client['name']} is tested by {files}: {text}", found, "the file does not contain it")


def play(gateway, client, jwt, **more):
    """A client's cells, and an error or `None` for each."""
    cells = list(cells_of(client, jwt, **more))
    by_tool = {"mosquitto": by_mosquitto, "curl": by_curl}.get(client["program"])
    return cells, [by_tool(gateway, cell) for cell in cells] if by_tool else by_program(gateway, client, cells)


def check_clients(gateway, clients, jwt, prefix="", **more):
    installed = [client for client in clients if shutil.which(client.get("tool", "node"))]
    for client in clients:
        if client not in installed:
            skip(client["name"], f"{client.get('tool', 'node')} is missing")
    with ThreadPoolExecutor(3) as pool:
        for cells, errors in pool.map(lambda client: play(gateway, client, jwt, **more), installed):
            for cell, error in zip(cells, errors):
                check_cell(prefix + cell["title"], error)


def check_signing(clients, jwt):
    """AWS IoT verifies a token's signature before it calls the authorizer. The SDKs have parameters for that
    signature."""
    key, other_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))

    def signature(key):
        return base64.b64encode(key.sign(jwt.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    with tempfile.TemporaryDirectory() as folder:
        public = pathlib.Path(folder) / "signing.pem"
        form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(key.public_key().public_bytes(*form))
        with Gateway("--signing-key", str(public)) as gateway:
            check_clients(gateway, clients, jwt, "signed token: ", signature=signature(key))
            mqtt5 = [{**client, "cells": {"5": client["cells"]["5"]}} for client in clients]
            check_clients(gateway, mqtt5, jwt, "another key's signature is denied: ", signature=signature(other_key), denied=True)


def main():
    if sys.argv[1:] == ["--table"]:
        return print(table(), end="")
    current = table() in (ROOT / "docs/clients.md").read_text()
    check("docs/clients.md has this table", current, "replace it by the output of matrix.py --table")
    jwt = token("alice", "tenant=acme")
    with Gateway() as gateway:
        check_clients(gateway, [client for client in CLIENTS if "program" in client], jwt)
    for client in CLIENTS:
        if "tested_by" in client:
            check_tested_elsewhere(client)
    check_signing([client for client in CLIENTS if client.get("signs")], jwt)
    finish()


if __name__ == "__main__":
    main()
