//! The only reader of the clock. All other code receives the time as an argument.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Returns the time of the wall clock.
#[expect(clippy::disallowed_methods, reason = "the shell's clock; all other code receives the time")]
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Returns the instant `limit` from now, or now if the sum overflows.
#[must_use]
pub fn deadline(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now)
}
