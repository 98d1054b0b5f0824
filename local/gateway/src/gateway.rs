//! The running gateway.
//!
//! A plain port on loopback serves MQTT over WebSocket at `/mqtt`, HTTPS publishes at `/topics/...`, the page, the
//! development issuer and the AWS APIs. A TLS port serves the same without the page and the issuer, and also MQTT
//! without WebSocket. A further TLS port serves MQTT to clients with certificates.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use iot_local_cloud::credentials::KeyPair;
use iot_local_cloud::identity_pool::IdentityPool;
use iot_local_cloud::{BuiltInAuthorizer, Cloud};
use iot_local_identity::example_users::ExampleUser;
use iot_local_identity::oidc::ProviderOptions;
use iot_local_lambda::{ASYNC_INVOKE_LIMIT, InvokeTarget, Lambda, LineSink, SandboxLine, StartError};
use iot_local_policy::{Arn, NotAnArn};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::alpn::TlsPort;
use crate::annotation::PageOptions;
use crate::auth::connect_rate::ConnectRate;
use crate::auth::custom::CustomAuthorizer;
use crate::auth::endpoint::EndpointSettings;
use crate::auth::first_connect::FirstConnects;
use crate::auth::sigv4::CallerAuthenticator;
use crate::auth::unlogged::UnloggedCalls;
use crate::auth::x509::CertificateAuthenticator;
use crate::auth::{self, Authenticators};
use crate::broker::{self, Broker, BrokerError, Presence};
use crate::connection::Connections;
use crate::event_log::{EntryKind, EventLog};
use crate::examples;
use crate::functions::{self, Functions, environment};
use crate::message::{Observer, Observers, Outbox};
use crate::pages::{Site, SiteOptions};
use crate::ports::{Gateway, accept};
use crate::rules::{RuleServices, Rules};
use crate::selection::AuthorizerDefinition;
use crate::shadows::Shadows;
use crate::time_scale::TimeScale;
use crate::tls::{DomainTls, Tls, TlsError, TlsOptions};

/// How long the end of a gateway waits for rules: as long as a function may run.
const END_LIMIT: Duration = ASYNC_INVOKE_LIMIT;

/// How long an end takes before the event log says what it waits for.
const END_NOTICE_DELAY: Duration = Duration::from_millis(500);

