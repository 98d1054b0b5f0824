"""Runs the snippets of docs/connect.md unchanged: each connects to `cargo local` and receives its own message, and
those that reconnect do so with a new token.

Run by `./test snippets`, with the clients of tests/outside/clients installed. A snippet whose tool is missing is
skipped.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.checks import check, finish, skip
from lib.gateway import Gateway, token
from lib.pages import all_blocks
from lib.paths import ROOT

MARK = "run by tests/outside/docs/snippets.py: "
AUTHORIZER = "iot-jwt-authorizer"
SNIPPET_TIMEOUT = 60

# The app around a snippet. It publishes to another user's topic, which closes the connection, and supplies a second
# token for the next one. That publish has QoS 0: with QoS 1 clients repeat it on their next connection, which then
# closes, too.
HARNESSES = {
    "mqttjs": """
const settings = JSON.parse(process.env.SETTINGS);
let tokensUsed = 0;
const client = await open({ ...settings, endpoint: `localhost:${settings.port}`, getToken: async () => settings.tokens[Math.min(tokensUsed++, 1)] });
let returned = 0;
client.on("message", () => {
  returned += 1;
  if (returned === 1) return client.publish(settings.otherTopic, "x", { qos: 0 });
  console.log(`returned ${returned}, tokens used ${tokensUsed}`);
  process.exit(tokensUsed === 2 ? 0 : 1);
});
const publishOwn = () => client.subscribe(settings.topic, () => client.publish(settings.topic, "hello", { qos: 1 }));
if (client.connected) publishOwn();
client.on("connect", publishOwn);
""",
    "awsiotjs": """
const settings = JSON.parse(process.env.SETTINGS);
const client = open({ ...settings, endpoint: "localhost", token: settings.tokens[0] },
  (builder) => { builder.withPort(Number(settings.port)).withCertificateAuthorityFromPath(undefined, settings.authority); return builder; });
client.on("connectionSuccess", async () => {
  await client.subscribe({ subscriptions: [{ topicFilter: settings.topic, qos: 1 }] });
  await client.publish({ topicName: settings.topic, payload: "hello", qos: 1 });
});
client.on("messageReceived", ({ message }) => { console.log(message.topicName); process.exit(message.topicName === settings.topic ? 0 : 1); });
""",
    "paho": """
import json, os, queue
settings = json.loads(os.environ["SETTINGS"])
used, events = [], queue.Queue()
def get_token():
    used.append(settings["tokens"][min(len(used), 1)])
    return used[-1]
client = open_client("localhost", settings["port"], settings["authorizer"], settings["clientId"], get_token)
client.on_message = lambda client, data, message: events.put(message.payload)
def publish_own(*_):
    client.subscribe(settings["topic"], qos=1)
    client.publish(settings["topic"], f"by token {len(used)}", qos=1)
def expect(payload):
    while events.get(timeout=30) != payload:
        pass
client.on_connect = publish_own
if client.is_connected():
    publish_own()
expect(b"by token 1")
client.publish(settings["otherTopic"], "x", qos=0)
expect(b"by token 2")
client.on_disconnect = None
client.disconnect()
raise SystemExit(len(used) != 2)
""",
    "awsiot": """
import json, os, queue
from awscrt import mqtt5
settings = json.loads(os.environ["SETTINGS"])
used, events = [], queue.Queue()
def get_token():
    used.append(settings["tokens"][min(len(used), 1)])
    return used[-1]
client = open_client("localhost", settings["authorizer"], settings["clientId"], get_token, port=settings["port"], ca_filepath=settings["authority"],
    on_lifecycle_connection_success=lambda data: events.put("connected"), on_lifecycle_connection_failure=lambda data: print(data.exception),
    on_publish_received=lambda data: events.put("message"))
def expect(kind):
    while events.get(timeout=30) != kind:
        pass
def publish_own():
    expect("connected")
    own = mqtt5.Subscription(topic_filter=settings["topic"], qos=mqtt5.QoS.AT_LEAST_ONCE)
    client.subscribe(mqtt5.SubscribePacket(subscriptions=[own])).result(30)
    client.publish(mqtt5.PublishPacket(topic=settings["topic"], payload="hello", qos=mqtt5.QoS.AT_LEAST_ONCE))
    expect("message")
publish_own()
client.publish(mqtt5.PublishPacket(topic=settings["otherTopic"], payload="x", qos=mqtt5.QoS.AT_MOST_ONCE))
publish_own()
client.stop()
os._exit(len(used) != 2)
""",
    "pahoc": """
