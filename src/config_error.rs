//! An error in the deployment's files, as data: which file, where in it, what is wrong, and what to do.

use std::fmt;
use std::ops::Range;

/// One error of `authorizer.toml`, a policy or a key file.
///
/// [`fmt::Display`] is its only printer: `FILE:LINE: WHAT`, and the hint on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, relative to the deployment's folder.
    pub file: String,
    /// Where in the file.
    pub place: ErrorPlace,
    /// What is wrong, without the place: `unsupported algorithm "HS256"; expected one of …`.
    pub what: String,
    /// What to do, where that is not plain from `what`.
    pub hint: Option<String>,
    /// The unknown name that the error is about. Tools suggest the known name that is most similar.
    pub unknown: Option<Box<UnknownName>>,
}

/// A name in the deployment's files that is not known, and the names that are known there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// As the file writes it.
    pub given: String,
    /// The known names.
    pub candidates: Vec<String>,
}

/// Where in a file an error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorPlace {
    /// The file as a whole.
    File,
    /// A line, counted from one, and the bytes of the text that the error is about, where they are known.
    Line {
        /// Counted from one.
        line: usize,
        /// Byte offsets from the start of the file.
        span: Option<Range<usize>>,
    },
    /// A member of a JSON document, as `Statement[0].Effect`.
    Member(String),
    /// An entry of a list without names: `key 2` of a key set, counted from zero; `case 1` of a policy test, from one.
    Entry(&'static str, usize),
}

impl ConfigError {
    /// An error of a file as a whole.
    #[must_use]
    pub fn of_file(file: &str, what: impl Into<String>) -> Self {
        Self::at(file, ErrorPlace::File, what)
    }

    /// An error at a place of a file.
    #[must_use]
    pub fn at(file: &str, place: ErrorPlace, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place, what: what.into(), hint: None, unknown: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same error, about an unknown name.
    #[must_use]
    pub fn unknown(self, name: UnknownName) -> Self {
        Self { unknown: Some(Box::new(name)), ..self }
    }
}

impl UnknownName {
    /// A name, and the names that are known in its place.
    #[must_use]
    pub fn new(given: impl Into<String>, candidates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { given: given.into(), candidates: candidates.into_iter().map(Into::into).collect() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, what, hint, .. } = self;
        match place {
            ErrorPlace::Line { line, .. } => write!(out, "{file}:{line}: {what}")?,
            ErrorPlace::File => write!(out, "{file}: {what}")?,
            ErrorPlace::Member(path) => write!(out, "{file}: {path}: {what}")?,
            ErrorPlace::Entry(noun, index) => write!(out, "{file}: {noun} {index}: {what}")?,
        }
        hint.as_ref().map_or(Ok(()), |hint| write!(out, "\n  help: {hint}"))
    }
}

/// Every error of a deployment, in the order of the files. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|error| writeln!(out, "{error}"))
    }
}

impl std::error::Error for ConfigErrors {}