/// How often the end of a gateway looks whether rules have ended.
const END_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The configuration of a gateway.
pub struct GatewayOptions {
    /// The plain port; 0 selects a free one.
    pub port: u16,
    /// The TLS ports. Without them, only the plain port is opened.
    pub tls: Option<TlsOptions>,
    /// What decides how clients are authenticated.
    pub endpoint: EndpointSettings,
    /// The control plane, with the registry of certificates.
    pub cloud: Cloud,
    /// The key pair of the operator, who may do everything. The further functions get it, too.
    pub operator: Option<KeyPair>,
    /// The authorizer's function.
    pub function: InvokeTarget,
    /// The built-in authorizer's definition.
    pub authorizer: AuthorizerDefinition,
    /// Further functions, which authorizers and rules of the registry name by their ARNs.
    pub functions: Vec<InvokeTarget>,
    /// How long after a first connect the template of just-in-time provisioning runs. Zero: before the connection is
    /// closed, so that the second connect is admitted.
    pub jitp_delay: Duration,
    /// The connects that are accepted in a second; the broker closes further ones without a packet. `None` accepts all.
    pub connects_per_second: Option<u32>,
    /// The divisor of the times in a response, of the lifetimes of credentials and signed connections, and of the waits
    /// before retries; 1 is real time.
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
    /// The operator's policy is invalid.
    #[error("{}", .0.join("; "))]
    Operator(Vec<String>),
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

/// A running gateway. Dropping it closes its ports and connections and kills the functions' processes, whatever they
/// do; [`RunningGateway::end`] waits for rules first.
pub struct RunningGateway {
    /// The plain port.
    pub port: u16,
    /// The TLS port, if it is open.
    pub tls_port: Option<u16>,
    /// The port of MQTT with client certificates, if it is open.
    pub mqtts_port: Option<u16>,
    /// The control plane.
    pub cloud: Cloud,
    /// The event log. Subscribe before you connect, so that no entry is missed.
    pub event_log: EventLog,
    /// The authorizer.
    pub authorizer: Arc<CustomAuthorizer>,
    gateway: Arc<Gateway>,
    outbox: Outbox,
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
        let authorizer = options.authorizer.description(options.function.arn(), options.cloud.now());
        let own_name = functions::name_of(options.function.arn()).to_owned();
        let is_default = options.authorizer.is_default;
        options
            .cloud
            .set_built_in_authorizer(BuiltInAuthorizer { authorizer: authorizer.into(), is_default });
        let credentials = options.cloud.credentials();
        credentials.set_time_scale(options.time_scale);
        if let Some(operator) = &options.operator {
            credentials.set_operator(operator.clone());
        }
        let (listener, port) = listen(options.port, "--port").await?;
        let tls = match &options.tls {
            Some(tls) => Some(TlsListeners::open(tls, options.endpoint).await?),
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
        for function in &mut options.functions {
            if let Some(text) = environment::set(function, port, options.operator.as_ref()) {
                event_log.record(None, None, EntryKind::Notice { text });
            }
        }
        let further = start_functions(options.functions, &line_sink).await?;
        let functions = Arc::new(Functions::new(lambda, arn, own_name, further));
        let mut authorizer = CustomAuthorizer::new(functions, options.authorizer, time, event_log.clone());
        authorizer.unlogged = unlogged;
        authorizer.refresh(&options.cloud);
        let authorizer = Arc::new(authorizer);
        examples::ask(&mut options.login, &authorizer).await;
        let tls_port = tls.as_ref().map(|tls| tls.https.port);
        let mqtts_port = tls.as_ref().map(|tls| tls.mqtts.port);
        let connections = Arc::new(Connections::default());
        let (outbox, messages) = Outbox::new();
        let first_connects = FirstConnects::new(outbox.clone(), options.jitp_delay);
        let connect_rate = ConnectRate::new(options.connects_per_second);
        let auth = authenticators(&authorizer, &options.cloud, first_connects, connect_rate)?;
        let auth = Arc::new(auth);
        let site = Site::new(SiteOptions {
            port,
            tls_port,
            login: options.login,
            auth: Arc::clone(&auth),
            time_scale: options.time_scale,
            page: options.page,
            connections: Arc::clone(&connections),
        });
        let presence = Arc::new(Presence::new(outbox.clone()));
        let (rules, rule_worker) = Rules::new(&options.cloud, event_log.clone());
        // What acts on messages besides subscribers.
        let (shadows, shadow_worker) = Shadows::new(outbox.clone(), event_log.clone());
        let acting: [Arc<dyn Observer>; 2] = [rules.clone(), shadows.clone()];
        let observers: Observers = Arc::from(acting);
        let broker =
            Broker::start(Arc::clone(&auth), Arc::clone(&connections), Arc::clone(&presence), observers)
                .await?;
        let broker = Arc::new(broker);
        let mut tasks = JoinSet::new();
        let publisher = Arc::clone(&broker);
        tasks.spawn(async move { publisher.publish_all(messages).await });
        let functions = Arc::clone(authorizer.functions());
        let services =
            RuleServices { broker: Arc::clone(&broker), functions, time, event_log: event_log.clone() };
        tasks.spawn(rule_worker.run(services));
        tasks.spawn(shadow_worker.run(Arc::clone(&shadows), Arc::clone(&auth)));
        tasks.spawn(auth::follow_registry(Arc::clone(&auth)));
        tasks.spawn(broker::follow_registry(Arc::clone(&auth), Arc::clone(&connections)));
        let gateway = Arc::new(Gateway {
            auth,
            endpoint: options.endpoint,
            domain_tls: options.tls.as_ref().map(|tls| DomainTls::new(Arc::clone(&tls.authority))),
            authority_pem: options.tls.map(|tls| tls.authority.certificate_pem()),
            presence,
            broker,
            connections,
            site,
            rules,
            shadows,
        });
        tasks.spawn(accept(listener, Arc::clone(&gateway), None));
        for TlsListener { listener, tls, .. } in tls.into_iter().flat_map(|tls| [tls.https, tls.mqtts]) {
            tasks.spawn(accept(listener, Arc::clone(&gateway), Some(tls)));
        }
        let cloud = options.cloud;
        Ok(Self {
            port,
            tls_port,
            mqtts_port,
            cloud,
            event_log,
            authorizer,
            gateway,
            outbox,
            line_sink,
            _tasks: tasks,
        })
    }

    /// Replaces the function and the development issuers. The new function starts first, and then the earlier one ends
    /// after its last invocation. Connections keep their permissions until their next refresh, as on AWS IoT.
    ///
    /// # Errors
    /// The new function does not start. Then nothing is replaced.
    pub async fn reload(&self, function: InvokeTarget, mut login: ProviderOptions) -> Result<(), StartError> {
        let lambda = Lambda::start(function, Arc::clone(&self.line_sink)).await?;
        self.authorizer.functions().replace_own(Arc::new(lambda));
        self.authorizer.unlogged.clear();
        examples::ask(&mut login, &self.authorizer).await;
        self.gateway.site.replace(login);
        Ok(())
    }

