//! The connects that are accepted in a second, as AWS IoT limits them for an account.
//! <https://docs.aws.amazon.com/general/latest/gr/iot-core.html>

use std::sync::{Mutex, PoisonError};

use iot_local_base::token_bucket::TokenBucket;
use tokio::time::Instant;

/// The limit of connects. AWS IoT's metric for those above it is `Connect.Throttle`.
pub struct ConnectRate {
    /// `None` accepts all.
    limit: Option<Limit>,
}

struct Limit {
    per_second: u32,
    start: Instant,
    bucket: Mutex<TokenBucket>,
}

/// A connect above the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("throttled: more than {0} connects in a second (--connects-per-second)")]
pub struct ConnectThrottled(u32);

impl ConnectRate {
    /// A limit per second, or none.
    #[must_use]
    pub fn new(per_second: Option<u32>) -> Self {
        let limit = per_second.map(|per_second| Limit {
            per_second,
            start: Instant::now(),
            bucket: Mutex::new(TokenBucket::new(per_second.into())),
        });
        Self { limit }
    }

    /// Counts a connect.
    ///
    /// # Errors
    /// It is above the limit.
    pub fn count(&self) -> Result<(), ConnectThrottled> {
        let Some(limit) = &self.limit else { return Ok(()) };
        let now = limit.start.elapsed().as_secs_f64();
        let mut bucket = limit.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.take(now) { Ok(()) } else { Err(ConnectThrottled(limit.per_second)) }
    }
}
