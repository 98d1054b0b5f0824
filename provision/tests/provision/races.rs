//! Several runs at once, in random order of their calls. proptest prints the seed of a failure.

use std::collections::BTreeSet;
use std::pin::Pin;

use iot_provision::registered::Status;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::case::{Case, Run, all};
use crate::support::memory::{Memory, arn};
use crate::support::schedule::interleave;

/// Runs events at once. `order` says which run makes the next call.
fn run_at_once(memory: &Memory, cases: &[Case], order: &[usize]) -> Vec<Run> {
    let mut order = order.iter().copied().cycle();
    let start = |case| Box::pin(Case::start(case, memory)) as Pin<Box<dyn Future<Output = Run> + '_>>;
    interleave(cases.iter().map(start).collect(), |_| order.next().unwrap())
}

fn case(trigger: &str, title: &str) -> Case {
    all().into_iter().find(|case| case.trigger == trigger && case.title == title).unwrap()
}

/// A case with another event.
fn with_event(case: &Case, name: &str, value: &str) -> Case {
    let mut case = case.clone();
    case.set(name, value);
    case
}

fn orders() -> impl Strategy<Value = Vec<usize>> {
    vec(0_usize..60, 40..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The first trap: one event five times.
    #[test]
    fn one_event_five_times_provisions_once(order in orders(), index in 0_usize..1000) {
        let cases: Vec<_> = all().into_iter().filter(|case| case.expect.outcome == "provisioned").collect();
        let case = &cases[index % cases.len()];
        let alone = Memory::new(case.state());
        case.run(&alone);
        let memory = Memory::new(case.state());
        let runs = run_at_once(&memory, &vec![case.clone(); 5], &order);
        for run in &runs {
            prop_assert!(["provisioned", "unchanged"].contains(&run.outcome.as_str()), "{}: {}", case.title, run.outcome);
        }
        let (state, expected) = (memory.state.borrow(), alone.state.borrow());
        prop_assert_eq!(state.certificates.len(), expected.certificates.len(), "{}", &case.title);
        prop_assert_eq!(state.with_status(Status::Active).len(), expected.with_status(Status::Active).len());
        prop_assert_eq!(state.policies.len(), expected.policies.len());
        for (name, thing) in &state.things {
            prop_assert_eq!(thing.principals.len(), expected.things[name].principals.len(), "{}", &case.title);
        }
        // All devices get the same certificate.
        let ids: BTreeSet<_> = state.published.iter().map(|(_, payload)| payload).collect();
        prop_assert!(ids.len() <= 1, "{:?}", ids);
    }

    /// Two certificates with one name: one of them at most, and it alone is ACTIVE.
    #[test]
    fn two_certificates_with_one_name_are_never_both_active(order in orders(), has_table: bool) {
        let title = if has_table { "a device of the table" } else { "a new device" };
        let first = case("jitr", title);
        let second = with_event(&first, "certificateId", "<b>");
        let mut state = first.state();
        let mut other = state.certificates.values().next().unwrap().clone();
        other.id = crate::support::id('b');
        other.arn = arn(&other.id);
        state.certificates.insert(other.id.clone(), other);
        let memory = Memory::new(state);
        let runs = run_at_once(&memory, &[first.clone(), second.clone(), first, second], &order);
        let state = memory.state.borrow();
        let active = state.with_status(Status::Active);
        prop_assert!(active.len() <= 1, "{:?}", active);
        prop_assert!(state.things["sensor-1"].principals.len() <= 1);
        for run in runs {
            let outcome = run.outcome.as_str();
            let known = ["provisioned", "unchanged", "denied name_taken", "denied already_used"];
            prop_assert!(known.contains(&outcome), "{}", outcome);
        }
    }

    /// Two keys that ask for one id: one gets it, the other's certificate is deleted.
    #[test]
    fn two_keys_with_one_id_are_never_both_active(order in orders()) {
        let first = case("claim", "a new device");
        let second = with_event(&first, "csr", "<csr device-2>");
        let memory = Memory::new(first.state());
        let runs = run_at_once(&memory, &[first.clone(), second.clone(), first, second], &order);
        let state = memory.state.borrow();
        prop_assert_eq!(state.with_status(Status::Active).len(), 1);
        prop_assert_eq!(state.certificates.len(), 1, "orphans are deleted");
        prop_assert_eq!(state.things["device-1"].principals.len(), 1);
        let accepted = |run: &&Run| ["provisioned", "unchanged"].contains(&run.outcome.as_str());
        prop_assert_eq!(runs.iter().filter(accepted).count(), 2);
        prop_assert_eq!(runs.iter().filter(|run| run.outcome == "denied name_taken").count(), 2);
    }

    /// Two certificates for one serial number: the hook allows one.
    #[test]
    fn a_serial_number_is_used_once(order in orders()) {
        let first = case("hook", "a new device");
        let second = with_event(&first, "certificateId", "<b>");
        let mut state = first.state();
        let mut other = state.certificates.values().next().unwrap().clone();
        other.id = crate::support::id('b');
        state.certificates.insert(other.id.clone(), other);
        let memory = Memory::new(state);
        let runs = run_at_once(&memory, &[first, second], &order);
        let outcomes: BTreeSet<_> = runs.iter().map(|run| run.outcome.as_str()).collect();
        prop_assert_eq!(outcomes, BTreeSet::from(["provisioned", "denied already_used"]));
    }

    /// A certificate that is revoked at any time during its registration stays revoked.
    #[test]
    fn a_revoked_certificate_stays_revoked(after in 0_usize..4) {
        let case = case("jitr", "a new device");
        let memory = Memory::new(case.state());
        memory.stop_after.set(Some(after));
        case.run(&memory);
        memory.state.borrow_mut().certificates.values_mut().for_each(|known| known.status = Status::Revoked);
        memory.stop_after.set(None);
        prop_assert_eq!(case.run(&memory).outcome, "denied revoked");
        prop_assert!(memory.state.borrow().with_status(Status::Active).is_empty());
    }
}
