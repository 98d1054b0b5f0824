//! Starts a gateway whose function follows the client's instructions, and connects clients to it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use iot_local_base::env::Env;
use iot_local_cloud::credentials::KeyPair;
use iot_local_cloud::{Account, Cloud, CloudOptions};
use iot_local_gateway::annotation::PageOptions;
use iot_local_gateway::auth::endpoint::EndpointSettings;
use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_gateway::selection::AuthorizerDefinition;
use iot_local_gateway::{GatewayOptions, RunningGateway};
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_identity::oidc::ProviderOptions;
use iot_local_lambda::LambdaSpec;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet, Transport,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::broadcast::Receiver;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn function(sandboxes: usize) -> LambdaSpec {
    let path = std::env::vars_os().find(|(name, _)| name == "PATH").unwrap().1.into_string().unwrap();
    LambdaSpec {
        program: PathBuf::from("python3"),
        args: vec![
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/function.py").display().to_string(),
        ],
        env: Env::from([("PATH", path.as_str())]),
        current_dir: PathBuf::from("/"),
        sandboxes,
        function_arn: FUNCTION_ARN.to_owned(),
    }
}

pub(crate) async fn open(sandboxes: usize) -> RunningGateway {
    open_with(sandboxes, |_| {}).await
}

/// Opens a gateway with accelerated time. It has one sandbox, since the function keeps its state of a connection in its
/// process.
pub(crate) async fn open_scaled(time_scale: u32) -> RunningGateway {
    open_with(1, |options| options.time_scale = time_scale).await
}

pub(crate) async fn open_with(sandboxes: usize, change: impl FnOnce(&mut GatewayOptions)) -> RunningGateway {
    let mut options = defaults(function(sandboxes));
    change(&mut options);
    RunningGateway::start(options).await.unwrap()
}

/// Returns options without TLS and with free ports.
pub(crate) fn defaults(function: LambdaSpec) -> GatewayOptions {
    GatewayOptions {
        port: 0,
        tls: None,
        endpoint: EndpointSettings::default(),
        cloud: cloud(),
        operator: Some(operator()),
        function: function.into(),
        authorizer: AuthorizerDefinition::default(),
        functions: Vec::new(),
        jitp_delay: Duration::ZERO,
        connects_per_second: None,
        time_scale: 1,
        login: ProviderOptions::default(),
        page: PageOptions::default(),
    }
}

/// The operator's key pair.
pub(crate) fn operator() -> KeyPair {
    KeyPair {
        access_key_id: "AKIAOPERATORFORTESTS".to_owned(),
        secret_access_key: "the-operator-s-secret".to_owned(),
    }
}

/// Returns a control plane whose registry is in memory only.
pub(crate) fn cloud() -> Cloud {
    cloud_in("us-east-1")
}

/// The same in another Region.
pub(crate) fn cloud_in(region: &str) -> Cloud {
    let account = Account::new(region, "123456789012").unwrap();
    let endpoint = "localhost".to_owned();
    Cloud::open(CloudOptions {
        account,
        folder: None,
        private: None,
        endpoint,
        clock: iot_local_base::clock::now,
    })
    .unwrap()
}

pub(crate) struct Client {
    pub(crate) mqtt: AsyncClient,
    pub(crate) events: EventLoop,
}

pub(crate) fn options(port: u16, client_id: &str, password: &str) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, format!("ws://127.0.0.1:{port}/mqtt"), port);
    options.set_transport(Transport::Ws).set_credentials("user", password);
    options
}

pub(crate) async fn connect(port: u16, client_id: &str, password: &str) -> Result<Client, ConnectionError> {
    connect_with(options(port, client_id, password)).await
}

