//! Properties of texts with variables: parsing loses nothing, and what their levels prove holds for all values.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

#[path = "support/random.rs"]
mod random;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use iot_jwt_authorizer::claim_path::ClaimPath;
use iot_jwt_authorizer::levels::{Levels, Piece};
use iot_jwt_authorizer::slots::{Slot, SlotType};
use iot_jwt_authorizer::template_text::{Scope, Segment, TemplateText};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

/// The issuer's short name. It equals a value of the slots and a literal, so that they can be confused.
const ISSUER: &str = "a";

const UUIDS: [&str; 2] = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];

/// Slots of every type. Four take the subject, four a claim that is unique.
fn slots() -> Vec<Slot> {
    let slot = |name: &str, path: &str, slot_type, list| Slot {
        name: name.into(),
        path: ClaimPath::parse(path),
        slot_type,
        list,
        max_items: 10,
        max_length: 128,
        optional: false,
        unique: false,
    };
    let unique =
        |name: &str, path: &str, slot_type, list| Slot { unique: true, ..slot(name, path, slot_type, list) };
    vec![
        slot("sub", "sub", SlotType::Id, false),
        slot("path", "/sub", SlotType::Path, false),
        slot("uuid", "sub", SlotType::Uuid, false),
        slot("hash", "sub", SlotType::Hash, false),
        slot("team", "team", SlotType::Id, false),
        slot("tree", "tree", SlotType::Path, false),
        slot("device", "device", SlotType::Uuid, false),
        slot("list", "list", SlotType::Id, true),
        unique("serial", "serial", SlotType::Id, false),
        unique("serial_path", "/serial", SlotType::Path, false),
        unique("serial_hash", "serial", SlotType::Hash, false),
        unique("units", "units", SlotType::Id, true),
    ]
}

const SLOT_VARIABLES: [&str; 12] = [
    "${sub}",
    "${path}",
    "${uuid}",
    "${hash}",
    "${team}",
    "${tree}",
    "${device}",
    "${list}",
    "${serial}",
    "${serial_path}",
    "${serial_hash}",
    "${units}",
];

const OTHER_VARIABLES: [&str; 14] = [
    "${issuer:id}",
    "${mqtt:client_id}",
    "${aws:partition}",
    "${aws:region}",
    "${aws:account}",
    "${env:STAGE}",
    "${iot:ClientId}",
    "${iot:Connection.Thing.ThingName}",
    "${iot:Connection.Thing.ThingTypeName}",
    "${iot:Connection.Thing.IsAttached}",
    "${iot:Connection.Thing.Attributes[area]}",
    "${iot:Certificate.Subject.CommonName}",
    "${aws:SourceIp}",
    "${unknown}",
];

fn environment(name: &str) -> Option<String> {
    (name == "STAGE").then(|| "prod".to_owned())
}

