//! The clients, and how each runs the code of docs/connect.md.

use clap::ValueEnum;

use super::Settings;
use crate::shell::{quoted, quoted_path};

/// The page with the code.
const PAGE: &str = include_str!("../../../../docs/connect.md");
/// The comment above a block, with the block's name.
const MARK: &str = "<!-- run by tests/outside/docs/snippets.py: ";
const FENCE: &str = "```";

/// A client that a snippet connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// mqtt.js in Node, MQTT over WebSocket
    #[value(name = "mqttjs")]
    MqttJs,
    /// Eclipse Paho in Python, MQTT over TLS
    #[value(name = "paho")]
    Paho,
    /// mosquitto_sub and mosquitto_pub, MQTT over TLS
    #[value(name = "mosquitto")]
    Mosquitto,
    /// HTTPS publish with curl
    #[value(name = "curl")]
    Curl,
    /// AWS IoT Device SDK v2 for Python, MQTT over WebSocket
    #[value(name = "aws-sdk-python")]
    AwsPython,
    /// AWS IoT Device SDK v2 for JavaScript in Node, MQTT over WebSocket
    #[value(name = "aws-sdk-js")]
    AwsJs,
    /// Token for a machine by client credentials, with curl
    #[value(name = "machine-token")]
    MachineToken,
    /// AWS's command line and SDKs, as the operator of the gateway
    #[value(name = "aws")]
    Aws,
    /// Certificate of a device, and mosquitto_pub with it
    #[value(name = "mosquitto-certificate")]
    MosquittoCertificate,
}

impl Client {
    /// All clients.
    pub(crate) const ALL: [Self; 9] = [
        Self::MqttJs,
        Self::Paho,
        Self::Mosquitto,
        Self::Curl,
        Self::AwsPython,
        Self::AwsJs,
        Self::MachineToken,
        Self::Aws,
        Self::MosquittoCertificate,
    ];

    /// The name in the command.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MqttJs => "mqttjs",
            Self::Paho => "paho",
            Self::Mosquitto => "mosquitto",
            Self::Curl => "curl",
            Self::AwsPython => "aws-sdk-python",
            Self::AwsJs => "aws-sdk-js",
            Self::MachineToken => "machine-token",
            Self::Aws => "aws",
            Self::MosquittoCertificate => "mosquitto-certificate",
        }
    }

    /// The name of the block in the page.
    const fn block_name(self) -> Option<&'static str> {
        match self {
            Self::MqttJs => Some("mqttjs"),
            Self::Paho => Some("paho"),
            Self::Mosquitto => Some("mosquitto"),
            Self::Curl => Some("curl"),
            Self::AwsPython => Some("awsiot"),
            Self::AwsJs => Some("awsiotjs"),
            Self::MachineToken | Self::Aws | Self::MosquittoCertificate => None,
        }
    }

    /// Commands for a shell. Empty for a client without a token.
    pub(super) fn snippet(self, settings: &Settings<'_>) -> String {
        let block = self.block_name().and_then(block).unwrap_or_default();
        match self {
            Self::MqttJs => node(settings, "mqtt", block, MQTT_JS),
            Self::AwsJs => node(settings, "aws-iot-device-sdk-v2", block, AWS_JS),
            Self::Paho => python(settings, "paho-mqtt", block, PAHO),
            Self::AwsPython => python(settings, "awsiotsdk", block, AWS_PYTHON),
            Self::Mosquitto | Self::Curl => shell(settings, block),
            Self::Aws | Self::MosquittoCertificate => String::new(),
            Self::MachineToken => format!(
                "curl -u \"machine-1:$(cat {})\" -d grant_type=client_credentials http://127.0.0.1:{}/oidc/{}/token\n",
                quoted_path(&settings.machine_secret),
                settings.port,
                settings.issuer
            ),
        }
    }
}

/// A block of the page.
fn block(name: &str) -> Option<&'static str> {
    let (_, rest) = PAGE.split_once(&format!("{MARK}{name} -->\n{FENCE}"))?;
    let (_, code) = rest.split_once('\n')?;
    Some(code.split_once(FENCE)?.0)
}

fn node(settings: &Settings<'_>, package: &str, block: &str, main: &str) -> String {
    let (ca, token) = (quoted_path(&settings.authority), &settings.token);
    let main = fill(main, settings);
    format!(
        "# npm install {package}\nNODE_EXTRA_CA_CERTS={ca} TOKEN={token} node --input-type=module - <<'EOF'\n{block}\n{main}EOF\n"
    )
}

fn python(settings: &Settings<'_>, package: &str, block: &str, main: &str) -> String {
    let (ca, token) = (quoted_path(&settings.authority), &settings.token);
    let main = fill(main, settings);
    format!("# pip install {package}\nCA={ca} TOKEN={token} python3 - <<'EOF'\n{block}\n\n{main}EOF\n")
}

