//! The cases, and promises that hold for every case.

use std::collections::HashSet;

use iot_provision::denial::Code;
use serde_json::Value;

use crate::support::case::{Case, all};
use crate::support::memory::Memory;
use crate::support::root;

#[test]
fn every_case() {
    let mut failures = Vec::new();
    let cases = all();
    for case in &cases {
        let run = case.run(&Memory::new(case.state()));
        if run.outcome != case.expect.outcome || run.calls != case.expect.calls {
            failures.push(format!("{} {}: {}\n  {:#?}", case.trigger, case.title, run.outcome, run.calls));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    let denials = cases.iter().filter(|case| case.expect.outcome.starts_with("denied ")).count();
    assert!(denials > cases.len() / 2, "denials outnumber the others");
}

#[test]
fn titles_are_distinct() {
    let mut titles = HashSet::new();
    for case in all() {
        assert!(titles.insert(format!("{} {}", case.trigger, case.title)), "{}", case.title);
    }
}

/// A code without a case, except one that only AWS's answer leads to.
#[test]
fn every_code_has_a_case() {
    let outcomes: Vec<_> = all().into_iter().map(|case| case.expect.outcome).collect();
    for code in Code::ALL.iter().filter(|code| **code != Code::RejectedCsr) {
        let denied = format!("denied {code}");
        let is_covered = |outcome: &String| *outcome == denied || outcome.starts_with(&format!("{denied} ("));
        assert!(outcomes.iter().any(is_covered), "{code}");
    }
}

/// The page has the codes as they are. `UPDATE_DOCS=1` writes them.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of the test run")]
fn the_page_has_every_code() {
    let path = root().join("../docs/provision.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let heading = "| code | message | hint |\n| --- | --- | --- |\n";
    let (before, _) = page.split_once(heading).unwrap();
    let row = |code: &Code| format!("| `{code}` | {} | {} |\n", code.message(), code.hint());
    let expected = format!("{before}{heading}{}", Code::ALL.iter().map(row).collect::<String>());
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&path, &expected).unwrap();
    } else {
        assert!(page == expected, "docs/provision.md differs; help: run with UPDATE_DOCS=1");
    }
}

/// Whatever a case comes to, the same event again changes nothing more, and comes to nothing else.
#[test]
fn every_case_can_run_twice() {
    for case in all() {
        let memory = Memory::new(case.state());
        let first = case.run(&memory);
        let after_first = memory.state.borrow().clone();
        memory.calls.borrow_mut().clear();
        let second = case.run(&memory);
        let expected = if first.outcome == "provisioned" && case.trigger != "attach" {
            "unchanged"
        } else {
            &first.outcome
        };
        assert_eq!(second.outcome, expected, "{} {}", case.trigger, case.title);
        let mut after_second = memory.state.borrow().clone();
        // The device gets its response again.
        if case.trigger == "claim" && !after_first.published.is_empty() {
            assert_eq!(after_second.published.len(), 2, "{}", case.title);
            assert_eq!(after_second.published.pop(), after_first.published.last().cloned(), "{}", case.title);
        }
        assert_eq!(after_second, after_first, "{} {}", case.trigger, case.title);
    }
}

#[test]
fn a_denial_changes_nothing() {
    for case in all().into_iter().filter(|case| case.expect.outcome.starts_with("denied ")) {
        let memory = Memory::new(case.state());
        let run = case.run(&memory);
        let mut state = memory.state.borrow().clone();
        state.published.clear();
        assert_eq!(state, case.state(), "{} {}", case.trigger, case.title);
        assert!(run.made.is_empty(), "{} {}", case.trigger, case.title);
    }
}

#[test]
fn responses_and_lines_agree_with_the_outcome() {
    for case in all() {
        let run = case.run(&Memory::new(case.state()));
        let line: Value = serde_json::from_str(&run.line).unwrap();
        let (status, code) = match run.outcome.split(' ').collect::<Vec<_>>()[..] {
            ["denied", code, ..] => ("denied", Some(code)),
            _ => (run.outcome.as_str(), None),
        };
        assert_eq!((line["outcome"].as_str(), line["code"].as_str()), (Some(status), code), "{}", run.line);
        let allowed = code.is_none();
        match case.trigger.as_str() {
            "hook" => assert_eq!(run.response["allowProvisioning"], Value::Bool(allowed), "{}", case.title),
            _ if allowed => assert_eq!(run.response["status"], "accepted", "{}", case.title),
            _ => assert_eq!(run.response["code"].as_str(), code, "{}", case.title),
        }
        check_secrets(&case, &run.line);
    }
}

/// Neither a certification request nor a secret nor a denied name is in a line.
fn check_secrets(case: &Case, line: &str) {
    let event: Value = serde_json::from_str(&case.event()).unwrap_or_default();
    let text = |value: &Value| value.as_str().filter(|text| text.len() > 3).map(str::to_owned);
    let secrets = [&event["secret"], &event["parameters"]["Secret"]].map(text);
    let csr = text(&event["csr"]).and_then(|csr| csr.lines().nth(1).map(str::to_owned));
    let is_unsafe = case.expect.outcome.starts_with("denied unsafe_name");
    let names =
        [&event["id"], &event["parameters"]["SerialNumber"]].map(|name| text(name).filter(|_| is_unsafe));
    for secret in secrets.into_iter().chain(names).chain([csr]).flatten() {
        assert!(!line.contains(&secret), "{}: {line}", case.title);
    }
}
