//! What `check` finds: where, what, and how to fix it.

use std::ops::Range;

use iot_jwt_authorizer::config::Fault;

use super::files::Files;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The function would not start, or its answer could pass AWS's limits.
    Fault,
    /// It works, and is probably not what was meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The lint that found it. A fault has none: it cannot be accepted.
    pub lint: Option<&'static str>,
    /// Relative to the configuration's folder, as `policies/app-user.json`.
    pub file: String,
    /// The bytes of the file that it is about; `None` where it is about the file as a whole.
    pub span: Option<Range<usize>>,
    /// What is wrong.
    pub what: String,
    /// Why it matters, or how to fix it.
    pub hint: Option<String>,
}

impl Finding {
    /// A fault that the function itself would report.
    #[must_use]
    pub fn of_fault(fault: &Fault, files: &Files) -> Self {
        Self { severity: Severity::Fault, ..Self::of_warning(fault, files) }
    }

    /// What the function would report and start all the same.
    #[must_use]
    pub fn of_warning(fault: &Fault, files: &Files) -> Self {
        let (what, hint) = split(&fault.message);
        // What is said of a file as a whole begins with a verb.
        let verbs = ["is ", "has ", "holds ", "cannot ", "trusts "];
        let is_whole = verbs.iter().any(|verb| what.starts_with(verb));
        let what = if is_whole { format!("`{}` {what}", fault.file) } else { what.to_owned() };
        let line = || files.whole_line(&fault.file, fault.line.filter(|line| *line > 1)?);
        Self {
            severity: Severity::Warning,
            lint: None,
            file: fault.file.clone(),
            span: fault.span.clone().or_else(|| files.place(&fault.file, &fault.message)).or_else(line),
            what,
            hint: hint.map(str::to_owned),
        }
    }

    /// A case of `policies/NAME.cases.json` that comes out otherwise than it says.
    #[must_use]
    pub fn of_case(file: &str, fault: &str, files: &Files) -> Self {
        Self {
            severity: Severity::Fault,
            lint: None,
            file: file.to_owned(),
            span: files.place(file, fault),
            what: fault.to_owned(),
            hint: Some("fix the policy, or the case if its expectation is wrong".to_owned()),
        }
    }

    /// What has to stand in `[check.allow]` for it to be accepted, if it can be.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.lint.map(|lint| format!("{lint} {}", self.file))
    }
}

/// A message is `WHAT: MEND`. A colon within backticks or quotes, and what another reader says of a file's form, is no such seam.
fn split(message: &str) -> (&str, Option<&str>) {
    if ["is not TOML:", "is not JSON:", "is left out:"].iter().any(|whole| message.contains(whole)) {
        return (message, None);
    }
    let mut quoted = None;
    for (at, character) in message.char_indices() {
        match (quoted, character) {
            (None, '`' | '"') => quoted = Some(character),
            (Some(open), close) if open == close => quoted = None,
            (None, ':') => {
                if let Some((what, rest)) = message.split_at_checked(at)
                    && let Some(hint) = rest.strip_prefix(": ")
                {
                    return (what, Some(hint));
                }
            }
            _ => {}
        }
    }
    (message, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_at_its_seam_alone() {
        for (message, what, hint) in [
            ("lacks `audience`: name it", "lacks `audience`", Some("name it")),
            ("`a: b` is wrong: write `c: d`", "`a: b` is wrong", Some("write `c: d`")),
            ("`oidc:x` is wrong", "`oidc:x` is wrong", None),
            ("is not JSON: expected `,`", "is not JSON: expected `,`", None),
            ("`unclosed: hint", "`unclosed: hint", None),
            ("", "", None),
        ] {
            assert_eq!(split(message), (what, hint), "{message}");
        }
    }
}
