//! The folders of buckets and reports.

use std::path::{Component, Path, PathBuf};

use iot_local_base::names::is_name;

use super::super::expected;
use crate::cloud::Cloud;
use crate::error::ApiError;

/// The folders of buckets and reports, next to the folder of private files.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    root: PathBuf,
}

/// A report of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportType {
    /// The lines that were not registered.
    Errors,
    /// The lines that were.
    Results,
}

impl Folders {
    /// Returns the folders of a gateway.
    ///
    /// # Errors
    /// InvalidRequest for a gateway without folders.
    pub(super) fn of(cloud: &Cloud) -> Result<Self, ApiError> {
        let root = cloud.options().private.as_deref().and_then(Path::parent);
        let root = root.ok_or_else(|| ApiError::invalid("this gateway has no folder for buckets"))?;
        Ok(Self { root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()) })
    }

    /// Returns a file of a bucket, both checked.
    pub(super) fn file(&self, bucket: &str, key: &str) -> PathBuf {
        self.root.join("buckets").join(bucket).join(key)
    }

    /// Returns the folder of a bucket.
    pub(super) fn bucket(&self, bucket: &str) -> PathBuf {
        self.root.join("buckets").join(bucket)
    }

    /// Returns the folder of a task's reports.
    pub(super) fn reports(&self, task: &str) -> PathBuf {
        self.root.join("reports").join(task)
    }

    /// Returns a report of a task.
    pub(super) fn report(&self, task: &str, report: ReportType) -> PathBuf {
        self.reports(task).join(match report {
            ReportType::Errors => "errors.json",
            ReportType::Results => "results.json",
        })
    }
}

impl ReportType {
    /// Returns AWS's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Errors => "ERRORS",
            Self::Results => "RESULTS",
        }
    }
}

/// Returns the name of a bucket.
///
/// # Errors
/// InvalidRequest.
pub(super) fn bucket(text: &str) -> Result<&str, ApiError> {
    if is_name(text, "._-", 3..=256) && is_inside(text) {
        Ok(text)
    } else {
        Err(expected("inputFileBucket", "3 to 256 letters, digits or ._-"))
    }
}

/// Returns the key of a file: a path that stays in its bucket.
///
/// # Errors
/// InvalidRequest.
pub(super) fn key(text: &str) -> Result<&str, ApiError> {
    if is_name(text, "!_.*'()-/", 1..=1024) && is_inside(text) {
        Ok(text)
    } else {
        Err(expected("inputFileKey", "1 to 1024 letters, digits or !_.*'()-/, and no .. or leading /"))
    }
}

fn is_inside(text: &str) -> bool {
    Path::new(text).components().all(|component| matches!(component, Component::Normal(_)))
}
