//! How long a call waits before it is tried again.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>

use std::time::Duration;

/// The longest first wait. Each further one may be twice as long.
const BASE: Duration = Duration::from_millis(100);

/// The longest wait.
const MAX: Duration = Duration::from_secs(5);

/// The wait before a call is tried again after `failures` failures, from one on. `random` is between 0 and 1.
///
/// The wait is a random part of a time that doubles: devices that come at once do not come back at once.
#[must_use]
pub fn delay(failures: u32, random: f64) -> Duration {
    let doubled = failures.saturating_sub(1).min(16);
    let longest = BASE.saturating_mul(1 << doubled).min(MAX);
    longest.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_seconds() {
        let milliseconds = |failures| delay(failures, 1.0).as_millis();
        assert_eq!([0, 1, 2, 3, 6].map(milliseconds), [100, 100, 200, 400, 3200]);
        assert_eq!([7, 8, 17, 18, u32::MAX].map(milliseconds), [5000; 5]);
        assert_eq!(delay(9, 0.0), Duration::ZERO);
        assert_eq!(delay(3, 0.5).as_millis(), 200);
        assert_eq!(delay(3, 7.0).as_millis(), 400);
    }
}
