//! The running gateway.
//!
//! A plain port on loopback serves MQTT over WebSocket at `/mqtt`, HTTPS publishes at `/topics/...`, and the page and
//! the development issuer at all other paths. A TLS port serves the same without the page and the issuer, and also MQTT
//! without WebSocket.

use std::net::Ipv4Addr;
use std::sync::Arc;

use iot_local_identity::example_users::ExampleUser;
use iot_local_identity::oidc::ProviderOptions;
use iot_local_lambda::{InvokeTarget, Lambda, LineSink, SandboxLine, StartError};
use iot_local_policy::{Arn, NotAnArn};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::annotation::PageOptions;
use crate::auth::custom::CustomAuthorizer;
use crate::auth::unlogged::UnloggedCalls;
use crate::broker::{Broker, BrokerError};
use crate::connection::Connections;
use crate::event_log::{EntryKind, EventLog};
use crate::examples;
use crate::pages::{Site, SiteOptions};
use crate::ports::{Gateway, accept};
use crate::selection::AuthorizerDefinition;
use crate::time_scale::TimeScale;
use crate::tls::{Tls, TlsError, TlsOptions};

/// The configuration of a gateway.
pub struct GatewayOptions {
    /// The plain port; 0 selects a free one.
    pub port: u16,
    /// The TLS port. Without it, only the plain port is opened.
    pub tls: Option<TlsOptions>,
    /// The authorizer's function.
    pub function: InvokeTarget,
    /// The authorizer's definition.
    pub authorizer: AuthorizerDefinition,
    /// The divisor of the times in a response; 1 is real time.
    pub time_scale: u32,
    /// The development issuers with which users and machines log in. May be empty.
    pub login: ProviderOptions,
    /// What the page shows about the configuration.
    pub page: PageOptions,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The function's ARN is invalid.
    #[error(transparent)]
    Arn(#[from] NotAnArn),
    /// The function does not start.
    #[error(transparent)]
    Function(#[from] StartError),
    /// The broker does not start.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A port is not available.
    #[error("cannot listen on 127.0.0.1:{port}: {source}\n  help: choose another port with {option}")]
    Listen {
        /// The port.
        port: u16,
        /// The option that sets the port.
        option: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
}

/// A running gateway. Dropping it closes its ports and connections and kills the function's processes.
pub struct RunningGateway {
    /// The plain port.
    pub port: u16,
    /// The TLS port, if it is open.
    pub tls_port: Option<u16>,
    /// The event log. Subscribe before you connect, so that no entry is missed.
    pub event_log: EventLog,
    /// The authorizer.
    pub authorizer: Arc<CustomAuthorizer>,
    gateway: Arc<Gateway>,
    line_sink: LineSink,
    _tasks: JoinSet<()>,
}

impl RunningGateway {
    /// Starts the function, the broker and the listeners.
    ///
    /// # Errors
    /// See [`GatewayError`]. The error of a function that does not start contains its standard error.
    pub async fn start(mut options: GatewayOptions) -> Result<Self, GatewayError> {
        let arn: Arn = options.function.arn().parse()?;
        let (listener, port) = listen(options.port, "--port").await?;
        let tls = match &options.tls {
            Some(tls) => Some((Arc::new(Tls::new(tls)?), listen(tls.port, "--tls-port").await?)),
            None => None,
        };
        let event_log = EventLog::default();
        let line_log = event_log.clone();
        let unlogged = Arc::new(UnloggedCalls::default());
        let line_calls = Arc::clone(&unlogged);
        let line_sink = move |line: SandboxLine| {
            if !line_calls.has(&line.text) {
                line_log.record(None, None, EntryKind::of_line(line));
            }
        };
        let line_sink: LineSink = Arc::new(line_sink);
        let lambda = Arc::new(Lambda::start(options.function, Arc::clone(&line_sink)).await?);
        let time = TimeScale::faster(options.time_scale);
        let mut authorizer = CustomAuthorizer::new(lambda, options.authorizer, arn, time, event_log.clone());
        authorizer.unlogged = unlogged;
        let authorizer = Arc::new(authorizer);
        examples::ask(&mut options.login, &authorizer).await;
        let tls_port = tls.as_ref().map(|(_, (_, port))| *port);
        let site = Site::new(SiteOptions {
            port,
            tls_port,
            login: options.login,
            authorizer: Arc::clone(&authorizer),
            time_scale: options.time_scale,
            page: options.page,
        });
        let connections = Arc::new(Connections::default());
        let broker = Broker::start(Arc::clone(&authorizer), Arc::clone(&connections)).await?;
        let gateway = Arc::new(Gateway { authorizer: Arc::clone(&authorizer), broker, connections, site });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&gateway), None));
        let tls_port = tls.map(|(tls, (listener, port))| {
            tasks.spawn(accept(listener, Arc::clone(&gateway), Some(tls)));
            port
        });
        Ok(Self { port, tls_port, event_log, authorizer, gateway, line_sink, _tasks: tasks })
    }

    /// Replaces the function and the development issuers. The new function starts first, and then the earlier one ends
    /// after its last invocation. Connections keep their permissions until their next refresh, as on AWS IoT.
    ///
    /// # Errors
    /// The new function does not start. Then nothing is replaced.
    pub async fn reload(&self, function: InvokeTarget, mut login: ProviderOptions) -> Result<(), StartError> {
        let lambda = Lambda::start(function, Arc::clone(&self.line_sink)).await?;
        self.authorizer.replace(Arc::new(lambda));
        self.authorizer.unlogged.clear();
        examples::ask(&mut login, &self.authorizer).await;
        self.gateway.site.replace(login);
        Ok(())
    }

    /// Returns the bytes of QoS 0 messages that wait for a client. They are bounded: further messages are dropped.
    #[must_use]
    pub fn queued_bytes(&self, client_id: &str) -> usize {
        self.gateway.broker.queued_bytes(client_id)
    }

    /// Returns the first example user of an issuer that the authorizer allows.
    #[must_use]
    pub fn allowed_user(&self, issuer: &str) -> Option<ExampleUser> {
        self.gateway.site.allowed_user(issuer)
    }
}

/// The broker holds the authorizer as long as the process runs, so the function is ended here.
impl Drop for RunningGateway {
    fn drop(&mut self) {
        self.authorizer.replace(Arc::new(Lambda::stopped()));
    }
}

/// Opens a port on loopback. Returns the listener and its port. `option` is the option that sets the port.
async fn listen(port: u16, option: &'static str) -> Result<(TcpListener, u16), GatewayError> {
    let listen_error = |source| GatewayError::Listen { port, option, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen_error)?;
    let port = listener.local_addr().map_err(listen_error)?.port();
    Ok((listener, port))
}
