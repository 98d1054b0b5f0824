use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::Actions;
use super::*;

/// A statement with one resource of `length` characters. Statements of different effects are not merged.
fn statement(effect: Effect, length: usize) -> FilledStatement<'static> {
    FilledStatement {
        effect,
        actions: Cow::Owned(Actions::of(["iot:Publish"])),
        resources: [&*"r".repeat(length).leak()].into_iter().collect(),
        condition: "",
        is_plain: true,
    }
}

fn lengths(statements: Vec<FilledStatement<'_>>) -> Result<Vec<usize>, Code> {
    pack(statements).map(|documents| documents.iter().map(|document| document.get().len()).collect())
}

/// The length of a document with these statements, without their resources.
fn frame_length(effects: &[Effect]) -> usize {
    let statements = effects.iter().map(|effect| statement(*effect, 1)).collect();
    lengths(statements).unwrap()[0] - effects.len()
}

#[test]
fn a_document_is_filled_to_its_last_character() {
    let single = MAX_DOCUMENT_CHARACTERS - frame_length(&[Effect::Allow]);
    assert_eq!(lengths(vec![statement(Effect::Allow, single)]), Ok(vec![2048]));
    assert_eq!(lengths(vec![statement(Effect::Allow, single + 1)]), Err(Code::PolicyTooLarge));

    let double = MAX_DOCUMENT_CHARACTERS - frame_length(&[Effect::Allow, Effect::Deny]);
    let pair = |length| lengths(vec![statement(Effect::Allow, 1000), statement(Effect::Deny, length - 1000)]);
    assert_eq!(pair(double), Ok(vec![2048]));
    assert_eq!(pair(double + 1).map(|lengths| lengths.len()), Ok(2));

    let both = |length: usize| {
        let resources = [&*"a".repeat(1000).leak(), &*"b".repeat(length - 1000).leak()].into_iter().collect();
        lengths(vec![FilledStatement { resources, ..statement(Effect::Allow, 1) }])
    };
    let comma_and_quotes = 3;
    assert_eq!(both(single - comma_and_quotes), Ok(vec![2048]));
    assert_eq!(both(single - comma_and_quotes + 1).map(|lengths| lengths.len()), Ok(2));
}

#[test]
fn ten_documents_and_no_more() {
    let single = MAX_DOCUMENT_CHARACTERS - frame_length(&[Effect::Allow]);
    let full = |count: usize| {
        let resources =
            (0..count).map(|index| &*format!("{index:02}{}", "r".repeat(single - 2)).leak()).collect();
        lengths(vec![FilledStatement { resources, ..statement(Effect::Allow, 1) }])
    };
    assert_eq!(full(10), Ok(vec![2048; 10]));
    assert_eq!(full(11), Err(Code::PolicyTooLarge));
}

/// A resource that counts its comparisons.
#[derive(Clone)]
struct Counted<'c> {
    text: String,
    comparisons: &'c Cell<usize>,
}

impl AsRef<str> for Counted<'_> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Counted<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.comparisons.set(self.comparisons.get() + 1);
        self.text == other.text
    }
}

/// The result and the number of comparisons for resources of `length` characters with these numbers.
fn count(length: usize, numbers: impl Iterator<Item = usize>) -> (Result<usize, Code>, usize) {
    let comparisons = Cell::new(0);
    let text = |number| format!("{number:0length$}");
    let mut resources: Vec<_> =
        numbers.map(|number| Counted { text: text(number), comparisons: &comparisons }).collect();
    let result = keep_distinct(&mut resources, 0).map(|()| resources.len());
    (result, comparisons.get())
}

/// A list of 500 values in 80 resources is 40,000 resources, which were 800 million comparisons.
#[test]
fn the_work_for_distinct_resources_ends_where_they_cannot_fit() {
    let length = 64;
    let most = MAX_CHARACTERS / length;
    assert_eq!(count(length, 0..most), (Ok(most), most * (most - 1) / 2));
    for number in [most + 1, 40_000, 120_000] {
        assert_eq!(count(length, 0..number), (Err(Code::PolicyTooLarge), (most + 1) * most / 2));
    }
    // One character more than fits, at a length that does not divide the limit.
    assert_eq!(count(MAX_CHARACTERS, 0..1).0, Ok(1));
    assert_eq!(count(MAX_CHARACTERS + 1, 0..1).0, Err(Code::PolicyTooLarge));
}

