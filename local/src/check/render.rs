//! Findings as a compiler shows them, and as JSON.

use annotate_snippets::{Annotation, AnnotationKind, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::files::Files;
use super::finding::{Finding, Severity};

/// One finding, with the lines of its file that it is about.
pub(super) fn text(finding: &Finding, files: &Files, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Fault => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(&finding.what);
    if let Some(lint) = finding.lint {
        title = title.id(lint);
    }
    let source = finding.span.clone().zip(files.text(&finding.file)).and_then(|(span, text)| {
        // An annotation beyond the text or within a character would be the renderer's panic.
        text.get(span.clone())?;
        let span: Annotation<'_> = AnnotationKind::Primary.span(span);
        Some(Snippet::source(text).path(&finding.file).annotation(span))
    });
    let mut group = match source {
        Some(source) => title.element(source),
        None => title.element(Origin::path(&finding.file)),
    };
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.message(hint));
    }
    if let Some(key) = finding.key() {
        group = group.element(
            Level::NOTE.message(format!("to accept it, write under [check.allow]: \"{key}\" = \"why\"")),
        );
    }
    renderer.render(&[group])
}

/// One finding for machines. Lines count from one, bytes from zero.
pub(super) fn json(finding: &Finding, files: &Files) -> Value {
    json!({
        "severity": match finding.severity { Severity::Fault => "error", Severity::Warning => "warning" },
        "lint": finding.lint,
        "file": finding.file,
        "line": finding.span.as_ref().and_then(|span| files.line(&finding.file, span)),
        "bytes": finding.span.as_ref().map(|span| [span.start, span.end]),
        "message": finding.what,
        "hint": finding.hint,
    })
}