/// The variables that the block reads, and the block.
fn shell(settings: &Settings<'_>, block: &str) -> String {
    let Settings { tls_port, authorizer, token, example, .. } = settings;
    let id = example.client_id_prefix.as_ref().unwrap_or(&example.client_id);
    format!(
        "ENDPOINT=localhost PORT={tls_port} AUTHORIZER={} CA={}\nID={} TOPIC={}\nTOKEN={token}\n{block}",
        quoted(authorizer),
        quoted_path(&settings.authority),
        quoted(id),
        quoted(&example.topic)
    )
}

/// Fills the places of a program. All texts can stand inside its quotes.
fn fill(main: &str, settings: &Settings<'_>) -> String {
    let example = &settings.example;
    main.replace("@PORT@", &settings.tls_port.to_string())
        .replace("@AUTHORIZER@", settings.authorizer)
        .replace("@CLIENT_ID@", &example.client_id)
        .replace("@TOPIC@", &example.topic)
        .replace("@FILTER@", &example.filter)
}

const MQTT_JS: &str = r#"const client = await open({
  endpoint: "localhost:@PORT@", authorizer: "@AUTHORIZER@", clientId: "@CLIENT_ID@", getToken: async () => process.env.TOKEN,
});
client.on("error", () => client.end());
client.on("message", (topic, message) => { console.log(topic, String(message)); client.end(); });
const start = () => client.subscribe("@FILTER@", { qos: 1 }, () => client.publish("@TOPIC@", "hello", { qos: 1 }));
if (client.connected) start();
else client.once("connect", start);
"#;

const AWS_JS: &str = r#"const client = open(
  { endpoint: "localhost", authorizer: "@AUTHORIZER@", clientId: "@CLIENT_ID@", token: process.env.TOKEN },
  (builder) => { builder.withPort(@PORT@).withCertificateAuthorityFromPath(undefined, process.env.NODE_EXTRA_CA_CERTS); return builder; });
client.on("connectionSuccess", async () => {
  await client.subscribe({ subscriptions: [{ topicFilter: "@FILTER@", qos: 1 }] });
  await client.publish({ topicName: "@TOPIC@", payload: "hello", qos: 1 });
});
client.on("messageReceived", ({ message }) => {
  console.log(message.topicName, new TextDecoder().decode(message.payload));
  process.exit(0);
});
"#;

const PAHO: &str = r#"import os
import queue

messages = queue.Queue()
client = open_client("localhost", @PORT@, "@AUTHORIZER@", "@CLIENT_ID@", lambda: os.environ["TOKEN"], os.environ["CA"])
client.on_message = lambda client, data, message: messages.put(message)


def start(*_):
    client.subscribe("@FILTER@", qos=1)
    client.publish("@TOPIC@", "hello", qos=1)


client.on_connect = start
if client.is_connected():
    start()
try:
    message = messages.get(timeout=10)
except queue.Empty:
    raise SystemExit("no message: the event log of the gateway has the reason") from None
print(message.topic, message.payload.decode())
client.on_disconnect = None
client.disconnect()
"#;

const AWS_PYTHON: &str = r#"import os
import queue

from awscrt import mqtt5

events = queue.Queue()
client = open_client(
    "localhost", "@AUTHORIZER@", "@CLIENT_ID@", lambda: os.environ["TOKEN"], port=@PORT@, ca_filepath=os.environ["CA"],
    on_lifecycle_connection_success=lambda data: events.put(None),
    on_lifecycle_connection_failure=lambda data: print(data.exception),
    on_publish_received=lambda data: events.put(data.publish_packet))
try:
    events.get(timeout=10)
    subscription = mqtt5.Subscription(topic_filter="@FILTER@", qos=mqtt5.QoS.AT_LEAST_ONCE)
    client.subscribe(mqtt5.SubscribePacket(subscriptions=[subscription])).result(10)
    client.publish(mqtt5.PublishPacket(topic="@TOPIC@", payload="hello", qos=mqtt5.QoS.AT_LEAST_ONCE))
    message = events.get(timeout=10)
except queue.Empty:
    raise SystemExit("no message: the event log of the gateway has the reason") from None
print(message.topic, message.payload.decode())
client.stop()
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_its_code_in_the_page() {
        for client in Client::ALL {
            assert_eq!(client.to_possible_value().unwrap().get_name(), client.name());
            let Some(name) = client.block_name() else { continue };
            assert!(block(name).is_some_and(|code| code.lines().count() >= 3), "{name}");
        }
        assert_eq!(Client::value_variants(), Client::ALL);
        assert_eq!(block("nosuch"), None);
    }
}