/// The same as comparing all with all, without the limit.
fn distinct(texts: &[&'static str]) -> Vec<&'static str> {
    let mut distinct = Vec::new();
    for text in texts {
        if !distinct.contains(text) {
            distinct.push(*text);
        }
    }
    distinct
}

/// Only statements with one condition are merged, or with none.
#[test]
fn statements_with_equal_conditions_are_merged() {
    let merged = |left: &'static str, right: &'static str| {
        let with = |condition, resource| FilledStatement {
            condition,
            resources: vec![resource],
            ..statement(Effect::Allow, 1)
        };
        let mut statements = vec![with(left, "a"), with(right, "b")];
        merge(&mut statements).unwrap();
        statements.len()
    };
    let (one, other) = (r#"{"Bool":{"a":"true"}}"#, r#"{"Bool":{"a":"false"}}"#);
    assert_eq!([merged("", ""), merged(one, one)], [1, 1]);
    assert_eq!([merged(one, other), merged(one, ""), merged("", one)], [2, 2, 2]);
}

/// Each permission: whether it is allowed or denied, the action, the resource, the condition.
fn permissions<'f>(statements: &'f [FilledStatement<'_>]) -> BTreeSet<(bool, &'f str, &'f str, &'f str)> {
    let each = statements.iter().flat_map(|statement| {
        let actions = statement.actions.names().iter();
        actions.flat_map(move |action| {
            statement.resources.iter().map(move |resource| (statement, action, resource))
        })
    });
    each.map(|(statement, action, resource)| {
        (statement.effect == Effect::Allow, &**action, *resource, statement.condition)
    })
    .collect()
}

fn some<'t>(names: &'static [&'t str], max: usize) -> impl Strategy<Value = Vec<&'t str>> {
    prop::collection::vec(prop::sample::select(names), 1..=max)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A resource is compared with distinct ones only, each at most once.
    #[test]
    fn no_resource_is_compared_with_more_than_the_distinct_ones(
        length in 20_usize..200,
        numbers in prop::collection::vec(0_usize..2000, 0..600),
    ) {
        let (result, comparisons) = count(length, numbers.iter().copied());
        let distinct = numbers.iter().collect::<BTreeSet<_>>().len();
        let most = MAX_CHARACTERS / length;
        prop_assert_eq!(result, if distinct <= most { Ok(distinct) } else { Err(Code::PolicyTooLarge) });
        prop_assert!(comparisons <= numbers.len() * distinct.min(most));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    /// The order is that of the first occurrences, wherever the known part ends.
    #[test]
    fn the_first_of_equal_resources_stays(
        left in some(&["a", "b", "c", "d", "e"], 8),
        right in some(&["c", "d", "e", "f", "g"], 8),
    ) {
        let mut resources = distinct(&left);
        let kept = resources.len();
        resources.extend(&right);
        prop_assert_eq!(keep_distinct(&mut resources, kept), Ok(()));
        prop_assert_eq!(resources, distinct(&[left, right].concat()));
    }

    /// With duplicates of every kind, in any order and in any statement.
    #[test]
    fn merging_neither_adds_nor_drops_a_permission(statements in prop::collection::vec(
        (
            any::<bool>(),
            some(&["iot:A", "iot:B", "iot:C"], 3),
            some(&["x", "y", "z"], 3),
            prop::sample::select(vec!["", "{}"]),
        ),
        0..6,
    )) {
        let mut merged: Vec<FilledStatement<'_>> = statements
            .iter()
            .map(|(allows, actions, resources, condition)| FilledStatement {
                effect: if *allows { Effect::Allow } else { Effect::Deny },
                actions: Cow::Owned(Actions::of(actions.iter().copied())),
                resources: resources.to_vec(),
                condition,
                is_plain: true,
            })
            .collect();
        let before = merged.clone();
        merge(&mut merged).unwrap();
        prop_assert_eq!(permissions(&before), permissions(&merged));
        prop_assert!(merged.len() <= before.len());
    }
}
