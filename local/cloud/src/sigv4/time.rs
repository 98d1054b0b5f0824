//! The time of a signature: `yyyymmddThhmmssZ`, and its window.

use time::{Date, Month, OffsetDateTime};

/// How far the time of a signature may be from the gateway's, in either direction. Reported of AWS IoT; other services
/// accept 15 minutes.
pub const MAX_SKEW_SECONDS: i64 = 300;

/// The values of `X-Amz-Expires`, in seconds: up to seven days.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
pub(super) const EXPIRES: std::ops::RangeInclusive<i64> = 1..=604_800;

/// Parses a time to seconds since 1970.
pub(super) fn parse(text: &str) -> Option<i64> {
    let is_digit_or = |(index, byte): (usize, u8)| match index {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    if text.len() != 16 || !text.bytes().enumerate().all(is_digit_or) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u8>().ok();
    let year = text.get(0..4)?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(number(4..6)?).ok()?, number(6..8)?).ok()?;
    let time = date.with_hms(number(9..11)?, number(11..13)?, number(13..15)?).ok()?;
    Some(time.assume_utc().unix_timestamp())
}

/// Formats seconds since 1970.
pub(super) fn format(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, month) = (time.date(), u8::from(time.month()));
    format!(
        "{:04}{month:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_sixteen_characters_of_a_real_day() {
        assert_eq!(parse("20260115T120000Z"), Some(1_768_478_400));
        assert_eq!(parse("20240229T235959Z").map(format).as_deref(), Some("20240229T235959Z"));
        for bad in [
            "",
            "20260115",
            "20260115T120000",
            "20260115T120000z",
            "20260115t120000Z",
            "2026-01-15T12:00:00Z",
            "20261315T120000Z",
            "20260230T120000Z",
            "20260115T250000Z",
            "20260115T126000Z",
            "20260115T120060Z",
            "+0260115T120000Z",
            "20260115T12000éZ",
            "20260115T120000Z ",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
