//! How the log is to be: Lambda's own settings, from the environment.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html>

use serde::Serialize;

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Somebody was let in, or keys came.
    Info,
    /// Somebody was refused, or keys did not come.
    Warn,
    /// It is our fault.
    Error,
    /// Nothing is written at this level: who asks for it asks for silence.
    Fatal,
}

/// What is written, how, and for which function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    function: Box<str>,
    least: Level,
    json: bool,
}

impl Settings {
    /// Reads Lambda's variables. Without `AWS_LAMBDA_LOG_LEVEL` everything is written.
    #[must_use]
    pub fn of(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let function = environment("AWS_LAMBDA_FUNCTION_NAME").filter(|name| name.bytes().all(is_plain));
        Self {
            function: function.unwrap_or_default().into(),
            least: match environment("AWS_LAMBDA_LOG_LEVEL").as_deref() {
                Some("WARN") => Level::Warn,
                Some("ERROR") => Level::Error,
                Some("FATAL") => Level::Fatal,
                _ => Level::Info,
            },
            json: environment("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format == "JSON"),
        }
    }

    /// Whether lines of that level are written.
    #[must_use]
    pub fn writes(&self, level: Level) -> bool {
        level >= self.least
    }

    /// The function's name, the dimension of its metrics.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Whether every line has to be JSON, those about faults at start included.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }
}