/// A text of literals and variables, which are often alone in their level, as parsing requires.
fn any_text() -> impl Strategy<Value = String> {
    let variable = select([&SLOT_VARIABLES[..], &OTHER_VARIABLES[..]].concat());
    let piece = prop_oneof![
        4 => variable.clone().prop_map(str::to_owned),
        2 => variable.prop_map(|variable| format!("x-{variable}")),
        4 => "[a-zA-Z0-9.:@|=_+#*?{}$/ \\-äé]{0,6}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.join("/"))
}

#[test]
fn a_parsed_text_prints_as_it_was_read() {
    let slots = slots();
    let accepted = Cell::new(0);
    let mut runner = TestRunner::new(random::config(4000));
    let outcome = runner.run(&(any_text(), any::<bool>()), |(text, in_policy)| {
        let scope = Scope { slots: &slots, environment: &environment, in_policy };
        let Ok(parsed) = TemplateText::parse(&text, scope) else { return Ok(()) };
        accepted.set(accepted.get() + 1);
        let source = parsed.source(&slots);
        prop_assert_eq!(&source, &text.replace("${env:STAGE}", "prod"));
        let is_literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        prop_assert!(!parsed.segments.windows(2).any(|pair| pair.iter().all(is_literal)));
        prop_assert!(!parsed.segments.contains(&Segment::Literal("".into())));
        prop_assert_eq!(TemplateText::parse(&source, scope), Ok(parsed));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(accepted.get() > 500, "only {} texts are accepted", accepted.get());
}

/// A text that ends with `*` or not, as a pattern of client ids does. A `*` is one level of any value.
#[derive(Clone, Debug)]
struct Pattern {
    text: TemplateText,
    tail: bool,
}

impl Pattern {
    fn levels<'t>(&'t self, slots: &'t [Slot]) -> Levels<'t> {
        let pieces = self.text.segments.iter().map(|segment| Piece::of_segment(segment, slots, ISSUER));
        Levels::new(pieces.chain(self.tail.then_some(Piece::Value { length: None, identity: None })))
    }

    /// Every text that the pattern becomes for the values of the search, each with the subjects that get it.
    fn fillings(&self, slots: &[Slot]) -> BTreeMap<String, BTreeSet<&'static str>> {
        let mut fillings: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for subject in subjects() {
            // A slot has one value in a token, wherever the text uses it.
            let mut partial: Vec<(String, BTreeMap<usize, String>)> = vec![(String::new(), BTreeMap::new())];
            for segment in &self.text.segments {
                partial = partial
                    .iter()
                    .flat_map(|(text, chosen)| {
                        values(segment, slots, subject, chosen).into_iter().map(move |value| {
                            let mut chosen = chosen.clone();
                            if let Segment::Slot(index) = segment {
                                chosen.insert(*index, value.clone());
                            }
                            (format!("{text}{value}"), chosen)
                        })
                    })
                    .collect();
            }
            let tails: &[&str] = if self.tail { &["a", "b"] } else { &[""] };
            for (text, _) in &partial {
                for tail in tails {
                    fillings.entry(format!("{text}{tail}")).or_default().insert(subject);
                }
            }
        }
        fillings
    }
}

/// Subjects that can be confused: with each other's parts, and with another's hash.
fn subjects() -> [&'static str; 7] {
    // The hash of `a`.
    ["a", "b", "a/b", "b/a", UUIDS[0], UUIDS[1], "ca978112ca1bbdcafac231b39a23dc4d"]
}

/// The values of a segment for a subject. None if the slot's type does not accept the subject.
fn values(segment: &Segment, slots: &[Slot], subject: &str, chosen: &BTreeMap<usize, String>) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match segment {
        Segment::Literal(text) => texts(&[text]),
        Segment::Issuer => texts(&[ISSUER]),
        Segment::ClientId => texts(&["", "a", "b", "a/b", "b/a", "a/"]),
        Segment::Partition | Segment::Region | Segment::Account => texts(&["a", "b"]),
        Segment::Slot(index) => match (chosen.get(index), slots.get(*index).unwrap()) {
            (Some(value), _) => vec![value.clone()],
            (None, slot) if slot.is_subject() => fitting(slot.slot_type, subject),
            (None, slot) if slot.unique => {
                unique_values(subject).iter().flat_map(|value| fitting(slot.slot_type, value)).collect()
            }
            (None, slot) => match slot.slot_type {
                SlotType::Uuid => texts(&UUIDS),
                SlotType::Path => texts(&["a", "b", "a/b", "b/a", "a/b/a"]),
                SlotType::Id | SlotType::Hash => {
                    texts(&["a", "b", UUIDS[0], "ca978112ca1bbdcafac231b39a23dc4d"])
                }
            },
        },
    }
}

/// The value of a slot of this type for a claim. None if the type does not accept the claim.
fn fitting(slot_type: SlotType, claim: &str) -> Vec<String> {
    match slot_type {
        SlotType::Id if claim.contains('/') => Vec::new(),
        SlotType::Uuid if !UUIDS.contains(&claim) => Vec::new(),
        SlotType::Id | SlotType::Path | SlotType::Uuid => vec![claim.to_owned()],
        SlotType::Hash => vec![hash(claim)],
    }
}

/// Values that a subject has and no other: the next subject's name, and one of its own.
fn unique_values(subject: &str) -> [String; 2] {
    let subjects = subjects();
    let index = subjects.iter().position(|known| *known == subject).unwrap();
    [subjects[(index + 1) % subjects.len()].to_owned(), format!("u{index}")]
}

/// The value of a slot of type `hash`.
fn hash(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A pattern with few kinds of levels, so that two patterns often have a text in common.
fn any_pattern(slots: &[Slot]) -> impl Strategy<Value = Pattern> + use<'_> {
    let level = prop_oneof![
        6 => select(&SLOT_VARIABLES[..]),
        3 => select(vec!["a", "b", ""]),
        4 => select(vec!["a${uuid}", "${uuid}${device}", "${device}${uuid}", "a${hash}", "b${hash}b"]),
        2 => select(vec!["a${serial_hash}", "${serial_hash}b", "${hash}${serial_hash}"]),
        2 => select(vec!["${issuer:id}", "${mqtt:client_id}", "${aws:region}"]),
    ];
    (prop::collection::vec(level, 1..4), any::<bool>()).prop_filter_map("not accepted", |(levels, tail)| {
        let text = levels.join("/") + if tail { "/" } else { "" };
        let scope = Scope { slots, environment: &environment, in_policy: true };
        Some(Pattern { text: TemplateText::parse(&text, scope).ok()?, tail })
    })
}

#[test]
fn what_levels_prove_holds_for_all_values() {
    assert_eq!(hash("a"), "ca978112ca1bbdcafac231b39a23dc4d");
    let slots = slots();
    let (disjoint, determined) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(random::config(10_000));
    let pair = (any_pattern(&slots), any_pattern(&slots), prop::bool::weighted(0.2));
    let outcome = runner.run(&pair, |(left, right, is_same)| {
        let right = if is_same { left.clone() } else { right };
        let (left_levels, right_levels) = (left.levels(&slots), right.levels(&slots));
        let is_disjoint = left_levels.is_disjoint(&right_levels);
        let determines_subject = left_levels.determines_subject(&right_levels);
        prop_assert_eq!(right_levels.is_disjoint(&left_levels), is_disjoint);
        prop_assert_eq!(right_levels.determines_subject(&left_levels), determines_subject);
        let (left_fillings, right_fillings) = (left.fillings(&slots), right.fillings(&slots));
        for (text, left_subjects) in &left_fillings {
            let Some(right_subjects) = right_fillings.get(text) else { continue };
            prop_assert!(!is_disjoint, "both have `{}`", text);
            let subjects: BTreeSet<_> = left_subjects.union(right_subjects).collect();
            prop_assert!(!determines_subject || subjects.len() == 1, "`{}` for {:?}", text, subjects);
            determined.set(determined.get() + usize::from(determines_subject));
        }
        disjoint.set(disjoint.get() + usize::from(is_disjoint));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(disjoint.get() > 1000, "only {} pairs are disjoint", disjoint.get());
    assert!(determined.get() > 500, "only {} texts have a proven subject", determined.get());
}
