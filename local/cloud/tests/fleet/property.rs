//! A token provisions once, for its own principal, within an hour: random requests against a list.

#[path = "../../../../tests/support/random.rs"]
mod random;

use iot_local_cloud::Cloud;
use iot_local_cloud::fleet::Caller;
use proptest::prelude::*;

use crate::factory::{claim, factory, pending, provision, status, wait};

/// A step: the claim that asks is one of two, the token one of those that exist.
#[derive(Debug, Clone)]
enum Step {
    Create { claim: usize },
    Provision { claim: usize, token: usize, serial: u8 },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..2_usize).prop_map(|claim| Step::Create { claim }),
        6 => (0..2_usize, any::<usize>(), 0..3_u8)
            .prop_map(|(claim, token, serial)| Step::Provision { claim, token, serial }),
        1 => (0..2400_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

struct Known {
    claim: usize,
    certificate: String,
    token: String,
    age: u64,
    is_used: bool,
}

fn take(cloud: &Cloud, claims: &[Caller], known: &mut Vec<Known>, step: &Step) -> Result<(), TestCaseError> {
    match *step {
        Step::Create { claim } => {
            let (certificate, token) = pending(cloud, &claims[claim]).unwrap();
            prop_assert!(known.iter().all(|known| known.token != token));
            known.push(Known { claim, certificate, token, age: 0, is_used: false });
        }
        Step::Wait { seconds } => {
            wait(seconds);
            known.iter_mut().for_each(|known| known.age += seconds);
        }
        Step::Provision { .. } if known.is_empty() => {}
        Step::Provision { claim, token, serial } => {
            let index = token % known.len();
            let known = &mut known[index];
            let is_valid = !known.is_used && known.claim == claim && known.age < 3600;
            let answer = provision(cloud, &claims[claim], &known.token, &serial.to_string());
            prop_assert_eq!(answer.is_ok(), is_valid, "{:?}", answer);
            known.is_used |= is_valid;
        }
    }
    for known in known.iter() {
        match status(cloud, &known.certificate) {
            Some("ACTIVE") => prop_assert!(known.is_used),
            Some(_) => prop_assert!(!known.is_used),
            // Deleted once it is too late.
            None => prop_assert!(!known.is_used && known.age >= 3600),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(random::config(60))]

    #[test]
    fn a_token_provisions_once(steps in proptest::collection::vec(step(), 1..30)) {
        let cloud = factory(None);
        let claims = [claim(&cloud), claim(&cloud)];
        let mut known = Vec::new();
        for step in &steps {
            take(&cloud, &claims, &mut known, step)?;
        }
    }
}
