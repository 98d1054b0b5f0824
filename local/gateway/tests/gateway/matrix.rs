//! Endpoint x protocol x authentication: each cell of `matrix.json` connects, or is denied at the step that it names.
//! `docs/matrix.md` is written from the same table.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod page;
mod play;

use std::sync::Arc;

use iot_local_gateway::GatewayOptions;
use iot_local_gateway::tls::TlsOptions;
use serde::Deserialize;
use serde_json::json;

use self::play::{Credentials, play};
use crate::devices::{Api, Device, PKI};
use crate::secure::{self, TlsGateway};
use crate::statements::allow_all;
use crate::support::{cloud_in, function};

/// The columns of the table, in its order.
const COLUMNS: [Credentials; 4] = [
    Credentials { certificate: true, ..Credentials::NONE },
    Credentials { signature: true, ..Credentials::NONE },
    Credentials { token: true, ..Credentials::NONE },
    Credentials { certificate: true, token: true, ..Credentials::NONE },
];

/// The name of an endpoint with settings.
const OWN_NAME: &str = "matrix.localhost";

/// An endpoint with its rows.
#[derive(Deserialize)]
struct Endpoint {
    /// The settings of its domain configuration. Without them, it is a default endpoint.
    authentication: Option<String>,
    protocol: Option<String>,
    /// Whether it is in another Region than the one in which the certificate is registered and for which requests are
    /// signed.
    #[serde(default)]
    is_elsewhere: bool,
    rows: Vec<Row>,
}

impl Endpoint {
    /// Returns both settings of its domain configuration.
    fn settings(&self) -> Option<(&str, &str)> {
        self.authentication.as_deref().zip(self.protocol.as_deref())
    }
}

/// A protocol at a port.
#[derive(Deserialize)]
struct Row {
    protocol: Protocol,
    port: Port,
    #[serde(default)]
    alpn: String,
    /// What comes of each column: see [`play`].
    cells: [String; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
enum Protocol {
    #[serde(rename = "MQTT")]
    Mqtt,
    #[serde(rename = "MQTT over WSS")]
    WebSocket,
    #[serde(rename = "HTTPS")]
    Https,
}

/// A port of AWS IoT; the gateway has another number for 443.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
enum Port {
    #[serde(rename = "443")]
    Https,
    #[serde(rename = "8883")]
    Mqtts,
}

fn endpoints() -> Vec<Endpoint> {
    serde_json::from_str(include_str!("matrix.json")).unwrap()
}

/// The gateways of two Regions. Both trust one authority; the devices are registered in the first.
struct Regions {
    home: TlsGateway,
    elsewhere: TlsGateway,
    known: Device,
    unknown: Device,
}

impl Regions {
    async fn open() -> Self {
        let home = secure::open().await;
        let authority = Arc::clone(&home.state.authority);
        let elsewhere = secure::open_changed(|options| {
            in_region(options, "eu-west-1");
            options.tls = Some(TlsOptions { port: 0, mqtts_port: 0, authority });
        })
        .await;
        let known = PKI.fresh("matrix");
        let api = Api { port: home.running.port };
        api.create_policy("all", &allow_all()).await;
        api.register(&known, "ACTIVE").await;
        api.attach_policy("all", &known).await;
        let domain = json!({ "domainName": OWN_NAME });
        api.call("POST /domainConfigurations/matrix", "", &domain).await;
        Self { home, elsewhere, known, unknown: PKI.fresh("unknown") }
    }
}

fn in_region(options: &mut GatewayOptions, region: &str) {
    let mut function = function(2);
    function.function_arn = function.function_arn.replace("us-east-1", region);
    options.function = function.into();
    options.cloud = cloud_in(region);
}

/// Makes the one domain configuration that of the endpoint, as an account has ten at most. Returns the server name.
async fn server_name(gateway: &TlsGateway, endpoint: &Endpoint) -> &'static str {
    let Some((authentication, protocol)) = endpoint.settings() else { return "localhost" };
    let settings = json!({ "authenticationType": authentication, "applicationProtocol": protocol });
    let api = Api { port: gateway.running.port };
    api.call("PUT /domainConfigurations/matrix", "", &settings).await;
    OWN_NAME
}

#[tokio::test]
async fn each_cell_connects_or_is_denied_at_its_step() {
    let regions = Regions::open().await;
    let (mut wrong, mut connected, mut denied) = (Vec::new(), 0, 0);
    for endpoint in &endpoints() {
        let gateway = if endpoint.is_elsewhere { &regions.elsewhere } else { &regions.home };
        let name = server_name(gateway, endpoint).await;
        for row in &endpoint.rows {
            for (credentials, expected) in COLUMNS.iter().zip(&row.cells) {
                let found = play(&regions, gateway, name, row, *credentials).await;
                if found != *expected {
                    wrong.push(format!(
                        "{:?} {:?} {:?} {:?} {credentials:?}: expected {expected:?}, found {found:?}",
                        endpoint.settings(),
                        row.protocol,
                        row.port,
                        row.alpn
                    ));
                }
                *(if page::is_denied(&found) { &mut denied } else { &mut connected }) += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
    println!("{connected} cells connect, {denied} are denied");
}
