//! The same storm with real clients, against a gateway of its own on this machine.
//!
//! Each client has the delays of the simulated device of its number, a token and a client id of its own, and a
//! WebSocket. The gateway, a process of its own, limits the connects as AWS IoT does; its function is the real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use iot_local_base::clock;
use iot_local_identity::example_users::{self, ExampleUser};
use iot_local_identity::issuer::{DevelopmentIssuer, MintError};
use iot_local_identity::workspace::{self, PrepareError};
use iot_local_storm::{Device, FunctionLimits, Overflow, RegionLimits, Storm, time_of};
use rumqttc::Transport;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::demo::folders::temporary_copy;
use crate::demo::regions::process::Region;
use crate::demo::{CONFIG, DemoError};
use crate::function::{self, FunctionError};
use crate::launch::{FunctionArgs, LaunchSettings};
use crate::package::packaged::Packaged;
use crate::serve;
use crate::storm::measure::median;
use crate::token::{self, TokenError};

/// The Region of the gateway.
const REGION: &str = "us-east-1";

/// The connects, one after another, whose median is the time of a connect without a storm.
const TRIALS: u32 = 21;
/// How long a client waits for its CONNACK.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// Longer than a rehearsal, so that no client sends pings: the longest that AWS IoT accepts.
const KEEP_ALIVE: Duration = Duration::from_secs(1_200);

/// What real clients did.
pub(super) struct RealOutcome {
    /// When each became connected, in seconds and in order.
    connected: Vec<f64>,
    /// All attempts.
    pub(super) attempts: u64,
}

/// An error that prevents a rehearsal.
#[derive(Debug, Error)]
pub(crate) enum RehearsalError {
    /// The function cannot be built, or taken from a release.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The configuration cannot be copied, or the gateway cannot start.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The development keys cannot be read.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The system allows too few open files.
    #[error(
        "{devices} clients need {needed} open files, and this system allows {limit}\n  \
         help: fewer --devices, or a higher limit (`ulimit -Hn`)"
    )]
    OpenFiles {
        /// The clients.
        devices: u32,
        /// The files that the gateway needs.
        needed: u64,
        /// The limit of a process.
        limit: u64,
    },
    /// The configuration has no single issuer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A token cannot be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// No grant applies to the issuer.
    #[error("no grant of the configuration applies to its issuer\n  help: `cargo local check`")]
    NoUser,
    /// All users have one client id.
    #[error("the first of `client_ids` does not contain the subject, so clients would replace each other")]
    SharedClientId,
    /// Not even one client can connect.
    #[error("a client cannot connect to the gateway without a storm")]
    NoConnect,
}

impl RealOutcome {
    /// When a share of all clients was connected.
    pub(super) fn connected_after(&self, share: f64) -> Option<f64> {
        time_of(&self.connected, self.connected.iter().map(|_| 1.0).sum::<f64>() * share)
    }
}

/// Runs the clients. Returns the storm with the measured time of a connect, and what they did.
///
/// # Errors
/// See [`RehearsalError`].
pub(super) async fn run(
    storm: Storm,
    connects_per_second: u32,
    function: &FunctionArgs,
    settings: &LaunchSettings,
) -> Result<(Storm, RealOutcome), RehearsalError> {
    let (limit, needed) = (serve::raise_open_files(), open_files(storm.devices));
    if needed > limit {
        return Err(RehearsalError::OpenFiles { devices: storm.devices, needed, limit });
    }
    let program = function.source(Packaged::Authorizer)?;
    let program = function::program(&program, Packaged::Authorizer, &settings.cargo, &settings.env).await?;
    let start = async |options: Vec<String>| {
        let folder = temporary_copy(&function.config, settings)?;
        Region::start_with(REGION, folder, program.clone(), options).await
    };
    let gateway = start(Vec::new()).await?;
    let people = People::read(&gateway, settings)?;
    let clients = (0..TRIALS).map(|number| people.client(number)).collect::<Result<Vec<_>, _>>()?;
    let connect = trial(gateway.ports.plain, &clients).await?;
    drop(gateway);
    // The trial is over, so the limit applies to the storm alone.
    let options = vec!["--connects-per-second".to_owned(), connects_per_second.to_string()];
    let gateway = start(options).await?;
    let people = People::read(&gateway, settings)?;
    let clients = (0..storm.devices).map(|number| people.client(number)).collect::<Result<Vec<_>, _>>()?;
    let real = all(clients, gateway.ports.plain, &storm).await;
    Ok((Storm { region: region(&storm.region, connect), ..storm }, real))
}

