//! The one place of this crate where the wall clock is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the shell's clock: everything else is handed the time")]
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since the epoch at `instant`, as the Lambda Runtime API writes a deadline.
#[must_use]
pub fn epoch_millis(instant: Instant) -> u128 {
    let remaining = instant.saturating_duration_since(Instant::now());
    let since_epoch = now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.saturating_add(remaining).as_millis()
}

/// The instant that lies `limit` ahead.
#[must_use]
pub fn deadline(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now)
}
