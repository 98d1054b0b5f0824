//! Lambda's own settings of the log, from the environment.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html>

use serde::Serialize;

/// The level of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// An allowed request, or fetched keys.
    Info,
    /// A denied request, or a failed fetch.
    Warn,
    /// A failure on our side.
    Error,
    /// No line has this level. Selecting it silences the log.
    Fatal,
}

/// Which lines are written, in which format, for which function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    function: Box<str>,
    min_level: Level,
    json: bool,
}

impl LogSettings {
    /// Reads Lambda's variables. Without `AWS_LAMBDA_LOG_LEVEL` every line is written.
    #[must_use]
    pub fn read(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let function = environment("AWS_LAMBDA_FUNCTION_NAME").filter(|name| name.bytes().all(is_plain));
        Self {
            function: function.unwrap_or_default().into(),
            min_level: match environment("AWS_LAMBDA_LOG_LEVEL").as_deref() {
                Some("WARN") => Level::Warn,
                Some("ERROR") => Level::Error,
                Some("FATAL") => Level::Fatal,
                _ => Level::Info,
            },
            json: environment("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format == "JSON"),
        }
    }

    /// Whether lines of `level` are written.
    #[must_use]
    pub fn writes(&self, level: Level) -> bool {
        level >= self.min_level
    }

    /// The function's name, a dimension of its metrics.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Whether every line must be JSON, including configuration errors at start.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }
}
