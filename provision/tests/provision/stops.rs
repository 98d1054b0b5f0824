//! A run that is stopped after any of its calls, and the same event again: the same end, but for one INACTIVE
//! certificate without rights for each stop, whose id was reported.

use std::collections::HashSet;

use iot_provision::registered::Status;

use crate::support::case::{Case, all};
use crate::support::memory::{Memory, State};

/// What is left of a run when certificates that were made have the names of their order.
fn end_state(memory: &Memory, reported: &[String]) -> (State, usize) {
    let mut state = memory.state.borrow().clone();
    state.published.clear();
    let attached: HashSet<_> = state.things.values().flat_map(|thing| thing.principals.clone()).collect();
    let with_policy: HashSet<_> = state.policies.iter().map(|(target, _)| target.clone()).collect();
    let is_orphan = |id: &String, state: &State| {
        let certificate = &state.certificates[id];
        reported.contains(id)
            && certificate.status == Status::Inactive
            && !attached.contains(&certificate.arn)
            && !with_policy.contains(&certificate.arn)
    };
    let orphans: Vec<_> = state.certificates.keys().filter(|id| is_orphan(id, &state)).cloned().collect();
    for orphan in &orphans {
        state.certificates.remove(orphan);
    }
    (renamed(state), orphans.len())
}

/// The state with one name for the certificate that was made last.
fn renamed(state: State) -> State {
    let Some(made) = state.certificates.keys().filter(|id| id.starts_with("00")).max().cloned() else {
        return state;
    };
    let text = format!("{state:?}");
    let mut renamed =
        State { things: state.things, policies: state.policies, rows: state.rows, ..State::default() };
    for (id, mut certificate) in state.certificates {
        let new = id.replace(&made, "made");
        certificate.arn = certificate.arn.replace(&made, "made");
        certificate.id.clone_from(&new);
        renamed.certificates.insert(new, certificate);
    }
    for thing in renamed.things.values_mut() {
        thing.principals.iter_mut().for_each(|arn| *arn = arn.replace(&made, "made"));
        thing.attributes.values_mut().for_each(|value| *value = value.replace(&made, "made"));
    }
    renamed.policies = renamed
        .policies
        .into_iter()
        .map(|(target, policy)| (target.replace(&made, "made"), policy))
        .collect();
    for row in renamed.rows.values_mut() {
        row.certificate = row.certificate.take().map(|id| id.replace(&made, "made"));
    }
    assert!(text.contains(&made));
    renamed
}

/// Runs a case with a stop after each of these numbers of steps, and then to its end.
fn run_with_stops(case: &Case, stops: &[usize]) -> (Memory, String, Vec<String>) {
    let memory = Memory::new(case.state());
    let mut reported = Vec::new();
    for stop in stops {
        let done = memory.calls.borrow().len();
        memory.stop_after.set(Some(done + stop));
        reported.extend(case.run(&memory).made);
    }
    memory.stop_after.set(None);
    let run = case.run(&memory);
    reported.extend(run.made);
    (memory, run.outcome, reported)
}

#[test]
fn a_run_that_is_stopped_anywhere_ends_alike() {
    let mut stops = 0;
    for case in all() {
        let (memory, outcome, reported) = run_with_stops(&case, &[]);
        let (expected, orphans) = end_state(&memory, &reported);
        assert_eq!(orphans, 0, "{}", case.title);
        let steps = memory.calls.borrow().len();
        for stop in 0..steps {
            let (memory, again, reported) = run_with_stops(&case, &[stop]);
            let (found, orphans) = end_state(&memory, &reported);
            assert!(orphans <= 1, "{}, stopped after {stop}: {orphans}", case.title);
            assert_eq!(found, expected, "{}, stopped after {stop}", case.title);
            assert!(
                again == outcome || again == "unchanged",
                "{}, stopped after {stop}: {again}",
                case.title
            );
            stops += 1;
        }
    }
    assert!(stops > 150, "{stops} stops");
}

#[test]
fn a_run_that_is_stopped_twice_ends_alike() {
    for case in all().into_iter().filter(|case| case.expect.outcome == "provisioned") {
        let (memory, _, reported) = run_with_stops(&case, &[]);
        let (expected, _) = end_state(&memory, &reported);
        let steps = memory.calls.borrow().len();
        for (first, second) in (0..steps).flat_map(|first| (0..steps).map(move |second| (first, second))) {
            let (memory, _, reported) = run_with_stops(&case, &[first, second]);
            let (found, orphans) = end_state(&memory, &reported);
            assert!(orphans <= 2, "{}, stopped after {first} and {second}: {orphans}", case.title);
            assert_eq!(found, expected, "{}, stopped after {first} and {second}", case.title);
        }
    }
}
