//! The one printer of findings: as text, like a compiler, and as JSON.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use iot_jwt_authorizer::config_error::ErrorPlace;
use serde_json::{Value, json};

use super::files::Files;
use super::{Finding, Severity};

/// Returns findings as text, each with the lines of its file. `is_terminal` selects colours.
#[must_use]
pub fn text(findings: &[Finding], files: &Files, is_terminal: bool) -> String {
    let renderer = if is_terminal { Renderer::styled() } else { Renderer::plain() };
    findings.iter().map(|finding| format!("{}\n\n", render(finding, files, &renderer))).collect()
}

/// Returns a finding for programs. Lines count from one, bytes from zero.
#[must_use]
pub fn json(finding: &Finding, files: &Files) -> Value {
    let span = files.span(&finding.error);
    json!({
        "severity": match finding.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "lint": finding.lint,
        "file": finding.error.file,
        "line": span.as_ref().and_then(|span| files.line(&finding.error.file, span)),
        "bytes": span.map(|span| [span.start, span.end]),
        "message": finding.message(),
        "hint": finding.error.hint,
        "suggestion": finding.suggestion(),
    })
}

fn render(finding: &Finding, files: &Files, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let (file, shown) = (&*finding.error.file, files.shown(&finding.error.file));
    let message = match finding.error.place {
        ErrorPlace::File => format!("{shown}: {}", finding.error.what),
        _ => finding.message(),
    };
    let mut title = level.primary_title(&message);
    if let Some(lint) = finding.lint {
        title = title.id(lint);
    }
    let span = files.span(&finding.error);
    let mut group = match span.zip(files.text(file)) {
        Some((span, _)) if Files::is_key_file(file) => title.element(origin(&shown, files.line(file, &span))),
        Some((span, text)) => {
            let annotation: Annotation<'_> = AnnotationKind::Primary.span(span);
            title.element(Snippet::source(text).path(&shown).annotation(annotation))
        }
        None if finding.error.place == ErrorPlace::File => Group::with_title(title),
        None => {
            let line = match finding.error.place {
                ErrorPlace::Line { line, .. } => Some(line),
                _ => None,
            };
            title.element(origin(&shown, line))
        }
    };
    if let Some(name) = finding.suggestion() {
        group = group.element(Level::HELP.message(format!("did you mean `{name}`?")));
    }
    if let Some(hint) = &finding.error.hint {
        group = group.element(Level::HELP.message(hint));
    }
    if let Some(key) = finding.allow_key() {
        let note = format!("to accept it, write under [check.allow]: \"{key}\" = \"why\"");
        group = group.element(Level::NOTE.message(note));
    }
    renderer.render(&[group])
}

/// The place in a file without its text: a key that does not belong in a key file may be secret, and so may a field of
/// a list of devices.
fn origin(shown: &str, line: Option<usize>) -> Origin<'_> {
    let origin = Origin::path(shown);
    match line {
        Some(line) => origin.line(line),
        None => origin,
    }
}
