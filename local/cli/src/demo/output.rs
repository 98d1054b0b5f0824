//! The output of the demo.

use serde_json::{Value, json};

use super::client::ClientOutcome;
use super::reasons::Reason;

/// Widths of the columns, in characters.
const VERB_WIDTH: usize = 10;
const OBJECT_WIDTH: usize = 34;

/// The expected result of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Allowed,
    /// Denied by the policy, and the connection is closed.
    DeniedAndClosed,
    /// The same, with a reason that has this text.
    DeniedBecause(&'static str),
    /// Denied by the gateway, and the connection ends in this way.
    ClosedWith(&'static str),
    /// Denied by the function, or rejected by fleet provisioning, with this code.
    DeniedBy(&'static str),
}

/// What is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines of text.
    #[default]
    Text,
    /// One JSON object at the end.
    Json,
    /// A JSON object a line, each when its step has ended.
    JsonLines,
}

/// The terminal, and the number of actions with the expected result.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) has_colours: bool,
    pub(super) format: Format,
    pub(super) section: String,
    pub(super) actions: Vec<Value>,
    pub(super) expected_count: usize,
    pub(super) action_count: usize,
}

#[derive(Clone, Copy)]
enum Colour {
    Green,
    Red,
    Bold,
    Faint,
}

impl Output {
    /// Prints the title of a section.
    pub(super) fn section(&mut self, title: &str) {
        title.clone_into(&mut self.section);
        self.json_line(&json!({ "kind": "section", "section": title }));
        self.line(&format!("\n{}", self.paint(Colour::Bold, title)));
    }

    /// Prints and counts an action.
    pub(super) fn action(
        &mut self,
        verb: &str,
        object: &str,
        expected: Expected,
        outcome: &ClientOutcome,
        reason: &Reason,
    ) {
        let is_expected = expected.matches(outcome, reason);
        self.count(is_expected);
        self.keep(json!({
            "section": self.section, "action": verb, "object": object, "allowed": outcome.is_allowed,
            "response": outcome.response, "code": reason.code, "reason": reason.text,
            "hint": reason.hint_for(outcome.is_allowed), "expected": is_expected,
        }));
        let mark = self.mark(is_expected);
        let result = if outcome.is_allowed { "allowed" } else { "denied" };
        self.line(&format!(
            "  {mark} {verb:VERB_WIDTH$} {object:OBJECT_WIDTH$} {result:8} {}",
            outcome.response
        ));
        let text = if reason.text.is_empty() { "no reason recorded" } else { &reason.text };
        self.detail(text);
        if !is_expected {
            let text = format!("    {:VERB_WIDTH$} WRONG: {}", "", expected.text());
            self.line(&self.paint(Colour::Red, &text));
        }
    }

    /// Prints and counts a call of the API, which is expected to succeed.
    pub(super) fn call(&mut self, operation: &str, object: &str, result: Result<&str, &str>) {
        self.count(result.is_ok());
        let response = result.unwrap_or_else(|error| error);
        self.keep(json!({
            "section": self.section, "action": operation, "object": object, "allowed": result.is_ok(),
            "response": response, "code": null, "reason": null, "hint": null, "expected": result.is_ok(),
        }));
        let words = format!("{operation} {object}");
        let (mark, width) =
            (self.mark(result.is_ok()), VERB_WIDTH.saturating_add(OBJECT_WIDTH).saturating_add(1));
        self.line(&format!("  {mark} {words:width$} {}", if result.is_ok() { "done" } else { "failed" }));
        self.detail(response);
    }

    /// Keeps an action for the JSON object, or prints it as a line of its own.
    fn keep(&mut self, action: Value) {
        let mut line = json!({ "kind": "action" });
        if let (Some(members), Value::Object(action)) = (line.as_object_mut(), &action) {
            members.extend(action.clone());
        }
        self.json_line(&line);
        self.actions.push(action);
    }

    fn json_line(&self, line: &Value) {
        if self.format == Format::JsonLines {
            print(&line.to_string());
        }
    }

    /// Prints and counts what was observed, or what was observed instead.
    pub(super) fn observation(&mut self, verb: &str, object: &str, result: Result<&str, &str>) {
        self.count(result.is_ok());
        let text = result.unwrap_or_else(|text| text);
        self.keep(json!({
            "section": self.section, "action": verb, "object": object, "allowed": null, "response": text,
            "code": null, "reason": null, "hint": null, "expected": result.is_ok(),
        }));
        let mark = self.mark(result.is_ok());
        self.line(&format!("  {mark} {verb:VERB_WIDTH$} {object:OBJECT_WIDTH$} {text}"));
    }

    fn count(&mut self, is_expected: bool) {
        self.action_count = self.action_count.saturating_add(1);
        self.expected_count = self.expected_count.saturating_add(usize::from(is_expected));
    }

    fn mark(&self, is_expected: bool) -> String {
        if is_expected { self.paint(Colour::Green, "✓") } else { self.paint(Colour::Red, "✗") }
    }

    /// Prints what only the operator sees, each part on a line.
    fn detail(&self, text: &str) {
        for part in text.split("; ").filter(|part| !part.is_empty()) {
            self.line(&self.paint(Colour::Faint, &format!("    {:VERB_WIDTH$} {part}", "")));
        }
    }

