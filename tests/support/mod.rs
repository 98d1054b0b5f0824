//! What the tests share: deployments on disk, signers that mint, events, and the one door through which cases are checked.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

pub mod case;
pub mod deployment;
pub mod key_server;
pub mod sandbox;
pub mod signer;

use iot_jwt_authorizer::claims::NumericDate;
use iot_jwt_authorizer::log::Circumstances;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The present of every case, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

/// The function that AWS IoT invoked.
pub const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer";

/// The repository, also for the tests of `local/`, which share this.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join("tests/cases").exists() { here.to_owned() } else { here.parent().unwrap().to_owned() }
}

/// A time so many seconds from the present.
pub fn at(offset: f64) -> NumericDate {
    let seconds = f64::from(u32::try_from(NOW).unwrap()) + offset;
    NumericDate::from(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds))
}

/// What a shell knows of an event, as Lambda would have it.
pub fn circumstances() -> Circumstances<'static> {
    Circumstances {
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        trace: None,
        duration: Duration::from_micros(42),
        cold_start: false,
        key_fetches: 0,
        key_age: None,
    }
}
