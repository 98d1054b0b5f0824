//! What is wrong with a deployment. Faults are gathered, never thrown: an operator mends them all at once.

use std::fmt;
use std::ops::Range;

/// One fault: where it is, what it is, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Relative to the package, as `authorizer.toml`.
    pub file: String,
    /// Counted from one, where the file has lines that tell anything.
    pub line: Option<usize>,
    /// The bytes of the file that it is about, where they are known.
    pub span: Option<Range<usize>>,
    /// What is wrong and how to fix it.
    pub message: String,
}

impl Fault {
    /// A fault of a file as a whole.
    pub(crate) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, span: None, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}: {}", self.file, self.message),
            None => write!(out, "{}: {}", self.file, self.message),
        }
    }
}

/// Every fault of a deployment, in the order of the files. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| writeln!(out, "{fault}"))
    }
}

impl std::error::Error for Faults {}
