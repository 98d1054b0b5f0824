//! What the demo shows.

use super::client::Seen;
use super::witness::Why;

/// Where the outcome stands, so that it can be read down the page.
const VERB: usize = 10;
const OBJECT: usize = 34;

/// What should become of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Allowed,
    /// By the policy, and the connection ends.
    RefusedAndClosed,
    /// By the function, with this code.
    RefusedBy(&'static str),
}

/// The terminal, and the count of what went as it should.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pub(super) colours: bool,
    pub(super) right: usize,
    pub(super) played: usize,
}

#[derive(Clone, Copy)]
enum Colour {
    Green,
    Red,
    Bold,
    Faint,
}

impl Screen {
    /// A scene begins.
    pub(super) fn scene(&self, text: &str) {
        self.line(&format!("\n{}", self.paint(Colour::Bold, text)));
    }

    /// An action has been played.
    pub(super) fn action(&mut self, verb: &str, object: &str, expected: Expected, seen: &Seen, why: &Why) {
        let right = expected.met(seen, why);
        self.played = self.played.saturating_add(1);
        self.right = self.right.saturating_add(usize::from(right));
        let mark = if right { self.paint(Colour::Green, "✓") } else { self.paint(Colour::Red, "✗") };
        let outcome = if seen.allowed { "allowed" } else { "refused" };
        self.line(&format!("  {mark} {verb:VERB$} {object:OBJECT$} {outcome:8} {}", seen.how));
        let why = if why.text.is_empty() { "nobody wrote down why" } else { &why.text };
        for part in why.split("; ") {
            self.line(&self.paint(Colour::Faint, &format!("    {:VERB$} {part}", "")));
        }
        if !right {
            self.line(&self.paint(Colour::Red, &format!("    {:VERB$} WRONG: {}", "", expected.text())));
        }
    }

    /// The last line. Whether all went as it should.
    pub(super) fn finish(&self) -> bool {
        let all = self.played > 0 && self.right == self.played;
        let (colour, wrong) = if all { (Colour::Green, "") } else { (Colour::Red, "; see WRONG above") };
        let text = format!("{} of {} actions went as they should{wrong}.", self.right, self.played);
        self.line(&format!("\n{}", self.paint(colour, &text)));
        all
    }

    #[expect(clippy::print_stdout, reason = "the terminal shell of the demo")]
    pub(super) fn line(&self, text: &str) {
        println!("{text}");
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Green => 32,
            Colour::Red => 31,
            Colour::Bold => 1,
            Colour::Faint => 2,
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Expected {
    fn met(self, seen: &Seen, why: &Why) -> bool {
        let by_policy = !seen.allowed && why.code.is_none();
        !why.text.is_empty()
            && match self {
                Self::Allowed => seen.allowed,
                Self::RefusedAndClosed => by_policy && seen.closed,
                Self::RefusedBy(code) => !seen.allowed && why.code.as_deref() == Some(code),
            }
    }

    fn text(self) -> String {
        match self {
            Self::Allowed => "it should have been allowed".to_owned(),
            Self::RefusedAndClosed => {
                "it should have been refused by the policy and the connection closed".to_owned()
            }
            Self::RefusedBy(code) => format!("it should have been refused by the authorizer with {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expected: Expected, seen: &Seen, code: Option<&str>, text: &str) -> bool {
        let mut screen = Screen::default();
        let why = Why { code: code.map(str::to_owned), text: text.to_owned() };
        screen.action("publish", "a", expected, seen, &why);
        screen.finish()
    }

    fn played(expected: Expected, allowed: bool, code: Option<&str>) -> bool {
        shown(expected, &Seen { allowed, closed: false, how: String::new() }, code, "a statement")
    }

    #[test]
    fn only_what_was_expected_counts() {
        assert!(played(Expected::Allowed, true, None));
        assert!(!played(Expected::Allowed, false, None));
        assert!(!played(Expected::RefusedAndClosed, true, None));
        assert!(played(Expected::RefusedBy("expired"), false, Some("expired")));
        assert!(!played(Expected::RefusedBy("expired"), false, Some("bad_signature")));
        assert!(!played(Expected::RefusedBy("expired"), false, None));
    }

    #[test]
    fn a_refusal_has_its_consequence_and_everything_its_reason() {
        let closed = Seen { allowed: false, closed: true, how: String::new() };
        let open = Seen { allowed: false, closed: false, how: String::new() };
        assert!(shown(Expected::RefusedAndClosed, &closed, None, "a statement"));
        assert!(!shown(Expected::RefusedAndClosed, &open, None, "a statement"));
        assert!(!shown(Expected::RefusedAndClosed, &closed, None, ""));
        assert!(!shown(Expected::RefusedAndClosed, &closed, Some("expired"), "for another reason"));
    }

    #[test]
    fn a_demo_without_actions_has_shown_nothing() {
        assert!(!Screen::default().finish());
    }
}
