//! The one place of this crate where the wall clock is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the shell's clock: everything else is handed the time")]
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// How fast the times of an answer pass: AWS IoT's shortest is five minutes, which is long on a laptop.
///
/// Only `disconnectAfterInSeconds` and `refreshAfterInSeconds` pass so. Keep-alive, session expiry and the life of a
/// token are as ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale(u32);

impl Scale {
    /// `times` faster; 0 and 1 are real time.
    #[must_use]
    pub fn faster(times: u32) -> Self {
        Self(times.max(1))
    }

    /// How long a time takes here.
    #[must_use]
    pub fn scaled(self, time: Duration) -> Duration {
        time.checked_div(self.0).unwrap_or(time)
    }

    /// Returns when that time is over.
    pub async fn sleep(self, time: Duration) {
        tokio::time::sleep(self.scaled(time)).await;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_divided_and_never_grow() {
        let five_minutes = Duration::from_secs(300);
        for (times, expected) in [(0, 300_000), (1, 300_000), (60, 5_000), (100_000, 3), (u32::MAX, 0)] {
            let scaled = Scale::faster(times).scaled(five_minutes);
            assert_eq!(scaled.as_millis(), expected, "{times} times faster");
        }
    }
}
