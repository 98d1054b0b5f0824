//! The time type of claims and keys.

use std::time::{Duration, SystemTime};

use crate::json::Json;

/// The last second of the year 9999, the largest four-digit year.
const LAST_DATE: f64 = 253_402_300_799.0;

/// A point in time in seconds since 1970, with fractions, as RFC 7519 section 2 defines it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

impl NumericDate {
    /// The beginning of 1970. Every claim is later.
    pub const EPOCH: Self = Self(0.0);

    /// Reads a claim. Returns `None` for anything but a number between the years 1970 and 9999.
    #[must_use]
    pub fn read(claim: &Json<'_>) -> Option<Self> {
        let seconds = match claim {
            Json::Unsigned(seconds) => whole(*seconds),
            Json::Float(seconds) => *seconds,
            _ => return None,
        };
        (0.0..=LAST_DATE).contains(&seconds).then_some(Self(seconds))
    }

    /// The date `seconds` later.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0 + whole(seconds))
    }

    /// The date `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0 + duration.as_secs_f64())
    }

    /// The time from `earlier` to this date; zero if this date is before `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from_secs_f64(self.0 - earlier.0).unwrap_or_default()
    }
}

impl From<SystemTime> for NumericDate {
    /// Negative for a clock before 1970, at which no token is valid yet.
    fn from(time: SystemTime) -> Self {
        Self(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        })
    }
}

/// The earliest of `dates`.
pub(crate) fn earliest(dates: impl Iterator<Item = NumericDate>) -> Option<NumericDate> {
    dates.reduce(|first, date| if date < first { date } else { first })
}

/// Exact up to 2^53. Every date is far below.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "seconds of dates are far below 2^53")]
const fn whole(seconds: u64) -> f64 {
    seconds as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Object;

    #[test]
    fn dates() {
        for (json, good) in [
            ("0", true),
            ("1.5", true),
            ("1e9", true),
            ("253402300799", true),
            ("253402300800", false),
            ("253402300799.5", false),
            ("-1", false),
            ("-0.5", false),
            ("18446744073709551615", false),
            ("18446744073709551616", false),
            ("1e300", false),
            ("\"1\"", false),
            ("null", false),
            ("true", false),
            ("[1]", false),
        ] {
            let text = format!("{{\"exp\":{json}}}");
            let claims = Object::parse(text.as_bytes()).unwrap();
            assert_eq!(NumericDate::read(claims.get("exp").unwrap()).is_some(), good, "{json}");
        }
    }
}
