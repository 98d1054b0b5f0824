"""The snippets of docs/connect.md, as they stand there: each connects to `cargo local`, gets back what it publishes, and those that
come back by themselves do so with a fresh token.

Run by ./test, with the clients of tests/clients installed. A snippet whose tool is absent is skipped by name.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from pages import ROOT, all_blocks

sys.path.insert(0, str(ROOT / "tests/clients"))
from door import FrontDoor, token  # noqa: E402

MARK = "run by tests/docs/connect.py: "
PYTHON = ROOT / "target/test-venv/bin/python"
AUTHORIZER = "iot-jwt-authorizer"
PATIENCE = 60

# What an app has around a snippet. A second token is the fresh one, asked for after a publish to somebody else's topic has ended the
# connection. That has QoS 0: with QoS 1 clients publish it again on their next connection, which ends, too.
HARNESSES = {
    "mqttjs": """
const told = JSON.parse(process.env.TOLD);
let asked = 0;
const client = await open({ ...told, endpoint: `localhost:${told.port}`, getToken: async () => told.tokens[Math.min(asked++, 1)] });
let returned = 0;
client.on("message", () => {
  returned += 1;
  if (returned === 1) return client.publish(told.foreign, "x", { qos: 0 });
  console.log(`returned ${returned}, asked ${asked}`);
  process.exit(asked === 2 ? 0 : 1);
});
const speak = () => client.subscribe(told.topic, () => client.publish(told.topic, "hello", { qos: 1 }));
if (client.connected) speak();
client.on("connect", speak);
""",
    "awsiotjs": """
const told = JSON.parse(process.env.TOLD);
const client = open({ ...told, endpoint: "localhost", token: told.tokens[0] },
  (builder) => { builder.withPort(Number(told.port)).withCertificateAuthorityFromPath(undefined, told.authority); return builder; });
client.on("connectionSuccess", async () => {
  await client.subscribe({ subscriptions: [{ topicFilter: told.topic, qos: 1 }] });
  await client.publish({ topicName: told.topic, payload: "hello", qos: 1 });
});
client.on("messageReceived", ({ message }) => { console.log(message.topicName); process.exit(message.topicName === told.topic ? 0 : 1); });
""",
    "paho": """
import json, os, queue
told = json.loads(os.environ["TOLD"])
asked, heard = [], queue.Queue()
def get_token():
    asked.append(told["tokens"][min(len(asked), 1)])
    return asked[-1]
client = open_client("localhost", told["port"], told["authorizer"], told["clientId"], get_token)
client.on_message = lambda client, data, message: heard.put(message.payload)
def speak(*_):
    client.subscribe(told["topic"], qos=1)
    client.publish(told["topic"], f"by token {len(asked)}", qos=1)
def expect(payload):
    while heard.get(timeout=30) != payload:
        pass
client.on_connect = speak
if client.is_connected():
    speak()
expect(b"by token 1")
client.publish(told["foreign"], "x", qos=0)
expect(b"by token 2")
client.on_disconnect = None
client.disconnect()
raise SystemExit(len(asked) != 2)
""",
    "awsiot": """
import json, os, queue
from awscrt import mqtt5
told = json.loads(os.environ["TOLD"])
asked, heard = [], queue.Queue()
def get_token():
    asked.append(told["tokens"][min(len(asked), 1)])
    return asked[-1]
client = open_client("localhost", told["authorizer"], told["clientId"], get_token, port=told["port"], ca_filepath=told["authority"],
    on_lifecycle_connection_success=lambda data: heard.put("connected"), on_lifecycle_connection_failure=lambda data: print(data.exception),
    on_publish_received=lambda data: heard.put("message"))
def expect(kind):
    while heard.get(timeout=30) != kind:
        pass
def speak():
    expect("connected")
    own = mqtt5.Subscription(topic_filter=told["topic"], qos=mqtt5.QoS.AT_LEAST_ONCE)
    client.subscribe(mqtt5.SubscribePacket(subscriptions=[own])).result(30)
    client.publish(mqtt5.PublishPacket(topic=told["topic"], payload="hello", qos=mqtt5.QoS.AT_LEAST_ONCE))
    expect("message")
speak()
client.publish(mqtt5.PublishPacket(topic=told["foreign"], payload="x", qos=mqtt5.QoS.AT_MOST_ONCE))
speak()
client.stop()
os._exit(len(asked) != 2)
""",
    "pahoc": """
