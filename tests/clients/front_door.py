"""`cargo local`, as a user meets it: what it prints is pasted, clients from outside are held to their policy, a function that dies costs at
most one connect, and a wrong configuration is told in full.

Run by ./test, with the clients installed. Prints one line for each check and a closing line; exits 1 if any failed.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from door import ROOT, FrontDoor, local

HERE = pathlib.Path(__file__).resolve().parent
passed, failed, skipped = [], [], []


def check(title, good, detail=""):
    (passed if good else failed).append(title)
    print(f"{'ok' if good else 'FAILED'}: {title}{'' if good else ': ' + detail}", flush=True)


def run(command, cwd=HERE, **more):
    environment = dict(os.environ, PATH=f"{ROOT}/target/test-venv/bin:{os.environ['PATH']}")
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, **more)


def outcome(run):
    return f"exit {run.returncode}\n{run.stdout}{run.stderr}"


def pasted(door):
    node = run(door.command("mqtt.js"), shell=True)
    check("the mqtt.js line works as printed", node.stdout.strip() == "acme/users/alice/hello hello", outcome(node))
    door.drain()
    paho = run(door.command("paho"), shell=True)
    arrived = door.sees("alice iot:Publish topic/acme/users/alice/hello allowed")
    check("the paho line works as printed", paho.returncode == 0 and arrived, outcome(paho))
    if shutil.which("curl"):
        curl = run(door.command("curl"), shell=True)
        check("the curl line works as printed", '"message":"OK"' in curl.stdout, outcome(curl))
    else:
        skipped.append("curl")
        print("skipped: the curl line (no curl here)")


def held(door):
    token = run(local("token", "--sub", "alice", "--claim", "tenant=acme"), cwd=ROOT).stdout.strip()
    check("`cargo local token` prints a token alone", token.count(".") == 2 and len(token.split()) == 1)
    own, other = "acme/users/alice/x", "acme/users/ben/x"
    node = run(["node", "refused.mjs", door.port, token, own, other, "acme/#"])
    check("mqtt.js is held to its policy", node.returncode == 0, outcome(node))
    paho = run(["python3", "refused.py", door.port, token, own, "globex/users/alice/x"])
    check("paho is held to its policy", paho.returncode == 0, outcome(paho))
    return token, own


def logged_in(door):
    """An OpenID Connect client from outside logs in, and what a machine gets lets it in."""
    secret = (ROOT / ".iot-local/private/machine.secret").read_text()
    client = run(["node", "login.mjs", door.port, "https://login.example.com/", secret])
    check("a strict OpenID Connect client logs in, and is refused what it should be", client.returncode == 0, client.stderr)
    if client.returncode:
        return
    for topic, expected in (("acme/users/machine-1/x", 200), ("acme/users/alice/x", 403)):
        address = f"http://127.0.0.1:{door.port}/topics/{topic.replace('/', '%2F')}?qos=1"
        request = urllib.request.Request(address, b"x", {"Authorization": f"Bearer {client.stdout.strip()}"})
        try:
            status = urllib.request.urlopen(request, timeout=30).status
        except urllib.error.HTTPError as error:
            status = error.code
        check(f"a machine that has logged in publishes to {topic}: {expected}", status == expected, str(status))
    if shutil.which("curl"):
        curl = run(next(line for line in door.greeting if line.startswith("curl -u")), shell=True)
        check("the line for a machine's token works as printed", '"access_token":"' in curl.stdout, outcome(curl))


def sandboxes(door):
    """The processes of the function: children of the front door's."""
    listing = subprocess.run(["ps", "-eo", "pid=,pgid=,comm="], capture_output=True, text=True).stdout
    rows = (line.split() for line in listing.splitlines())
    return [int(pid) for pid, group, name in rows if name == "bootstrap" and int(group) == door.process.pid]


def killed(door, token, own):
    victims = sandboxes(door)
    check("the function runs in two sandboxes", len(victims) == 2, str(victims))
    refusals = 0
    for round in range(3):
        for victim in sandboxes(door):
            os.kill(victim, signal.SIGKILL)
        attempts = [run(["node", "refused.mjs", door.port, token, own, "acme/users/ben/x", "acme/#"]) for _ in range(2)]
        refusals += sum(attempt.returncode != 0 for attempt in attempts)
        check(f"round {round + 1}: after the sandboxes are killed, the next but one connects", attempts[1].returncode == 0, outcome(attempts[1]))
    check("killing every sandbox three times costs at most three connects", refusals <= 3, f"{refusals}")
    print(f"connects lost to three kills: {refusals}")


def wrong():
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        folder = pathlib.Path(folder)
        for part in ("policies", "keys"):
            shutil.copytree(ROOT / part, folder / part)
        text = (ROOT / "authorizer.toml").read_text()
        (folder / "authorizer.toml").write_text(text.replace("audience   =", "audiences  ="))
        (folder / "policies/device-owner.json").unlink()
        policy = folder / "policies/app-user.json"
        policy.write_text(policy.read_text().replace("${tenant}", "${nobody}"))
        (folder / "keys/old.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        told = run(local("--port", "0", "--config", str(folder / "authorizer.toml")), cwd=ROOT)
        check("a wrong configuration ends `cargo local` with 1", told.returncode == 1, outcome(told))
        for expected in ("no key `audiences`", "policies/device-owner.json", "${nobody}", "keys/old.pem: holds a private key"):
            check(f"it names: {expected}", expected in told.stderr, outcome(told))


def main():
    wrong()
    door = FrontDoor()
    try:
        pasted(door)
        logged_in(door)
        killed(door, *held(door))
    finally:
        door.end()
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(bool(failed))


main()
