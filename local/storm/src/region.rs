//! One Region: what happens to an attempt to connect.

use iot_local_base::token_bucket::TokenBucket;

use crate::function::Function;
use crate::outcome::Failure;
use crate::settings::{RESPONSE_LIMIT, RegionLimits, Way};

/// The state of a Region.
#[derive(Debug)]
pub(crate) struct Region {
    limits: RegionLimits,
    connects: TokenBucket,
    registrations: TokenBucket,
    pub(crate) function: Function,
}

/// The end of an attempt, and its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) time: f64,
    pub(crate) end: End,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The device is connected.
    Connected,
    /// The device is registered, and must connect again.
    Registered,
    /// The device is not connected, and backs off.
    Failed(Failure),
}

impl Region {
    pub(crate) fn new(limits: &RegionLimits) -> Self {
        Self {
            connects: TokenBucket::new(limits.connects_per_second),
            registrations: TokenBucket::new(limits.registrations_per_second),
            function: Function::new(&limits.function),
            limits: limits.clone(),
        }
    }

    /// An attempt to connect.
    pub(crate) fn attempt(&mut self, now: f64, way: Way) -> Attempt {
        let received = now + self.limits.connect_seconds;
        let end = |time, end| Attempt { time, end };
        // A throttled connect is not seen by the function: an assumption, docs/scaling.md.
        if !self.connects.take(now) {
            return end(received, End::Failed(Failure::ConnectThrottled));
        }
        match way {
            Way::Registered => end(received, End::Connected),
            Way::FirstConnect => match self.registrations.take(now) {
                true => end(received + self.limits.registration_seconds, End::Registered),
                false => end(received, End::Failed(Failure::RegistrationThrottled)),
            },
            Way::Token => match self.function.call(now) {
                Err(failure) => end(received, End::Failed(failure)),
                Ok((time, _)) if time - now > RESPONSE_LIMIT => {
                    end(received + RESPONSE_LIMIT, End::Failed(Failure::ResponseTimeout))
                }
                Ok((time, true)) => end(time + self.limits.connect_seconds, End::Connected),
                Ok((time, false)) => {
                    end(time + self.limits.connect_seconds, End::Failed(Failure::KeysUnavailable))
                }
            },
        }
    }
}
