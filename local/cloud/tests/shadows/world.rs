//! A registry with a clock that tests set.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iot_local_cloud::shadows::{ShadowId, ShadowRejection, Updated};
use iot_local_cloud::{Cloud, CloudOptions};
use serde_json::Value;

use crate::support::{NOW, options};

thread_local! {
    /// The time of the test's thread, in seconds since 1970.
    static SECONDS: Cell<u64> = const { Cell::new(NOW) };
}

/// Advances the clock of this test.
pub(crate) fn wait(seconds: u64) {
    SECONDS.set(SECONDS.get() + seconds);
}

/// Returns the time in seconds since 1970.
pub(crate) fn now() -> u64 {
    SECONDS.get()
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(SECONDS.get())
}

/// Opens a registry with the clock of this test.
pub(crate) fn open(folder: Option<PathBuf>) -> Cloud {
    Cloud::open(CloudOptions { clock, ..options(folder) }).unwrap_or_else(|error| panic!("{error}"))
}

/// The classic shadow of a thing.
pub(crate) fn classic(thing: &str) -> ShadowId {
    ShadowId { thing: thing.to_owned(), name: None }
}

/// A named shadow of the thing `lamp`.
pub(crate) fn named(name: &str) -> ShadowId {
    ShadowId { thing: "lamp".to_owned(), name: Some(name.to_owned()) }
}

pub(crate) fn update(cloud: &Cloud, id: &ShadowId, payload: &Value) -> Result<Updated, ShadowRejection> {
    cloud.update_shadow(id, payload.to_string().as_bytes())
}
