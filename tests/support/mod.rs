//! What the tests share: deployments on disk, signers of tokens, events, and the checker of cases.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
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

use iot_jwt_authorizer::log::EventFacts;
use iot_jwt_authorizer::time::NumericDate;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The present time of the tests, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

/// The ARN of the function that AWS IoT invoked.
pub const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer";

/// The folder of the repository, also for the tests of `local/`, which use this file.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|folder| folder.join("tests/cases").exists()).unwrap().to_owned()
}

/// The time `offset_seconds` after [`NOW`].
pub fn at(offset_seconds: f64) -> NumericDate {
    let seconds = f64::from(u32::try_from(NOW).unwrap()) + offset_seconds;
    NumericDate::from(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds))
}

/// Facts about an event, as Lambda would give them.
pub fn event_facts() -> EventFacts<'static> {
    EventFacts {
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        trace: None,
        duration: Duration::from_micros(42),
        cold_start: false,
        key_fetches: 0,
        key_age: None,
        revocation_fetches: 0,
        revocation_age: None,
    }
}

/// Checks all cases at the same time, since some wait for the whole time limit.
pub fn in_threads<T: Send>(cases: Vec<T>, check: impl Fn(T) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        let threads: Vec<_> = cases.into_iter().map(|case| scope.spawn(move || check(case))).collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
