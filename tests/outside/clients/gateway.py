"""`cargo local` as a user meets it: the snippets that it prints work, clients are held to their policy, a killed
authorizer process costs at most one connection, and an invalid configuration is reported in full.

Run by `./test clients`, with the clients installed.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.checks import check, finish, skip
from lib.gateway import Gateway, command_line
from lib.paths import ROOT

HERE = pathlib.Path(__file__).resolve().parent
PAHO_CLIENT = HERE.parent / "lib/paho_client.py"
OWN_TOPIC, OTHER_USER, OTHER_TENANT = "acme/users/alice/x", "acme/users/ben/x", "globex/users/alice/x"


def run(command, cwd=HERE, **more):
    # The snippets run the first `python3`, which must have the clients.
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(command, cwd=cwd, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=60, **more)


def outcome(done):
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}"


# The clients of `cargo local snippet`, the program that each needs, and what it prints.
SNIPPETS = [
    ("mqttjs", "node", "acme/users/alice/hello hello"),
    ("paho", "python3", "acme/users/alice/hello hello"),
    ("aws-sdk-python", "python3", "acme/users/alice/hello hello"),
    ("aws-sdk-js", "node", "acme/users/alice/hello hello"),
    ("mosquitto", "mosquitto_pub", "hello"),
    ("curl", "curl", '"message":"OK"'),
    ("machine-token", "curl", '"access_token":"'),
]


def check_first_screen(gateway):
    # Before it, cargo says what it builds and waits for.
    start = next(index for index, line in enumerate(gateway.banner) if line.startswith("The local gateway"))
    lines = gateway.banner[start:]
    screen = "\n".join(lines)
    check("the first screen is short and has no token", len(lines) <= 12 and "eyJ" not in screen, screen)
    ports = f"--port {gateway.port} --tls-port {gateway.tls_port}"
    check("the first screen names the command for a snippet", f"cargo local snippet mqttjs {ports}" in screen, screen)


def check_snippets(gateway):
    for client, program, expected in SNIPPETS:
        if not shutil.which(program):
            skip(f"the snippet {client}", f"{program} is missing")
            continue
        before = gateway.written()
        done = run(gateway.snippet(client), shell=True)
        works = done.returncode == 0 and expected in done.stdout
        check(f"the snippet {client} works as printed", works, outcome(done))
        if client == "paho":
            check("the snippet paho prints nothing else", done.stdout.strip() == expected and not done.stderr, outcome(done))
            arrived = gateway.wait_for("alice iot:Publish topic/acme/users/alice/hello allowed", start=before)
            check("the event log has the publish", arrived, gateway.output(before))
            decided = gateway.wait_for(r"^[0-9:]+Z alice authorizer ALLOW app-user device-owner \(issuer users, ", start=before)
            check("the event log has the decision in one readable line", decided, gateway.output(before))


def mqttjs_client(gateway, jwt):
    return run(["node", "mqttjs_client.mjs", gateway.port, jwt, OWN_TOPIC, OTHER_USER, "acme/#"])


def check_policy(gateway, jwt):
    mqttjs = mqttjs_client(gateway, jwt)
    check("mqtt.js is held to its policy", mqttjs.returncode == 0, outcome(mqttjs))
    paho = run([sys.executable, PAHO_CLIENT, gateway.port, jwt, OWN_TOPIC, OTHER_TENANT])
    check("paho is held to its policy", paho.returncode == 0, outcome(paho))


def check_login(gateway):
    """A strict OpenID Connect client logs in, and the authorizer accepts its machine's token."""
    secret = (ROOT / ".iot-local/private/machine.secret").read_text()
    client = run(["node", "login.mjs", gateway.port, "https://login.example.com/", secret])
    check("a strict OpenID Connect client logs in, and invalid logins are rejected", client.returncode == 0, client.stderr)
    if client.returncode:
        return
    for topic, expected in (("acme/users/machine-1/x", 200), ("acme/users/alice/x", 403)):
        url = f"http://127.0.0.1:{gateway.port}/topics/{topic.replace('/', '%2F')}?qos=1"
        request = urllib.request.Request(url, b"x", {"Authorization": f"Bearer {client.stdout.strip()}"})
        try:
            status = urllib.request.urlopen(request, timeout=30).status
        except urllib.error.HTTPError as error:
            status = error.code
        check(f"a machine that has logged in publishes to {topic}: {expected}", status == expected, str(status))


def authorizer_processes(gateway):
    """The process ids of the authorizer, which are in the gateway's session. Each has its own process group."""
    listing = subprocess.run(["ps", "-eo", "pid=,sess=,comm="], capture_output=True, text=True).stdout
    rows = (line.split() for line in listing.splitlines())
    return [int(pid) for pid, session, name in rows if name == "bootstrap" and int(session) == gateway.process.pid]


def check_kills(gateway, jwt):
    running = authorizer_processes(gateway)
    check("the authorizer runs in two sandboxes", len(running) == 2, str(running))
    lost = 0
    for number in (1, 2, 3):
        for pid in authorizer_processes(gateway):
            os.kill(pid, signal.SIGKILL)
        attempts = [mqttjs_client(gateway, jwt) for _ in range(2)]
        lost += sum(attempt.returncode != 0 for attempt in attempts)
        check(f"round {number}: after all sandboxes are killed, the second connection succeeds", attempts[1].returncode == 0, outcome(attempts[1]))
    check("killing every sandbox three times costs at most three connections", lost <= 3, f"{lost}")
    print(f"connections lost to three kills: {lost}")


def check_invalid_configuration():
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        folder = pathlib.Path(folder)
        for part in ("policies", "keys"):
            shutil.copytree(ROOT / part, folder / part)
        text = (ROOT / "authorizer.toml").read_text()
        (folder / "authorizer.toml").write_text(text.replace("audience   =", "audiences  ="))
        (folder / "policies/device-owner.json").unlink()
        policy = folder / "policies/app-user.json"
        policy.write_text(policy.read_text().replace("${tenant}", "${nosuch}"))
        (folder / "keys/old.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        started = run(command_line("--port", "0", "--config", str(folder / "authorizer.toml")), cwd=ROOT)
        check("an invalid configuration ends `cargo local` with 1", started.returncode == 1, outcome(started))
        for expected in ("unknown key `audiences`", "policies/device-owner.json", r"\$\{nosuch\}", "keys/old.pem: contains a private key"):
            check(f"the error has {expected}", re.search(expected, started.stderr), outcome(started))


def main():
    check_invalid_configuration()
    with Gateway() as gateway:
        check_first_screen(gateway)
        check_snippets(gateway)
        check_login(gateway)
        jwt = run(command_line("token", "--sub", "alice", "--claim", "tenant=acme"), cwd=ROOT).stdout.strip()
        check("`cargo local token` prints only a token", jwt.count(".") == 2 and len(jwt.split()) == 1)
        check_policy(gateway, jwt)
        check_kills(gateway, jwt)
    finish()


main()
