//! Configurations in temporary folders.

use std::fs;
use std::path::{Path, PathBuf};

use iot_local_base::env::Env;
use iot_local_inspect::check::{CheckReport, examine};
use serde_json::Value;
use tempfile::TempDir;

/// A configuration on disk.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Only the shipped key set.
    pub(crate) fn empty() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.copy("keys/users.jwks.json");
        folder
    }

    /// The shipped configuration.
    pub(crate) fn example() -> Self {
        let folder = Self::empty();
        for file in [
            "authorizer.toml",
            "policies/app-user.json",
            "policies/device-owner.json",
            "policies/tenant-operator.json",
        ] {
            folder.copy(file);
        }
        folder
    }

    pub(crate) fn copy(&self, file: &str) {
        self.write(
            file,
            &fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap(),
        );
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces the first occurrence of a text, which must exist.
    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(old), "{file} has no `{old}`");
        self.write(file, &text.replacen(old, new, 1));
    }

    /// Adds statements to a policy.
    pub(crate) fn add(&self, file: &str, statements: &[Value]) {
        let mut policy: Value = serde_json::from_str(&fs::read_to_string(self.path(file)).unwrap()).unwrap();
        policy["Statement"].as_array_mut().unwrap().extend_from_slice(statements);
        self.write(file, &format!("{policy:#}"));
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// The report without warnings about the sample values of the example.
    pub(crate) fn examine(&self) -> CheckReport {
        let mut report = self.examine_all();
        report.findings.retain(|finding| finding.lint != Some("placeholder"));
        report
    }

    /// The whole report.
    pub(crate) fn examine_all(&self) -> CheckReport {
        examine(
            &self.path("authorizer.toml"),
            &Env::default(),
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000),
        )
    }
}
