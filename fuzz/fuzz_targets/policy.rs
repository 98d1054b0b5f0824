//! Any text as a policy: no panic, each error has a text, and what is accepted is an AWS IoT policy by another reader.

#![no_main]

use iot_jwt_authorizer::claim_path::ClaimPath;
use iot_jwt_authorizer::policy::Template;
use iot_jwt_authorizer::slots::{Slot, SlotType};
use iot_jwt_authorizer::template_text::Scope;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let slots = [slot("sub", SlotType::Id), slot("tenant", SlotType::Path), slot("device", SlotType::Uuid)];
    let scope = Scope { slots: &slots, environment: &|_| None, in_policy: true };
    match Template::parse("fuzzed", text, scope) {
        Err(errors) => assert!(!errors.is_empty() && errors.iter().all(|error| !error.to_string().is_empty())),
        Ok(_) => {
            let policy: Value = serde_json::from_str(text).expect("accepted, and not JSON");
            assert_eq!(policy["Version"], "2012-10-17");
            let statements = policy["Statement"].as_array().cloned().unwrap_or_else(|| vec![policy["Statement"].clone()]);
            assert!(statements.iter().all(|statement| statement.get("NotAction").is_none()));
            assert!(statements.iter().all(|statement| matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))));
        }
    }
});

fn slot(name: &str, slot_type: SlotType) -> Slot {
    Slot {
        name: name.into(),
        path: ClaimPath::parse(name),
        slot_type,
        list: false,
        max_items: 10,
        max_length: 128,
        optional: false,
    }
}
