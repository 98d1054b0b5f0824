"""Real clients with certificates: each client over each port with each kind of certificate. An accepted client receives
its own message through its own subscription, and loses its connection over a neighbour's topic: one policy with
`${iot:Connection.Thing.ThingName}` serves all. A refused one is never in: MQTT 3.1.1 is closed without a CONNACK.

Run by `./test certificates`. `clients.py --table` prints the table of docs/clients.md, which is compared with that file in
every run.
"""

import json
import pathlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
from clients_data import CLIENTS, KINDS, NOTES, PORTS
from control_plane import control_plane
from lib.checks import check, finish, skip
from lib.paths import ROOT
from matrix import by_program, cell_text, check_tested_elsewhere, run

POLICY = ROOT / "local/cli/src/demo/kitting.json"
OWN, NEIGHBOUR = "devices/{}/t", "devices/neighbour/t"


def kinds_of(client):
    """The kinds of certificate that a client can have."""
    without = {"none"} if client.get("needs_certificate") else set()
    return [kind for kind in client.get("kinds", KINDS) if kind not in without]


def table():
    """The table of docs/clients.md."""
    head = ["client", "MQTT", "port", *(title for title, _ in KINDS.values())]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for client in CLIENTS:
        for version, ports in client["cells"].items():
            for port, note in ports.items():
                cells = [outcome(kind, note) if kind in kinds_of(client) else "" for kind in KINDS]
                lines.append(f"| {client['name']} | {version} | {PORTS[port]} | {' | '.join(cells)} |")
    notes = [f"{number}. {text}" for number, text in NOTES.items()]
    return "\n".join([*lines, "", *notes, ""])


