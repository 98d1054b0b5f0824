//! The authorizer's function: sandboxes, Lambda's limits, and the keys of each sandbox.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use iot_local_base::token_bucket::TokenBucket;

use crate::outcome::Failure;
use crate::settings::{FunctionLimits, Overflow};
use crate::time::Time;

/// The function in one Region.
#[derive(Debug)]
pub(crate) struct Function {
    limits: FunctionLimits,
    calls: TokenBucket,
    starts: TokenBucket,
    key_server: Option<TokenBucket>,
    /// When each sandbox is free.
    sandboxes: BinaryHeap<Reverse<Sandbox>>,
    /// The requests to the key server.
    pub(crate) key_requests: u64,
}

/// A sandbox, in the order of the time when it is free.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sandbox {
    free: Time,
    keys: Keys,
}

/// The keys of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keys {
    /// It has them.
    Present,
    /// A fetch failed. There is no other one before the time, and the wait after that is twice as long.
    Missing { until: Time, wait_seconds: u32 },
}

/// The longest wait of a sandbox before it fetches again, in seconds: the default of `refresh_seconds`.
const MAX_KEY_WAIT: u32 = 300;

impl Function {
    pub(crate) fn new(limits: &FunctionLimits) -> Self {
        let warm =
            (0..limits.warm_sandboxes).map(|_| Reverse(Sandbox { free: Time(0.0), keys: Keys::Present }));
        Self {
            calls: TokenBucket::new(limits.calls_per_second),
            starts: TokenBucket::with_capacity(limits.new_sandboxes_per_second, limits.new_sandboxes),
            key_server: limits.key_server.map(|server| TokenBucket::new(server.requests_per_second)),
            sandboxes: warm.collect(),
            key_requests: 0,
            limits: limits.clone(),
        }
    }

    /// The number of sandboxes.
    pub(crate) fn sandboxes(&self) -> u32 {
        u32::try_from(self.sandboxes.len()).unwrap_or(u32::MAX)
    }

    /// Calls the function. Returns when it responds, and whether it had keys.
    ///
    /// # Errors
    /// Lambda throttles the call.
    pub(crate) fn call(&mut self, now: f64) -> Result<(f64, bool), Failure> {
        if !self.calls.take(now) {
            return Err(Failure::FunctionThrottled);
        }
        let is_free = self.sandboxes.peek().is_some_and(|Reverse(sandbox)| sandbox.free.0 <= now);
        let can_start = !is_free && self.sandboxes() < self.limits.concurrency && self.starts.take(now);
        let waits = self.limits.overflow == Overflow::Waits;
        let (start, seconds, keys) = match self.sandboxes.peek() {
            _ if can_start => {
                (now, self.limits.cold_seconds, Keys::Missing { until: Time(now), wait_seconds: 1 })
            }
            Some(Reverse(sandbox)) if is_free || waits => {
                let found = (sandbox.free.0.max(now), self.limits.warm_seconds, sandbox.keys);
                self.sandboxes.pop();
                found
            }
            _ => return Err(Failure::FunctionThrottled),
        };
        let keys = self.keys(keys, start);
        let end = start + seconds;
        self.sandboxes.push(Reverse(Sandbox { free: Time(end), keys }));
        Ok((end, keys == Keys::Present))
    }

    /// Fetches the keys of a sandbox that has none, if it may.
    fn keys(&mut self, keys: Keys, now: f64) -> Keys {
        let Keys::Missing { until, wait_seconds } = keys else { return keys };
        let (Some(server), Some(limits)) = (&mut self.key_server, self.limits.key_server) else {
            return Keys::Present;
        };
        if until.0 > now {
            return keys;
        }
        self.key_requests = self.key_requests.saturating_add(limits.requests.into());
        match (0..limits.requests).all(|_| server.take(now)) {
            true => Keys::Present,
            false => Keys::Missing {
                until: Time(now + f64::from(wait_seconds)),
                wait_seconds: wait_seconds.saturating_mul(2).min(MAX_KEY_WAIT),
            },
        }
    }
}
