//! The result of a storm.

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The first Region is lost, and the endpoint's name still leads there.
    RegionLost,
    /// AWS IoT accepts no further connect in this second.
    ConnectThrottled,
    /// Lambda throttles the function.
    FunctionThrottled,
    /// The sandbox has no keys: `keys_unavailable`.
    KeysUnavailable,
    /// AWS IoT stopped waiting for the function.
    ResponseTimeout,
    /// Just-in-time provisioning registers no further device in this second.
    RegistrationThrottled,
}

/// How often attempts failed, by the reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The first Region was lost.
    pub region_lost: u64,
    /// AWS IoT throttled the connect.
    pub connect_throttled: u64,
    /// Lambda throttled the function.
    pub function_throttled: u64,
    /// The sandbox had no keys.
    pub keys_unavailable: u64,
    /// The function did not respond in time.
    pub response_timeout: u64,
    /// The registration of the device was throttled.
    pub registration_throttled: u64,
}

impl Counts {
    /// The names and numbers of all reasons, in the order in which an attempt meets them.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("region_lost", self.region_lost),
            ("connect_throttled", self.connect_throttled),
            ("function_throttled", self.function_throttled),
            ("keys_unavailable", self.keys_unavailable),
            ("response_timeout", self.response_timeout),
            ("registration_throttled", self.registration_throttled),
        ]
    }

    pub(crate) fn add(&mut self, failure: Failure) {
        let count = match failure {
            Failure::RegionLost => &mut self.region_lost,
            Failure::ConnectThrottled => &mut self.connect_throttled,
            Failure::FunctionThrottled => &mut self.function_throttled,
            Failure::KeysUnavailable => &mut self.keys_unavailable,
            Failure::ResponseTimeout => &mut self.response_timeout,
            Failure::RegistrationThrottled => &mut self.registration_throttled,
        };
        *count = count.saturating_add(1);
    }
}

/// What happened within one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// Attempts that began.
    pub attempts: u32,
    /// Devices that became connected.
    pub connected: u32,
}

/// The result of a storm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// When each connected device became so, in seconds and in order.
    pub connected: Vec<f64>,
    /// The devices that were not connected at the end.
    pub unconnected: u32,
    /// All attempts.
    pub attempts: u64,
    /// Those that failed.
    pub failed: Counts,
    /// First connects that registered a device.
    pub registered: u64,
    /// The most sandboxes at once.
    pub sandboxes: u32,
    /// The requests to key servers.
    pub key_requests: u64,
    /// Each second from the start.
    pub seconds: Vec<Second>,
}

impl Outcome {
    /// When a share of all devices was connected: 0.5 for half of them. `None` if they never were.
    #[must_use]
    pub fn connected_after(&self, share: f64) -> Option<f64> {
        let connected = self.connected.iter().map(|_| 1.0).sum::<f64>();
        time_of(&self.connected, (connected + f64::from(self.unconnected)) * share)
    }

    /// The most attempts in one second.
    #[must_use]
    pub fn peak_attempts(&self) -> u32 {
        self.seconds.iter().map(|second| second.attempts).max().unwrap_or_default()
    }

    /// The second at an index, which exists afterwards.
    pub(crate) fn second(&mut self, time: f64) -> Option<&mut Second> {
        let index = whole_seconds(time);
        if self.seconds.len() <= index {
            self.seconds.resize(index.saturating_add(1), Second::default());
        }
        self.seconds.get_mut(index)
    }
}

/// The whole seconds of a time.
fn whole_seconds(time: f64) -> usize {
    std::time::Duration::try_from_secs_f64(time)
        .map_or(0, |time| usize::try_from(time.as_secs()).unwrap_or(0))
}

/// Returns the first of some times, in order, at which a count is reached. `None` if there are fewer times.
#[must_use]
pub fn time_of(times: &[f64], count: f64) -> Option<f64> {
    let mut reached = 0.0;
    times.iter().copied().find(|_| {
        reached += 1.0;
        reached >= count
    })
}
