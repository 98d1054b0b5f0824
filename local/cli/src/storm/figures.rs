//! The figures of a storm that are not the fleet's: times of the function on Lambda, and AWS's limits. A test compares
//! them with docs/scaling.md.

use clap::ValueEnum;

/// Where the function's keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyPlace {
    /// In the package
    Bundled,
    /// AWS Secrets Manager
    Secret,
    /// A JWKS URL
    Jwks,
    /// OpenID Connect discovery
    Oidc,
}

/// The times of the function on Lambda, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Times {
    /// The first call of a new sandbox, with the time until Lambda has one.
    pub(crate) cold: f64,
    /// A call of a warm sandbox.
    pub(crate) warm: f64,
}

impl KeyPlace {
    /// The times of the shipped template: 256 MB.
    pub(crate) const fn times(self) -> Times {
        match self {
            Self::Bundled => Times { cold: 280.0, warm: 2.43 },
            Self::Secret => Times { cold: 390.0, warm: 2.44 },
            Self::Jwks => Times { cold: 480.0, warm: 2.44 },
            Self::Oidc => Times { cold: 630.0, warm: 2.44 },
        }
    }

    /// The requests of a fetch.
    pub(crate) const fn requests(self) -> u32 {
        match self {
            Self::Bundled => 0,
            Self::Secret => 3,
            Self::Jwks => 1,
            Self::Oidc => 2,
        }
    }

    /// The requests that the server answers in a second, where AWS documents it.
    pub(crate) const fn requests_per_second(self) -> Option<f64> {
        match self {
            Self::Secret => Some(10_000.0),
            Self::Bundled | Self::Jwks | Self::Oidc => None,
        }
    }
}

/// MQTT connects that AWS IoT accepts in a second.
pub(crate) const CONNECTS_PER_SECOND: u32 = 3_000;
/// Concurrent calls of all Lambda functions.
pub(crate) const CONCURRENCY: u32 = 1_000;
/// Calls per second for each unit of concurrency.
pub(crate) const CALLS_OF_A_SANDBOX: u32 = 10;
/// New sandboxes of a function in [`RAMP_SECONDS`].
pub(crate) const NEW_SANDBOXES: u32 = 1_000;
/// The seconds of that limit.
pub(crate) const RAMP_SECONDS: u32 = 10;
/// The time of a connect without the function: a guess for TLS 1.3 over a mobile network, in seconds.
pub(crate) const CONNECT_SECONDS: f64 = 0.1;
/// Devices that just-in-time provisioning registers in a second: a guess, docs/scaling.md.
pub(crate) const REGISTRATIONS_PER_SECOND: u32 = 10;
/// The time between a first connect and the registered device: AWS provisions typically within 1 to 3 seconds.
pub(crate) const REGISTRATION_SECONDS: f64 = 2.0;

/// The memory of the shipped template, in MB.
pub(crate) const MEMORY_MB: u32 = 256;
/// The memory that gives one processor, in MB.
const WHOLE_MB: u32 = 1_769;
/// The factor by which Lambda's processors may be slower.
const MARGIN: f64 = 2.0;
/// The time until Lambda has a new sandbox, in milliseconds.
const PLACING: f64 = 250.0;
/// Start and call of the smallest function on Lambda, in milliseconds.
const SMALLEST: Times = Times { cold: 13.9, warm: 1.46 };

/// Converts times of this machine to Lambda's, as docs/scaling.md does. It does not subtract what a function that does
/// nothing takes here, so the result is an upper bound.
pub(crate) fn on_lambda(here: Times, memory_mb: u32) -> Times {
    let factor = MARGIN * (f64::from(WHOLE_MB) / f64::from(memory_mb.max(1))).max(1.0);
    Times { cold: PLACING + SMALLEST.cold + here.cold * factor, warm: SMALLEST.warm + here.warm * factor }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/scaling.md");

    /// The cells of the row that begins with a text.
    fn row(start: &str) -> Vec<String> {
        let line = PAGE.lines().find(|line| line.starts_with(&format!("| {start}"))).unwrap_or_default();
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace(',', "")).collect()
    }

    #[test]
    fn the_figures_are_those_of_the_page() {
        for (name, place) in [
            ("bundled |", KeyPlace::Bundled),
            ("secret |", KeyPlace::Secret),
            ("jwks |", KeyPlace::Jwks),
            ("oidc |", KeyPlace::Oidc),
        ] {
            let cells = row(name);
            let wait: f64 = cells[6].parse().unwrap();
            assert_eq!(
                place.times(),
                Times { cold: wait * 1000.0, warm: cells[3].parse().unwrap() },
                "{name}"
            );
        }
        for (name, value) in [
            ("MQTT connects per second", CONNECTS_PER_SECOND),
            ("concurrent calls of all Lambda", CONCURRENCY),
            ("calls per second for each sandbox", CALLS_OF_A_SANDBOX),
            ("new sandboxes of a function in 10 seconds", NEW_SANDBOXES),
            ("MB that give one processor", WHOLE_MB),
        ] {
            assert_eq!(row(name)[1].parse(), Ok(value), "{name}");
        }
        let reads: f64 = row("reads per second of Secrets Manager")[1].parse().unwrap();
        assert_eq!(KeyPlace::Secret.requests_per_second(), Some(reads));
        for (name, requests) in [("`secret:`", 3), ("`jwks:`", 1), ("`oidc` |", 2)] {
            let number = row(name)[1].split(' ').next().and_then(|word| word.trim_matches(',').parse().ok());
            assert_eq!(number, Some(requests), "{name}");
        }
        assert_eq!([KeyPlace::Secret, KeyPlace::Jwks, KeyPlace::Oidc].map(KeyPlace::requests), [3, 1, 2]);
        for (name, value) in [
            ("INIT of the smallest function", SMALLEST.cold),
            ("a call of this function", SMALLEST.warm),
            ("margin", MARGIN),
            ("time until Lambda has a new sandbox", PLACING / 1000.0),
        ] {
            assert_eq!(row(name)[1].parse(), Ok(value), "{name}");
        }
    }

    #[test]
    fn less_memory_is_slower() {
        let here = Times { cold: 5.0, warm: 0.5 };
        let [whole, quarter] = [1_769, 256].map(|memory| on_lambda(here, memory));
        assert_eq!(whole, Times { cold: 273.9, warm: 2.46 });
        assert!(quarter.cold > whole.cold && quarter.warm > whole.warm);
        assert_eq!(on_lambda(here, 3_008), whole);
    }
}
