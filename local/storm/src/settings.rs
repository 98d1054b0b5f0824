//! What a storm is made of. All times are in seconds.

/// A storm. Every device has lost its connection, or has none yet, at time 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Storm {
    /// The number of devices.
    pub devices: u32,
    /// Each device first tries at a random time before this one.
    pub spread: f64,
    /// The delays after attempts that failed.
    pub back_off: BackOff,
    /// How the devices connect.
    pub way: Way,
    /// The first Region, which the devices use.
    pub region: RegionLimits,
    /// The second Region, if the first one is lost.
    pub outage: Option<Outage>,
    /// The simulation ends at this time, whether or not all devices are connected.
    pub end: f64,
    /// The start of all random choices.
    pub seed: u64,
}

/// Exponential back-off with full jitter: a random delay between zero and a limit that doubles.
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackOff {
    /// The limit of the first delay.
    pub first: f64,
    /// The limit of the longest delay.
    pub max: f64,
}

/// How the devices connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With a token. Each connect is a call of the authorizer.
    Token,
    /// With a registered certificate or a signed request, which call no function.
    Registered,
    /// With a certificate that just-in-time provisioning registers at the first connect. The device connects again.
    FirstConnect,
}

/// The limits of an account in one Region.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionLimits {
    /// The connects that AWS IoT accepts in a second.
    pub connects_per_second: f64,
    /// The time of a connect without the function: the network, TLS, and AWS IoT.
    pub connect_seconds: f64,
    /// The authorizer's function.
    pub function: FunctionLimits,
    /// The devices that just-in-time provisioning registers in a second.
    pub registrations_per_second: f64,
    /// The time between a first connect and the registered device.
    pub registration_seconds: f64,
}

/// The limits of the authorizer's function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionLimits {
    /// The time of a call of a new sandbox, with its start.
    pub cold_seconds: f64,
    /// The time of a call of a warm sandbox.
    pub warm_seconds: f64,
    /// The sandboxes that are warm at the start.
    pub warm_sandboxes: u32,
    /// The most sandboxes at once.
    pub concurrency: u32,
    /// The calls in a second.
    pub calls_per_second: f64,
    /// The new sandboxes that are allowed at once.
    pub new_sandboxes: f64,
    /// The new sandboxes that are allowed in each further second.
    pub new_sandboxes_per_second: f64,
    /// What happens to a call without a sandbox.
    pub overflow: Overflow,
    /// The server from which a new sandbox fetches keys. Without one, keys are in the package.
    pub key_server: Option<KeyServer>,
}

/// What happens to a call for which there is no sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It is throttled, as by Lambda.
    Throttled,
    /// It waits for a sandbox, as in the local gateway.
    Waits,
}

/// A server of keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyServer {
    /// The requests of a fetch.
    pub requests: u32,
    /// The requests that the server answers in a second.
    pub requests_per_second: f64,
}

/// The loss of the first Region at time 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// When the endpoint's name leads to the second Region: the health check's time and the name's time to live.
    pub failover: f64,
    /// The second Region, whose sandboxes are cold.
    pub second: RegionLimits,
}

/// The time after which AWS IoT stops waiting for the function.
pub(crate) const RESPONSE_LIMIT: f64 = 5.0;
