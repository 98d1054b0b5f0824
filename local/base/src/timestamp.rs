//! Times in arguments and output: RFC 3339 dates and seconds since 1970.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time given as an RFC 3339 date such as `2027-01-15T08:00:00Z`, or as seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(pub SystemTime);

impl FromStr for Timestamp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a date such as 2027-01-15T08:00:00Z, or seconds since 1970";
        let seconds = match text.parse() {
            Ok(seconds) => seconds,
            Err(_) => {
                let date = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| EXPECTED)?;
                u64::try_from(date.unix_timestamp()).map_err(|_| EXPECTED)?
            }
        };
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(Self).ok_or(EXPECTED)
    }
}

/// Returns the whole seconds since 1970, or 0 for an earlier time.
#[must_use]
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Formats seconds since 1970 as an RFC 3339 date in UTC, or as the number itself if it is out of range.
#[must_use]
pub fn date(seconds: u64) -> String {
    let date =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1800000000", Some(1_800_000_000)),
            ("2027-01-15T08:00:00Z", Some(1_800_000_000)),
            ("2027-01-15T09:00:00+01:00", Some(1_800_000_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2027-01-15", None),
            ("tomorrow", None),
            ("-1", None),
            ("1.5", None),
            ("18446744073709551616", None),
            ("", None),
        ] {
            assert_eq!(
                text.parse::<Timestamp>().ok().map(|timestamp| seconds(timestamp.0)),
                expected,
                "{text}"
            );
        }
        assert_eq!(date(1_800_000_000), "2027-01-15T08:00:00Z");
    }
}