/// The open files of the gateway: three for a connection, and those of the process itself.
fn open_files(devices: u32) -> u64 {
    u64::from(devices).saturating_mul(3).saturating_add(200)
}

/// Who the clients are: users of the only issuer of a gateway, each with the claims of its first example user.
struct People {
    issuer: DevelopmentIssuer,
    example: ExampleUser,
}

impl People {
    /// Reads the development keys of a running gateway.
    fn read(gateway: &Region, settings: &LaunchSettings) -> Result<Self, RehearsalError> {
        let workspace = workspace::prepare(&gateway.folder.path().join(CONFIG), &settings.env)?;
        let issuer = token::select_issuer(&workspace.issuers, None)?.clone();
        let users = example_users::users(&workspace.example_config(&settings.env), &issuer.settings().id);
        let example = users.into_iter().find(|user| user.grant.is_some()).ok_or(RehearsalError::NoUser)?;
        Ok(Self { issuer, example })
    }

    fn client(&self, number: u32) -> Result<Client, RehearsalError> {
        Client::new(&self.issuer, &self.example, number)
    }
}

/// The limits of the gateway: calls of the function wait, and their time is part of the measured connect.
fn region(region: &RegionLimits, connect: Duration) -> RegionLimits {
    let function = FunctionLimits {
        cold_seconds: 0.0,
        warm_seconds: 0.0,
        warm_sandboxes: 2,
        concurrency: 2,
        calls_per_second: f64::INFINITY,
        overflow: Overflow::Waits,
        key_server: None,
        ..region.function.clone()
    };
    RegionLimits { connect_seconds: connect.as_secs_f64(), function, ..region.clone() }
}

/// A client with its token. Not `Debug`: it holds a credential.
struct Client {
    number: u32,
    id: String,
    token: String,
}

impl Client {
    fn new(issuer: &DevelopmentIssuer, user: &ExampleUser, number: u32) -> Result<Self, RehearsalError> {
        let sub = format!("device-{number}");
        let id = user.client_id.replace(&user.sub, &sub);
        if id == user.client_id {
            return Err(RehearsalError::SharedClientId);
        }
        let token = token::mint(issuer, sub, user.claims.clone(), clock::now())?;
        Ok(Self { number, id, token })
    }

    /// Connects. The connection is open as long as the returned value exists.
    async fn connect(&self, port: u16) -> Option<(AsyncClient, EventLoop)> {
        let mut options = MqttOptions::new(&self.id, format!("ws://127.0.0.1:{port}/mqtt"), port);
        options
            .set_credentials(&self.id, &self.token)
            .set_transport(Transport::Ws)
            .set_keep_alive(KEEP_ALIVE);
        // The library allocates a list of this length for each client, by default several megabytes.
        options.set_outgoing_inflight_upper_limit(1);
        let (requests, mut events) = AsyncClient::new(options, 1);
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
        });
        connected.await.unwrap_or(false).then_some((requests, events))
    }
}

/// The median time of a connect. Each is of another client: the broker may reject a client that connects again while
/// its earlier connection ends.
async fn trial(port: u16, clients: &[Client]) -> Result<Duration, RehearsalError> {
    let mut times = Vec::new();
    for client in clients {
        let start = Instant::now();
        client.connect(port).await.ok_or(RehearsalError::NoConnect)?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

/// Runs all clients until each is connected.
async fn all(clients: Vec<Client>, port: u16, storm: &Storm) -> RealOutcome {
    let (attempts, storm) = (Arc::new(AtomicU64::new(0)), Arc::new(storm.clone()));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for client in clients {
        let (attempts, storm) = (Arc::clone(&attempts), Arc::clone(&storm));
        tasks.spawn(async move {
            let (mut device, first) = Device::new(&storm, client.number);
            tokio::time::sleep_until(after(start, first)).await;
            loop {
                attempts.fetch_add(1, Ordering::Relaxed);
                if let Some(connection) = client.connect(port).await {
                    return (start.elapsed().as_secs_f64(), connection);
                }
                tokio::time::sleep_until(after(Instant::now(), device.delay(storm.back_off))).await;
            }
        });
    }
    let connections = tasks.join_all().await;
    let mut connected: Vec<f64> = connections.iter().map(|(time, _)| *time).collect();
    connected.sort_by(f64::total_cmp);
    RealOutcome { connected, attempts: attempts.load(Ordering::Relaxed) }
}

/// A time in seconds after another one.
fn after(start: Instant, seconds: f64) -> Instant {
    let delay = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    start.checked_add(delay).unwrap_or(start)
}
