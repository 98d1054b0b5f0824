//! The errors of a template, each with its member.

use std::fmt;

/// One error of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The path of the member, such as `Resources.thing.Properties.ThingName`. Empty for the whole body.
    pub member: String,
    /// What is wrong and what is expected.
    pub what: String,
}

/// All errors of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateErrors(pub Vec<TemplateError>);

impl TemplateError {
    pub(super) fn new(member: impl Into<String>, what: impl Into<String>) -> Self {
        Self { member: member.into(), what: what.into() }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.member.is_empty() {
            write!(f, "template body: {}", self.what)
        } else {
            write!(f, "{}: {}", self.member, self.what)
        }
    }
}

impl fmt::Display for TemplateErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(TemplateError::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for TemplateErrors {}

/// Returns the path of a member.
pub(super) fn member(place: &str, name: &str) -> String {
    format!("{place}.{name}")
}

/// Returns the path of an element of a list.
pub(super) fn element(place: &str, index: usize) -> String {
    format!("{place}[{index}]")
}