#include <string.h>
int main(int count, char **told)
{
    MQTTClient client, refused;
    MQTTClient_message *message = NULL;
    char *topic = NULL;
    int length = 0;
    if (count != 7 || open_client(&client, told[1], told[2], told[3], told[4], told[5]) != MQTTCLIENT_SUCCESS) return 1;
    if (MQTTClient_subscribe(client, told[6], 1) != MQTTCLIENT_SUCCESS) return 2;
    if (MQTTClient_publish(client, told[6], 5, "hello", 1, 0, NULL) != MQTTCLIENT_SUCCESS) return 3;
    MQTTClient_receive(client, &topic, &length, &message, 30000);
    if (!message || message->payloadlen != 5 || memcmp(message->payload, "hello", 5)) return 4;
    return open_client(&refused, told[1], told[2], told[3], "somebody-else", told[5]) == MQTTCLIENT_SUCCESS ? 5 : 0;
}
""",
}

passed, failed, skipped = [], [], []


def check(name, run):
    good = run.returncode == 0
    (passed if good else failed).append(name)
    print(f"{'ok' if good else 'FAILED'}: docs/connect.md, {name}{'' if good else f': exit {run.returncode}' + chr(10) + run.stdout + run.stderr}", flush=True)


def skip(name, why):
    skipped.append(name)
    print(f"skipped: docs/connect.md, {name} ({why})", flush=True)


def run(command, told, **more):
    environment = dict(
        os.environ, TOLD=json.dumps(told), NODE_EXTRA_CA_CERTS=told["authority"], SSL_CERT_FILE=told["authority"],
        ENDPOINT="localhost", PORT=str(told["port"]), CA=told["authority"], AUTHORIZER=AUTHORIZER, TOKEN=told["tokens"][0],
        ID=told["clientId"], TOPIC=told["topic"])
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, **more)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, "none: it does not end", "", "")


def javascript(name, text, told, folder):
    # Beside the installed packages, where Node looks for them.
    path = ROOT / f"tests/clients/node_modules/.docs-{name}.mjs"
    path.write_text(text + HARNESSES[name])
    try:
        check(name, run(["node", str(path)], told))
    finally:
        path.unlink()


def python(name, text, told, folder):
    check(name, run([str(PYTHON), "-c", text + HARNESSES[name]], told))


def c(name, text, told, folder):
    source, program = folder / "connect.c", folder / "connect"
    source.write_text(text + HARNESSES[name])
    compiler = shutil.which("cc")
    header = compiler and run([compiler, "-E", "-include", "MQTTClient.h", "-x", "c", "/dev/null"], told).returncode == 0
    if not header:
        return skip(name, "no C compiler, or no Paho C library")
    built = run([compiler, "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source), "-lpaho-mqtt3cs"], told)
    if built.returncode:
        return check(name, built)
    check(name, run([str(program), f"ssl://localhost:{told['port']}", told["authority"], AUTHORIZER, told["clientId"], told["tokens"][0], told["topic"]], told))


def shell(name, text, told, folder):
    tool = {"mosquitto": "mosquitto_pub"}.get(name, name)
    if not shutil.which(tool):
        return skip(name, f"no {tool} here")
    done = run(["sh", "-ec", text], told)
    if "hello" not in done.stdout and '"message":"OK"' not in done.stdout:
        done.returncode = done.returncode or "0, but nothing came back"
    check(name, done)


LANGUAGES = {"js": javascript, "python": python, "c": c, "sh": shell}


def snippets():
    """Name and block of each snippet that is run."""
    return {block.marker.removeprefix(MARK): block for block in all_blocks() if block.marker.startswith(MARK)}


def main():
    found = snippets()
    if set(HARNESSES) - set(found):
        raise SystemExit(f"docs/connect.md has no snippet for {sorted(set(HARNESSES) - set(found))}")
    door = FrontDoor()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, block in found.items():
                subject = f"docs-{name}"
                told = {
                    "authority": door.authority, "port": int(door.tls_port), "authorizer": AUTHORIZER, "clientId": subject,
                    "topic": f"acme/users/{subject}/hello", "foreign": "acme/users/somebody-else/x",
                    "tokens": [token(subject, "tenant=acme"), token(subject, "tenant=acme", "turn=2")],
                }
                LANGUAGES[block.language](name, block.text, told, pathlib.Path(folder))
    finally:
        door.end()
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
