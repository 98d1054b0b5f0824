//! What is wrong with a configuration: how severe, where, and what to do. One printer for all commands.

pub mod files;
pub mod render;

use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};

use crate::suggest::suggestion;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The function would not start, or its response could exceed AWS's limits.
    Error,
    /// It works, but is probably a mistake.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// The lint that found it. An error has none, since it cannot be accepted.
    pub lint: Option<&'static str>,
    /// File, place, what is wrong, and a hint.
    pub error: ConfigError,
}

impl Finding {
    /// An error.
    #[must_use]
    pub fn error(error: ConfigError) -> Self {
        Self { severity: Severity::Error, lint: None, error }
    }

    /// A warning that is not from a lint.
    #[must_use]
    pub fn warning(error: ConfigError) -> Self {
        Self { severity: Severity::Warning, lint: None, error }
    }

    /// What is wrong, with what its place in the file is called. The line is not part of it.
    #[must_use]
    pub fn message(&self) -> String {
        let ConfigError { file, place, what, .. } = &self.error;
        match place {
            ErrorPlace::File => format!("{file}: {what}"),
            ErrorPlace::Line { .. } => what.clone(),
            ErrorPlace::Member(path) => format!("{path}: {what}"),
            ErrorPlace::Entry(noun, index) => format!("{noun} {index}: {what}"),
        }
    }

    /// The known name that an unknown one was probably meant to be.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        suggestion(self.error.unknown.as_deref()?)
    }

    /// The key in `[check.allow]` that accepts the finding, if it can be accepted.
    #[must_use]
    pub fn allow_key(&self) -> Option<String> {
        self.lint.map(|lint| format!("{lint} {}", self.error.file))
    }
}