    /// Replaces the identity pool. Open connections follow its roles.
    pub async fn set_identity_pool(&self, pool: IdentityPool) {
        self.cloud.set_identity_pool(Some(pool));
        let (auth, connections) = (Arc::clone(&self.gateway.auth), Arc::clone(&self.gateway.connections));
        let _ = tokio::task::spawn_blocking(move || broker::decide_all_again(&auth, &connections)).await;
    }

    /// Takes no more MQTT clients, ends those that are connected, and waits until the rules have done what they have
    /// begun or what waits for them: 60 seconds at most. Functions can call the APIs meanwhile. Returns whether
    /// everything is done.
    pub async fn end(&self) -> bool {
        self.gateway.connections.end_all();
        let done = async {
            while !self.is_idle() {
                tokio::time::sleep(END_POLL_INTERVAL).await;
            }
        };
        tokio::pin!(done);
        if tokio::time::timeout(END_NOTICE_DELAY, &mut done).await.is_ok() {
            return true;
        }
        let limit = END_LIMIT.as_secs();
        self.note(format!("the gateway waits for rules before it ends, at most {limit} seconds"));
        let is_done = tokio::time::timeout(END_LIMIT, done).await.is_ok();
        if !is_done {
            self.note(format!("rules have not ended after {limit} seconds; the gateway ends without them"));
        }
        is_done
    }

    fn note(&self, text: String) {
        self.event_log.record(None, None, EntryKind::Notice { text });
    }

    /// Whether no client is connected, and no message waits for a subscriber, a shadow or a rule. In the order in which
    /// a message passes, so that none is missed; a rule may have published a request for a shadow meanwhile.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let Gateway { connections, broker, rules, shadows, .. } = &*self.gateway;
        let taken = shadows.taken();
        connections.is_empty()
            && broker.has_no_clients()
            && shadows.is_idle()
            && broker.published() == self.outbox.sent()
            && rules.is_idle()
            && shadows.taken() == taken
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

/// The broker holds the authorizer and the registry as long as the process runs, so they are ended here.
impl Drop for RunningGateway {
    fn drop(&mut self) {
        self.gateway.auth.x509.close();
        self.authorizer.functions().stop();
    }
}

/// Starts functions, and lists them by name.
async fn start_functions(
    functions: Vec<InvokeTarget>,
    line_sink: &LineSink,
) -> Result<BTreeMap<String, Arc<Lambda>>, GatewayError> {
    let mut started = BTreeMap::new();
    for function in functions {
        let name = functions::name_of(function.arn()).to_owned();
        started.insert(name, Arc::new(Lambda::start(function, Arc::clone(line_sink)).await?));
    }
    Ok(started)
}

/// The TLS ports.
struct TlsListeners {
    https: TlsListener,
    mqtts: TlsListener,
}

struct TlsListener {
    listener: TcpListener,
    port: u16,
    tls: Arc<Tls>,
}

impl TlsListeners {
    async fn open(options: &TlsOptions, endpoint: EndpointSettings) -> Result<Self, GatewayError> {
        let identity = options.authority.server().map_err(TlsError::from)?;
        let open = async |kind, port, option| {
            let tls = Arc::new(Tls::new(kind, &identity, endpoint)?);
            let (listener, port) = listen(port, option).await?;
            Ok::<_, GatewayError>(TlsListener { listener, port, tls })
        };
        Ok(Self {
            https: open(TlsPort::Https, options.port, "--tls-port").await?,
            mqtts: open(TlsPort::Mqtts, options.mqtts_port, "--mqtts-port").await?,
        })
    }
}

/// Creates all ways of authentication. Certificates and the operator have the Region and account of the registry.
fn authenticators(
    authorizer: &Arc<CustomAuthorizer>,
    cloud: &Cloud,
    first_connects: FirstConnects,
    connect_rate: ConnectRate,
) -> Result<Authenticators, GatewayError> {
    let account = cloud.account();
    let arn: Arn = account.arn("*").parse()?;
    let callers = CallerAuthenticator::new(account.clone(), arn.clone()).map_err(GatewayError::Operator)?;
    let x509 = CertificateAuthenticator::new(cloud.clone(), arn);
    Ok(Authenticators { custom: Arc::clone(authorizer), x509, first_connects, callers, connect_rate })
}

/// Opens a port on loopback. Returns the listener and its port. `option` is the option that sets the port.
async fn listen(port: u16, option: &'static str) -> Result<(TcpListener, u16), GatewayError> {
    let listen_error = |source| GatewayError::Listen { port, option, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen_error)?;
    let port = listener.local_addr().map_err(listen_error)?.port();
    Ok((listener, port))
}
