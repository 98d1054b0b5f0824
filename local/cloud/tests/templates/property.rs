//! Random values of parameters: a plan names nothing but what the template and its parameters gave.

use std::collections::BTreeMap;

use iot_local_cloud::provisioning::{Parameters, Template, TemplateKind};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

use crate::case::CERTIFICATE;

fn config(cases: u32) -> Config {
    let mut config = Config { cases, failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    println!("PROPTEST_RNG_SEED: {:?}", config.rng_seed);
    config
}

/// Values that a hostile device would try, and harmless ones.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zA-Z0-9:_-]{1,20}",
        1 => "[*?#+/$\\\\\"'{}\\[\\]., \u{0}-\u{1f}é☃]{0,6}[a-z]{0,3}[*?#+/$\\\\\"'{}]{0,3}",
        1 => Just("\"},{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}".to_owned()),
        1 => Just("${iot:ClientId}".to_owned()),
        1 => Just("../x".to_owned()),
        1 => Just("*".to_owned()),
        1 => any::<String>(),
    ]
}

/// Places with different alphabets have different parameters: a value that one refuses would hide the other's check.
/// Each place takes a parameter alone, joined, split or substituted.
fn place(parameter: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "Ref": parameter })),
        Just(json!({ "Fn::Join": ["-", ["t", { "Ref": parameter }]] })),
        Just(json!({ "Fn::Sub": format!("t-${{{parameter}}}") })),
        Just(json!({ "Fn::Sub": ["t-${x}", { "x": { "Ref": parameter } }] })),
        Just(json!({ "Fn::Select": ["0", { "Fn::Split": [",", { "Ref": parameter }] }] })),
    ]
}

fn template() -> impl Strategy<Value = Value> {
    (place("A"), place("B"), place("A"), place("A"), place("A"), place("C")).prop_map(
        |(name, attribute, group, thing_type, policy, level)| {
            json!({
                "Parameters": { "A": { "Type": "String" }, "B": { "Type": "String" },
                    "C": { "Type": "String" } },
                "Resources": {
                    "thing": { "Type": "AWS::IoT::Thing", "Properties": {
                        "ThingName": name, "AttributePayload": { "serial": attribute },
                        "ThingGroups": [group], "ThingTypeName": thing_type
                    } },
                    "certificate": { "Type": "AWS::IoT::Certificate", "Properties": {
                        "CertificateId": { "Ref": "AWS::IoT::Certificate::Id" }
                    } },
                    "named": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyName": policy } },
                    "written": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [{ "Effect": "Allow", "Action": "iot:Publish", "Resource": {
                            "Fn::Join": ["", ["arn:aws:iot:us-east-1:123456789012:topic/d/", level]]
                        } }]
                    } } }
                }
            })
        },
    )
}

fn is_name(text: &str, extra: &str, longest: usize) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || extra.contains(character);
    text.len() <= longest && text.chars().all(fits)
}

/// What a place can become: the texts that its functions make of these values.
fn possible(values: &BTreeMap<String, String>) -> Vec<String> {
    let parts =
        values.values().flat_map(|value| [value.clone(), value.split(',').next().unwrap().to_owned()]);
    parts.flat_map(|part| [format!("t-{part}"), part]).collect()
}

proptest! {
    #![proptest_config(config(5_000))]

    #[test]
    fn a_plan_names_only_what_it_was_given(
        template in template(),
        values in [value(), value(), value()].prop_map(|values| ["A", "B", "C"].map(str::to_owned).into_iter().zip(values).collect::<BTreeMap<_, _>>()),
    ) {
        let template = Template::parse(TemplateKind::Fleet, &template.to_string()).unwrap();
        let parameters = Parameters::new(values.clone()).unwrap().with_certificate_id(CERTIFICATE);
        let Ok(plan) = template.evaluate(&parameters) else { return Ok(()) };
        let possible = possible(&values);
        let thing = plan.thing.as_ref().unwrap();
        let names = [&thing.name, thing.thing_type.as_ref().unwrap(), &thing.groups.as_ref().unwrap()[0]];
        for name in names {
            prop_assert!(possible.contains(name), "{name:?}");
            prop_assert!(!name.is_empty() && is_name(name, ":_-", 128), "{name:?}");
        }
        for (name, value) in thing.attributes.as_ref().unwrap() {
            prop_assert_eq!(name, "serial");
            prop_assert!(possible.contains(value) && is_name(value, "_.,@/:#=[]-", 800), "{value:?}");
        }
        prop_assert_eq!(
            serde_json::to_value(plan.certificate.as_ref().unwrap()).unwrap(),
            json!({ "logicalName": "certificate", "source": { "id": CERTIFICATE }, "isActive": true })
        );
        prop_assert!(plan.policies.len() == 2 && is_name(&plan.policies[0].name, "_+=,.@-", 128));
        prop_assert!(possible.contains(&plan.policies[0].name));
        // One statement on one topic of one level, whatever the values are.
        let document: Value = serde_json::from_str(plan.policies[1].document.as_ref().unwrap()).unwrap();
        let statements = document["Statement"].as_array().unwrap();
        prop_assert_eq!(statements.len(), 1);
        let resource = statements[0]["Resource"].as_str().unwrap();
        let level = resource.strip_prefix("arn:aws:iot:us-east-1:123456789012:topic/d/").unwrap();
        prop_assert!(possible.contains(&level.to_owned()) && is_name(level, "_:.,@=-", 130), "{level:?}");
    }

    /// A body never makes the parser or the evaluation panic.
    #[test]
    fn any_body_is_parsed_or_refused(body in any::<String>(), values in prop::collection::btree_map("[AB]", value(), 0..3)) {
        for kind in [TemplateKind::Jitp, TemplateKind::Registration, TemplateKind::Fleet] {
            prop_assert!(Template::parse(kind, &body).is_err());
        }
        let nested = format!("{{\"Resources\":{{\"t\":{{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{{\"ThingName\":{{\"Fn::Sub\":{}}}}}}}}}}}", json!(body));
        if let Ok(template) = Template::parse(TemplateKind::Registration, &nested) {
            let plan = template.evaluate(&Parameters::new(values).unwrap()).unwrap();
            prop_assert!(is_name(&plan.thing.unwrap().name, ":_-", 128));
        }
    }
}