#include <string.h>
int main(int count, char **settings)
{
    MQTTClient client, denied;
    MQTTClient_message *message = NULL;
    char *topic = NULL;
    int length = 0;
    if (count != 7 || open_client(&client, settings[1], settings[2], settings[3], settings[4], settings[5]) != MQTTCLIENT_SUCCESS) return 1;
    if (MQTTClient_subscribe(client, settings[6], 1) != MQTTCLIENT_SUCCESS) return 2;
    if (MQTTClient_publish(client, settings[6], 5, "hello", 1, 0, NULL) != MQTTCLIENT_SUCCESS) return 3;
    MQTTClient_receive(client, &topic, &length, &message, 30000);
    if (!message || message->payloadlen != 5 || memcmp(message->payload, "hello", 5)) return 4;
    return open_client(&denied, settings[1], settings[2], settings[3], "somebody-else", settings[5]) == MQTTCLIENT_SUCCESS ? 5 : 0;
}
""",
}


def check_run(name, done):
    check(f"docs/connect.md, {name}", done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}")


def run(command, settings, **more):
    environment = dict(
        os.environ, SETTINGS=json.dumps(settings), NODE_EXTRA_CA_CERTS=settings["authority"], SSL_CERT_FILE=settings["authority"],
        ENDPOINT="localhost", PORT=str(settings["port"]), CA=settings["authority"], AUTHORIZER=AUTHORIZER, TOKEN=settings["tokens"][0],
        ID=settings["clientId"], TOPIC=settings["topic"])
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SNIPPET_TIMEOUT, stdin=subprocess.DEVNULL, **more)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, "none: it did not end", "", "")


def javascript(name, text, settings, folder):
    # Next to the installed packages, where Node finds them.
    path = ROOT / f"tests/outside/clients/node_modules/.docs-{name}.mjs"
    path.write_text(text + HARNESSES[name])
    try:
        check_run(name, run(["node", str(path)], settings))
    finally:
        path.unlink()


def python(name, text, settings, folder):
    check_run(name, run([sys.executable, "-c", text + HARNESSES[name]], settings))


def c(name, text, settings, folder):
    source, program = folder / "connect.c", folder / "connect"
    source.write_text(text + HARNESSES[name])
    compiler = shutil.which("cc")
    header = compiler and run([compiler, "-E", "-include", "MQTTClient.h", "-x", "c", "/dev/null"], settings).returncode == 0
    if not header:
        return skip(f"docs/connect.md, {name}", "a C compiler or the Paho C library is missing")
    built = run([compiler, "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source), "-lpaho-mqtt3cs"], settings)
    if built.returncode:
        return check_run(name, built)
    check_run(name, run([str(program), f"ssl://localhost:{settings['port']}", settings["authority"], AUTHORIZER, settings["clientId"], settings["tokens"][0], settings["topic"]], settings))


def shell(name, text, settings, folder):
    tool = {"mosquitto": "mosquitto_pub"}.get(name, name)
    if not shutil.which(tool):
        return skip(f"docs/connect.md, {name}", f"{tool} is missing")
    done = run(["sh", "-ec", text], settings)
    if "hello" not in done.stdout and '"message":"OK"' not in done.stdout:
        done.returncode = done.returncode or "0, but no message was received"
    check_run(name, done)


LANGUAGES = {"js": javascript, "python": python, "c": c, "sh": shell}


def snippets():
    """Each snippet that is run, by its name."""
    return {block.marker.removeprefix(MARK): block for block in all_blocks() if block.marker.startswith(MARK)}


def main():
    found = snippets()
    if set(HARNESSES) - set(found):
        raise SystemExit(f"docs/connect.md has no snippet for {sorted(set(HARNESSES) - set(found))}")
    with Gateway() as gateway, tempfile.TemporaryDirectory() as folder:
        for name, block in found.items():
            subject = f"docs-{name}"
            settings = {
                "authority": gateway.authority, "port": int(gateway.tls_port), "authorizer": AUTHORIZER, "clientId": subject,
                "topic": f"acme/users/{subject}/hello", "otherTopic": "acme/users/somebody-else/x",
                "tokens": [token(subject, "tenant=acme"), token(subject, "tenant=acme", "turn=2")],
            }
            LANGUAGES[block.language](name, block.text, settings, pathlib.Path(folder))
    finish()


if __name__ == "__main__":
    main()