pub(crate) async fn connect_with(options: MqttOptions) -> Result<Client, ConnectionError> {
    let (mqtt, mut events) = AsyncClient::new(options, 100);
    // The client's default timeout of 5 seconds equals the authorizer's.
    events.network_options.set_connection_timeout(TIMEOUT.as_secs());
    loop {
        let event = tokio::time::timeout(TIMEOUT, events.poll()).await.expect("a response to CONNECT")?;
        if matches!(event, Event::Incoming(Packet::ConnAck(_))) {
            return Ok(Client { mqtt, events });
        }
    }
}

impl Client {
    /// Returns the next packet from the gateway, or the error that ended the connection.
    pub(crate) async fn next(&mut self) -> Result<Packet, ConnectionError> {
        loop {
            let event = tokio::time::timeout(TIMEOUT, self.events.poll()).await.expect("a packet")?;
            if let Event::Incoming(packet) = event {
                return Ok(packet);
            }
        }
    }

    /// Checks that no packet arrives for 300 ms.
    pub(crate) async fn receives_nothing(&mut self) {
        let received = tokio::time::timeout(Duration::from_millis(300), async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap() {
                    return packet;
                }
            }
        });
        if let Ok(packet) = received.await {
            panic!("received {packet:?}");
        }
    }
}

pub(crate) fn is_denied<T>(outcome: &Result<T, ConnectionError>) -> bool {
    matches!(outcome, Err(ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized)))
}

pub(crate) fn denial(kind: &EntryKind) -> Option<String> {
    match kind {
        EntryKind::ConnectDenied { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

/// Returns the value of `pick` for the first log entry that has one.
pub(crate) async fn find<T>(event_log: &mut Receiver<LogEntry>, pick: impl Fn(&EntryKind) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = pick(&event_log.recv().await.unwrap().kind) {
                return found;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, search).await.expect("a log entry")
}

/// Sends bytes to the plain port. Returns the response, or all bytes until the gateway closes the connection.
pub(crate) async fn exchange(port: u16, request: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    send_request(&mut stream, request).await
}

/// The same on an open connection. Returns an empty text if the gateway has closed it.
pub(crate) async fn send_request<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
) -> String {
    let _ = stream.write_all(request).await;
    let mut response = Vec::new();
    let received = tokio::time::timeout(TIMEOUT, async {
        while !is_whole(&response) && matches!(stream.read_buf(&mut response).await, Ok(1..)) {}
    });
    received.await.expect("a response or the end of the connection");
    String::from_utf8_lossy(&response).into_owned()
}

/// Whether the bytes are a complete response with a known length or without a body, or accept a WebSocket.
fn is_whole(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let has_no_body = ["HTTP/1.1 101 ", "HTTP/1.1 204 "].iter().any(|start| head.starts_with(start));
    has_no_body || length.is_some_and(|length| body.len() >= length)
}

pub(crate) async fn post(port: u16, target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    exchange(port, format!("{head}{body}").as_bytes()).await
}

/// The same for MQTT 5, for which rumqttc has separate types.
pub(crate) mod mqtt5 {
    use rumqttc::Transport;
    use rumqttc::v5::mqttbytes::v5::Packet;
    use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};

    pub(crate) struct Client {
        pub(crate) mqtt: AsyncClient,
        events: EventLoop,
    }

    pub(crate) async fn connect(
        port: u16,
        client_id: &str,
        password: &str,
    ) -> Result<Client, ConnectionError> {
        let mut options = MqttOptions::new(client_id, format!("ws://127.0.0.1:{port}/mqtt"), port);
        options.set_transport(Transport::Ws).set_credentials("user", password);
        let (mqtt, events) = AsyncClient::new(options, 10);
        let mut client = Client { mqtt, events };
        loop {
            if matches!(client.next().await?, Packet::ConnAck(_)) {
                return Ok(client);
            }
        }
    }

    impl Client {
        pub(crate) async fn next(&mut self) -> Result<Packet, ConnectionError> {
            loop {
                let event =
                    tokio::time::timeout(super::TIMEOUT, self.events.poll()).await.expect("a packet")?;
                if let Event::Incoming(packet) = event {
                    return Ok(packet);
                }
            }
        }
    }
}
