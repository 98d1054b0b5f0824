// "Use your own client": code for well-known clients, with the address, client id and topics of this session.

import { $, copyOn, make, show } from "./dom.js";

/** Stands for the token in the code that is shown. */
const SHOWN_TOKEN = "eyJ…";

const js = (text) => JSON.stringify(text);
/** Python reads a JSON string alike, unless it has characters beyond the basic plane, which JSON.stringify keeps. */
const py = js;
const sh = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Code by client. Each takes the facts of the session: host, port, tlsPort, ca, id, topic, filter, token. */
const CLIENTS = [
  { name: "mqtt.js", code: ({ host, port, id, topic, filter, token }) => `\
// npm install mqtt; save as client.mjs; node client.mjs
import mqtt from "mqtt";

const client = mqtt.connect("ws://${host}:${port}/mqtt", {
  clientId: ${js(id)}, username: ${js(id)}, protocolVersion: 5, reconnectPeriod: 0,
  password: ${js(token)},
});
client.on("error", (error) => console.error(error.message));
client.on("message", (topic, message) => {
  console.log(topic, String(message));
  client.end();
});
client.on("connect", () => {
  client.subscribe(${js(filter)}, () => client.publish(${js(topic)}, "hello"));
});
` },
  { name: "paho", code: ({ host, port, id, topic, filter, token }) => `\
# pip install paho-mqtt; save as client.py; python3 client.py
import paho.mqtt.client as mqtt

def on_message(client, userdata, message):
    print(message.topic, message.payload.decode())
    client.disconnect()

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, ${py(id)}, transport="websockets", protocol=mqtt.MQTTv5)
client.username_pw_set(${py(id)}, ${py(token)})
client.on_connect = lambda client, userdata, flags, reason, properties: (
    client.disconnect() if reason.is_failure else client.subscribe(${py(filter)}, qos=1))
client.on_subscribe = lambda *_: client.publish(${py(topic)}, "hello", qos=1)
client.on_message = on_message
client.connect(${py(host)}, ${port})
client.loop_forever()
` },
  { name: "AWS SDK", needsTls: true, code: ({ tlsPort, ca, id, topic, filter, token }) => `\
// npm install aws-iot-device-sdk-v2; save as client.mjs; node client.mjs
import sdk from "aws-iot-device-sdk-v2";

const { iot, mqtt5 } = sdk;
const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithCustomAuth("localhost", {
  username: ${js(id)}, password: ${js(token)},
});
builder.withPort(${tlsPort}).withCertificateAuthorityFromPath(undefined, ${js(ca)});
builder.withConnectProperties({ clientId: ${js(id)}, keepAliveIntervalSeconds: 60 });
const client = new mqtt5.Mqtt5Client(builder.build());
const qos = mqtt5.QoS.AtLeastOnce;
client.on("connectionFailure", ({ error }) => { console.error(String(error)); client.stop(); });
client.on("messageReceived", ({ message }) => {
  console.log(message.topicName, String(Buffer.from(message.payload)));
  client.stop();
});
client.on("stopped", () => process.exit());
client.on("connectionSuccess", async () => {
  await client.subscribe({ subscriptions: [{ topicFilter: ${js(filter)}, qos }] });
  await client.publish({ topicName: ${js(topic)}, payload: "hello", qos });
});
client.start();
` },
  { name: "mosquitto", needsTls: true, code: ({ tlsPort, ca, id, topic, token }) => `\
mosquitto_pub -h localhost -p ${tlsPort} --cafile ${sh(ca)} --tls-alpn mqtt \\
  -i ${sh(id)} -u ${sh(id)} -P ${sh(token)} \\
  -t ${sh(topic)} -m hello -q 1
` },
  { name: "curl", code: ({ host, port, topic, token }) => `\
curl -d hello -H ${sh(`Authorization: Bearer ${token}`)} \\
  ${sh(`http://${host}:${port}/topics/${encodeURIComponent(topic)}?qos=1`)}
` },
];

let facts = null;
let chosen = CLIENTS[0];

/** Installs the tabs (WAI-ARIA pattern: arrow keys move, one tab stop). */
export function start() {
  const tabs = CLIENTS.map((client, index) => {
    const tab = make("button", { type: "button", role: "tab", id: `tab-${index}`, "aria-controls": "snippet-panel" }, client.name);
    tab.addEventListener("click", () => select(tabs, index));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (index + step + tabs.length) % tabs.length;
      select(tabs, next);
      tabs[next].focus();
    });
    return tab;
  });
  $("tabs").replaceChildren(...tabs);
  select(tabs, 0);
  copyOn($("copy-snippet"), () => chosen.code(facts));
}

function select(tabs, index) {
  chosen = CLIENTS[index];
  tabs.forEach((tab, i) => {
    tab.setAttribute("aria-selected", String(i === index));
    tab.tabIndex = i === index ? 0 : -1;
  });
  $("snippet-panel").setAttribute("aria-labelledby", tabs[index].id);
  render();
}

function render() {
  if (!facts) return;
  const lacksTls = chosen.needsTls && !(facts.tlsPort && facts.ca);
  $("snippet").textContent = lacksTls ? "This client needs TLS, and this gateway has no TLS port." : chosen.code({ ...facts, token: SHOWN_TOKEN });
  $("copy-snippet").disabled = lacksTls;
  $("snippet-note").textContent = facts.note;
}

/** Shows the code for a session, or hides it: the session has no policy. */
export function update(session) {
  facts = session;
  show("own", session !== null);
  show("own-waiting", session === null);
  render();
}
