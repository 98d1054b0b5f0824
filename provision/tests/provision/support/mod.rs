//! What the tests share.

pub(crate) mod case;
pub(crate) mod memory;
pub(crate) mod schedule;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use iot_provision::config::Config;

/// The function that is invoked.
pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:provision";

/// The folder of the package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `cases/certificates/`.
pub(crate) fn file(name: &str) -> String {
    let path: PathBuf = root().join("cases/certificates").join(format!("{name}.pem"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The time of every event.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// An id of 64 equal digits.
pub(crate) fn id(digit: char) -> String {
    std::iter::repeat_n(digit, 64).collect()
}

/// The configuration of the cases, with some texts replaced.
pub(crate) fn config(edits: &[(&str, &str)]) -> Config {
    let mut text = std::fs::read_to_string(root().join("cases/provision.toml")).unwrap();
    for (from, to) in edits {
        assert!(text.contains(from), "the configuration of the cases has no {from}");
        text = text.replace(from, to);
    }
    Config::parse("provision.toml", &text, &root().join("cases"), &|_| None)
        .unwrap_or_else(|errors| panic!("{errors}"))
}
