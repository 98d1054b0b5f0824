//! Accelerates the times of a response.

use std::time::Duration;

/// How much faster than real time the times of a response pass. AWS IoT's shortest time, five minutes, is long for a
/// test.
///
/// Only `disconnectAfterInSeconds`, `refreshAfterInSeconds`, the 24 hours of a signed connection, the lifetime of
/// temporary credentials and the waits of rules are accelerated, not keep-alive, session expiry or the lifetime of a
/// token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeScale(u32);

impl TimeScale {
    /// Creates a scale on which time passes `times` faster. 0 and 1 are real time.
    #[must_use]
    pub fn faster(times: u32) -> Self {
        Self(times.max(1))
    }

    /// Returns how long a time of a response takes on this scale.
    #[must_use]
    pub fn scaled(self, time: Duration) -> Duration {
        time.checked_div(self.0).unwrap_or(time)
    }

    /// Sleeps for a time of a response.
    pub async fn sleep(self, time: Duration) {
        tokio::time::sleep(self.scaled(time)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_divided_and_never_increase() {
        let five_minutes = Duration::from_secs(300);
        for (times, expected) in [(0, 300_000), (1, 300_000), (60, 5_000), (100_000, 3), (u32::MAX, 0)] {
            let scaled = TimeScale::faster(times).scaled(five_minutes);
            assert_eq!(scaled.as_millis(), expected, "{times} times faster");
        }
    }
}