    /// Prints the last line. Returns whether every action had the expected result.
    pub(super) fn finish(&self) -> bool {
        let is_success = self.action_count > 0 && self.expected_count == self.action_count;
        if self.format == Format::Json {
            print(&format!("{:#}", json!({ "ok": is_success, "actions": self.actions })));
            return is_success;
        }
        self.json_line(&json!({
            "kind": "end", "ok": is_success, "expected": self.expected_count, "actions": self.action_count,
        }));
        let (colour, note) =
            if is_success { (Colour::Green, "") } else { (Colour::Red, "; see WRONG above") };
        let (expected, all) = (self.expected_count, self.action_count);
        let text = format!("{expected} of {all} actions had the expected result{note}.");
        self.line(&format!("\n{}", self.paint(colour, &text)));
        is_success
    }

    /// Prints what a demo is about, in one or more lines.
    pub(super) fn note(&self, text: &str) {
        self.json_line(
            &json!({ "kind": "note", "text": text.split_whitespace().collect::<Vec<_>>().join(" ") }),
        );
        self.line(text);
    }

    /// Prints a line of text.
    fn line(&self, text: &str) {
        if self.format == Format::Text {
            print(text);
        }
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Green => 32,
            Colour::Red => 31,
            Colour::Bold => 1,
            Colour::Faint => 2,
        };
        if self.has_colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[expect(clippy::print_stdout, reason = "the terminal shell of the demo")]
fn print(text: &str) {
    println!("{text}");
}

impl Expected {
    fn matches(self, outcome: &ClientOutcome, reason: &Reason) -> bool {
        let is_denied_by_policy = !outcome.is_allowed && reason.code.is_none();
        !reason.text.is_empty()
            && match self {
                Self::Allowed => outcome.is_allowed,
                Self::DeniedAndClosed => is_denied_by_policy && outcome.is_closed,
                Self::DeniedBecause(text) => {
                    is_denied_by_policy && outcome.is_closed && reason.text.contains(text)
                }
                Self::ClosedWith(response) => {
                    is_denied_by_policy && outcome.is_closed && outcome.response == response
                }
                Self::DeniedBy(code) => !outcome.is_allowed && reason.code.as_deref() == Some(code),
            }
    }

    fn text(self) -> String {
        match self {
            Self::Allowed => "expected to be allowed".to_owned(),
            Self::DeniedAndClosed => "expected to be denied, with the connection closed".to_owned(),
            Self::DeniedBecause(text) => {
                format!("expected to be denied, with the connection closed, and a reason with: {text}")
            }
            Self::ClosedWith(response) => format!("expected: {response}"),
            Self::DeniedBy(code) => format!("expected to be denied with {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_success(expected: Expected, outcome: &ClientOutcome, code: Option<&str>, text: &str) -> bool {
        let mut output = Output::default();
        let reason = Reason { code: code.map(str::to_owned), text: text.to_owned(), hint: None };
        output.action("publish", "a", expected, outcome, &reason);
        output.finish()
    }

    fn outcome(is_allowed: bool, is_closed: bool) -> ClientOutcome {
        ClientOutcome { is_allowed, is_closed, response: String::new() }
    }

    #[test]
    fn only_the_expected_result_counts() {
        for (expected, is_allowed, code, success) in [
            (Expected::Allowed, true, None, true),
            (Expected::Allowed, false, None, false),
            (Expected::DeniedAndClosed, true, None, false),
            (Expected::DeniedBy("expired"), false, Some("expired"), true),
            (Expected::DeniedBy("expired"), false, Some("bad_signature"), false),
            (Expected::DeniedBy("expired"), false, None, false),
        ] {
            let found = is_success(expected, &outcome(is_allowed, false), code, "a statement");
            assert_eq!(found, success, "{expected:?}, {is_allowed}, {code:?}");
        }
    }

    #[test]
    fn a_denial_closes_the_connection_and_every_action_has_a_reason() {
        let (closed, open) = (outcome(false, true), outcome(false, false));
        assert!(is_success(Expected::DeniedAndClosed, &closed, None, "a statement"));
        assert!(!is_success(Expected::DeniedAndClosed, &open, None, "a statement"));
        assert!(!is_success(Expected::DeniedAndClosed, &closed, None, ""));
        assert!(!is_success(Expected::DeniedAndClosed, &closed, Some("expired"), "another reason"));
        assert!(is_success(Expected::DeniedBecause("statement"), &closed, None, "a statement"));
        assert!(!is_success(Expected::DeniedBecause("statement"), &closed, None, "another reason"));
        assert!(!is_success(Expected::DeniedBecause("statement"), &open, None, "a statement"));
        let closed = ClientOutcome { response: "no CONNACK".to_owned(), ..closed };
        assert!(is_success(Expected::ClosedWith("no CONNACK"), &closed, None, "a reason"));
        assert!(!is_success(Expected::ClosedWith("CONNACK"), &closed, None, "a reason"));
        assert!(!is_success(Expected::ClosedWith("no CONNACK"), &closed, None, ""));
    }

    #[test]
    fn a_failed_call_and_an_unexpected_observation_count() {
        for (result, success) in [(Ok("arn"), true), (Err("ListThings: no"), false)] {
            for show in [Output::call, Output::observation] {
                let mut output = Output::default();
                show(&mut output, "ListThings", "all", result);
                assert_eq!(output.finish(), success);
            }
        }
    }

    #[test]
    fn a_demo_without_actions_fails() {
        assert!(!Output::default().finish());
    }
}
