//! Times on the command line and in what is shown: RFC 3339 and seconds since 1970.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time as one writes it: `2027-01-15T08:00:00Z`, or seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub SystemTime);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write it as 2027-01-15T08:00:00Z, or as seconds since 1970";
        let seconds = match text.parse() {
            Ok(seconds) => seconds,
            Err(_) => {
                let date = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| FORM)?;
                u64::try_from(date.unix_timestamp()).map_err(|_| FORM)?
            }
        };
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(Self).ok_or(FORM)
    }
}

/// Whole seconds since 1970; a time before that counts as 1970.
#[must_use]
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The date of so many seconds since 1970, in UTC; the number itself where it is no date.
#[must_use]
pub fn date(seconds: u64) -> String {
    let date = i64::try_from(seconds).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_both_forms() {
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
            assert_eq!(text.parse::<Moment>().ok().map(|moment| seconds(moment.0)), expected, "{text}");
        }
        assert_eq!(date(1_800_000_000), "2027-01-15T08:00:00Z");
    }
}
