//! Any bytes as an event: the decision ends without a panic, and without a signed token it is a denial.

#![no_main]

mod support;

use std::sync::LazyLock;

use iot_jwt_authorizer::authorizer::Authorizer;
use libfuzzer_sys::fuzz_target;
use support::deployment::Deployment;
use support::{FUNCTION, now};

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(|| Deployment::named("example").authorizer());

fuzz_target!(|event: &[u8]| {
    // The keys are made for this run, so no input holds a token of theirs.
    let denial = AUTHORIZER.authorize(event, FUNCTION, now()).outcome.expect_err("allowed without a token");
    assert!(!denial.code().name().is_empty());
});