def outcome(kind, note):
    return cell_text(note) if KINDS[kind][1] else "denied"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Factory:
    """Keys and certificates of each kind, in a folder. The registry has what it has to have."""

    def __init__(self, plane):
        self.folder, self.iot = plane.folder / "devices", plane.client("iot")
        self.folder.mkdir()
        self.arns = {}
        openssl(self.folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=own CA")
        self.iot.create_policy(policyName="device", policyDocument=POLICY.read_text())
        self.created()
        self.csr()
        for kind in ("v3", "v1", "chain", "stranger", "inactive", "bare"):
            self.leaf(kind)
        (self.folder / "chain.pem").write_text((self.folder / "chain.pem").read_text() + (self.folder / "ca.pem").read_text())
        for kind in ("v3", "v1", "chain", "inactive", "bare"):
            self.register(kind, "INACTIVE" if kind == "inactive" else "ACTIVE")
        for kind, arn in self.arns.items():
            if kind != "bare":
                self.iot.attach_policy(policyName="device", target=arn)

    def created(self):
        answer = self.iot.create_keys_and_certificate(setAsActive=True)
        (self.folder / "created.key").write_text(answer["keyPair"]["PrivateKey"])
        (self.folder / "created.pem").write_text(answer["certificatePem"])
        self.arns["created"] = answer["certificateArn"]

    def csr(self):
        self.request("csr", "P-256")
        answer = self.iot.create_certificate_from_csr(certificateSigningRequest=(self.folder / "csr.csr").read_text(), setAsActive=True)
        (self.folder / "csr.pem").write_text(answer["certificatePem"])
        self.arns["csr"] = answer["certificateArn"]

    def request(self, name, key):
        new = ["rsa:2048"] if key == "RSA" else ["ec", "-pkeyopt", f"ec_paramgen_curve:{key}"]
        openssl(self.folder, "req", "-newkey", *new, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")

    def leaf(self, kind):
        """Without extensions, OpenSSL makes a certificate of version 1."""
        self.request(kind, "RSA" if kind == "v1" else "P-256")
        (self.folder / "ext").write_text("extendedKeyUsage = clientAuth\n")
        extensions = [] if kind == "v1" else ["-extfile", "ext"]
        openssl(self.folder, "x509", "-req", "-in", f"{kind}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20", "-out", f"{kind}.pem", *extensions)
        shown = subprocess.run(["openssl", "x509", "-in", f"{kind}.pem", "-noout", "-text"], cwd=self.folder, capture_output=True, text=True).stdout
        version = "Version: 1 " if kind == "v1" else "Version: 3 "
        check(f"the certificate {kind} has {version.strip()}", version in shown, shown[:200])

    def register(self, kind, status):
        pem = (self.folder / f"{kind}.pem").read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        self.arns[kind] = self.iot.register_certificate_without_ca(certificatePem=pem, status=status)["certificateArn"]

    def device(self, name, kind):
        """A thing for a cell, attached to the certificate of its kind."""
        self.iot.create_thing(thingName=name)
        if arn := self.arns.get(kind):
            self.iot.attach_thing_principal(thingName=name, principal=arn)


def cells_of(client, factory):
    for version, ports in client["cells"].items():
        for port in ports:
            for kind in kinds_of(client):
                name = f"{client['short']}-{version}-{port}-{kind}".replace(".", "")
                factory.device(name, kind)
                files = {} if kind == "none" else {"certificate": str(factory.folder / f"{kind}.pem"), "key": str(factory.folder / f"{kind}.key")}
                titles = (client["name"], version and f"MQTT {version}", PORTS[port], KINDS[kind][0])
                yield {
                    "id": name, "own": OWN.format(name), "other": NEIGHBOUR, "transport": port, "version": 5 if version == "5" else 4,
                    "denied": not KINDS[kind][1], "title": ", ".join(filter(None, titles)), **files,
                }


def by_mosquitto(gateway, cell):
    """Subscribes with a persistent session, so that the message waits for the second connection. The client id is the
    thing's name in each, so nothing may clean the session."""
    port = gateway.mqtts_port if cell["transport"] == "certificate" else gateway.tls_port
    common = ["-h", "localhost", "-p", port, "--cafile", gateway.authority, "-q", "1", "-i", cell["id"], "-c"]
    common += ["--cert", cell["certificate"], "--key", cell["key"]] if "certificate" in cell else []
    common += ["--tls-alpn", "x-amzn-mqtt-ca"] if cell["transport"] == "certificate-alpn" else []
    common += ["-V", "mqttv5", "-x", "600"] if cell["version"] == 5 else ["-V", "mqttv311"]
    own, other = ["-t", cell["own"]], ["-t", cell["other"]]
    if cell["denied"]:
        done, how = run(["mosquitto_pub", *common, *own, "-m", "hello", "-d"])
        connack = "CONNACK" in (done.stdout if done else "")
        is_expected = done and done.returncode != 0 and (cell["version"] == 5 or not connack) and "CONNACK (0)" not in done.stdout
        return None if is_expected else how
    for command, passes in (
        (["mosquitto_sub", *common, *own, "-E"], lambda done: done.returncode == 0),
        (["mosquitto_pub", *common, *own, "-m", "hello"], lambda done: done.returncode == 0),
        (["mosquitto_sub", *common, *own, "-C", "1", "-W", "30"], lambda done: done.stdout == "hello\n"),
        (["mosquitto_pub", *common, *other, "-m", "hello"], lambda done: done.returncode != 0),
        (["mosquitto_sub", *common, *other, "-C", "1", "-W", "30"], lambda done: "requests were denied" in done.stdout + done.stderr),
    ):
        done, how = run(command)
        if not done or not passes(done):
            return f"{command[0]} {command[-4:]}: {how}"
    return None


def by_curl(gateway, cell):
    """HTTPS has no thing: its policy has no thing variable."""
    files = ["--cert", cell["certificate"], "--key", cell["key"]] if "certificate" in cell else []
    for topic, expected in ((f"https/{cell['id']}", "403" if cell["denied"] else "200"), (cell["other"], "403")):
        url = f"https://localhost:{gateway.tls_port}/topics/{quote(topic, safe='')}?qos=1"
        done, how = run(["curl", "-sS", "--cacert", gateway.authority, *files, "-d", "hello", "-o", "/dev/null", "-w", "%{http_code}", url])
        if not done or done.stdout != expected:
            return f"{topic}: {how} instead of {expected}"
    return None


def play(gateway, client, cells):
    by_tool = {"mosquitto": by_mosquitto, "curl": by_curl}.get(client["program"])
    if not by_tool:
        return by_program(gateway, client, cells)
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda cell: by_tool(gateway, cell), cells))


def check_clients(plane):
    factory = Factory(plane)
    everyone = {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:us-east-1:123456789012:topic/https/*"}
    factory.iot.create_policy(policyName="https", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everyone]}))
    for kind, arn in factory.arns.items():
        if kind != "bare":
            factory.iot.attach_policy(policyName="https", target=arn)
    for client in CLIENTS:
        if "tested_by" in client:
            check_tested_elsewhere(client)
            continue
        tool = client.get("tool") or ("node" if client["program"].endswith(".mjs") else "python3")
        if not shutil.which(tool):
            skip(client["name"], f"{tool} is missing")
            continue
        cells = list(cells_of(client, factory))
        for cell, error in zip(cells, play(plane.gateway, client, cells)):
            check(cell["title"], not error, error)


def main():
    if sys.argv[1:] == ["--table"]:
        return print(table(), end="")
    current = table() in (ROOT / "docs/clients.md").read_text()
    check("docs/clients.md has this table", current, "replace it by the output of clients.py --table")
    with control_plane() as plane:
        check_clients(plane)
    finish()


if __name__ == "__main__":
    main()
