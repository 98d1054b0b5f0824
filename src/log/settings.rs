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
    /// Members of every line that do not change, as JSON, each with a comma before it.
    constants: Box<str>,
    min_level: Level,
    json: bool,
}

impl LogSettings {
    /// Reads Lambda's variables. Without `AWS_LAMBDA_LOG_LEVEL` every line is written.
    #[must_use]
    pub fn read(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let function = plain(environment, "AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        let version = plain(environment, "AWS_LAMBDA_FUNCTION_VERSION");
        let version = version.map(|version| member("function_version", &version)).unwrap_or_default();
        Self {
            constants: (member("function", &function) + &version).into(),
            function: function.into(),
            min_level: match environment("AWS_LAMBDA_LOG_LEVEL").as_deref() {
                Some("WARN") => Level::Warn,
                Some("ERROR") => Level::Error,
                Some("FATAL") => Level::Fatal,
                _ => Level::Info,
            },
            json: environment("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format == "JSON"),
        }
    }

    /// The same settings for lines that also have the hash of the configuration, hexadecimal digits.
    #[must_use]
    pub fn with_config(self, hash: &str) -> Self {
        Self { constants: (self.constants.into_string() + &member("config", hash)).into(), ..self }
    }

    /// Members of every line that do not change, as JSON, each with a comma before it.
    pub(super) fn constants(&self) -> &str {
        &self.constants
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

/// A variable of the environment that can be written to JSON as it is. `$` is in the version `$LATEST`.
fn plain(environment: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$');
    environment(name).filter(|value| value.bytes().all(is_plain))
}

/// A member of a JSON object, for a value without characters that JSON escapes.
fn member(name: &str, value: &str) -> String {
    [",\"", name, "\":\"", value, "\""].concat()
}
