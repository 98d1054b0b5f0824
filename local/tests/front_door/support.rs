//! An open front door with a function that does as it is told, and clients for it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use iot_local::front::{Front, FrontOptions, Running};
use iot_local::function::FUNCTION_ARN;
use iot_local::journal::{Happening, What};
use iot_local::lambda::LambdaSpec;
use iot_local::oidc::ProviderOptions;
use iot_local::selection::Authorizer;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet, Transport,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::broadcast::Receiver;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn function(sandboxes: usize) -> LambdaSpec {
    let path = std::env::vars_os().find(|(name, _)| name == "PATH").unwrap().1.into_string().unwrap();
    LambdaSpec {
        program: PathBuf::from("python3"),
        args: vec![
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/front_door/function.py").display().to_string(),
        ],
        env: vec![("PATH".to_owned(), path)],
        current_dir: PathBuf::from("/"),
        sandboxes,
        function_arn: FUNCTION_ARN.to_owned(),
    }
}

pub(crate) async fn open(sandboxes: usize) -> Running {
    open_with(sandboxes, |_| {}).await
}

/// Time passes faster. One sandbox alone: what the function remembers of a connection it remembers there, and with two a refresh
/// may come to the other.
pub(crate) async fn open_scaled(time_scale: u32) -> Running {
    open_with(1, |options| options.time_scale = time_scale).await
}

pub(crate) async fn open_with(sandboxes: usize, change: impl FnOnce(&mut FrontOptions)) -> Running {
    let mut options = FrontOptions {
        port: 0,
        tls: None,
        function: function(sandboxes).into(),
        authorizer: Authorizer::default(),
        time_scale: 1,
        login: ProviderOptions::default(),
    };
    change(&mut options);
    Front::start(options).await.unwrap()
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
    // The client's own limit is as long as the authorizer's.
    events.network_options.set_connection_timeout(PATIENCE.as_secs());
    loop {
        let event = tokio::time::timeout(PATIENCE, events.poll()).await.expect("an answer to CONNECT")?;
        if matches!(event, Event::Incoming(Packet::ConnAck(_))) {
            return Ok(Client { mqtt, events });
        }
    }
}

impl Client {
    /// The next packet from the door, or why there are no more.
    pub(crate) async fn next(&mut self) -> Result<Packet, ConnectionError> {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.poll()).await.expect("a packet")?;
            if let Event::Incoming(packet) = event {
                return Ok(packet);
            }
        }
    }

    /// No packet comes for a while.
    pub(crate) async fn hears_nothing(&mut self) {
        let quiet = Duration::from_millis(300);
        let heard = tokio::time::timeout(quiet, async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap() {
                    return packet;
                }
            }
        });
        if let Ok(packet) = heard.await {
            panic!("heard {packet:?}");
        }
    }
}

pub(crate) fn is_refused<T>(outcome: &Result<T, ConnectionError>) -> bool {
    matches!(outcome, Err(ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized)))
}

pub(crate) fn refusal(what: &What) -> Option<String> {
    match what {
        What::ConnectRefused { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

/// The first happening for which `pick` has a value.
pub(crate) async fn find<T>(journal: &mut Receiver<Happening>, pick: impl Fn(&What) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = pick(&journal.recv().await.unwrap().what) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("a happening")
}

/// Sends bytes to the plain port and returns the response, or all that comes back until the door closes.
pub(crate) async fn exchange(port: u16, request: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    ask(&mut stream, request).await
}

/// The same on a connection that may go on. Empty if the door has closed it.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) -> String {
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let heard = tokio::time::timeout(PATIENCE, async {
        while !is_whole(&answer) && matches!(stream.read_buf(&mut answer).await, Ok(1..)) {}
    });
    heard.await.expect("the door to answer or to close");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether a response says where it ends, and has ended.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

pub(crate) async fn post(port: u16, target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    exchange(port, format!("{head}{body}").as_bytes()).await
}

/// The same client for MQTT 5, for which the crate has types of its own.
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
                    tokio::time::timeout(super::PATIENCE, self.events.poll()).await.expect("a packet")?;
                if let Event::Incoming(packet) = event {
                    return Ok(packet);
                }
            }
        }
    }
}
