//! Example values for the slots of `[claims]`.

use serde_json::{Map, Value, json};

use super::conditions::set_claim;
use crate::deployment::document::{ConfigDocument, Field, Table};

/// The default `max_length` of a slot.
const MAX_LENGTH: usize = 128;

/// Who the values are for.
pub(super) struct Person<'a> {
    pub(super) name: &'a str,
    /// Makes UUIDs distinct.
    pub(super) number: usize,
    /// The value of slots that do not identify the user.
    pub(super) tenant: &'a str,
}

/// The settings of a slot that its example value depends on.
pub(super) struct ExampleSlot {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) slot_type: String,
    is_list: bool,
    is_optional: bool,
    max_items: usize,
    max_length: usize,
}

pub(super) struct ExampleSlots(Vec<ExampleSlot>);

impl ExampleSlots {
    /// Reads `[claims]`, with the paths of an issuer.
    pub(super) fn read(config: &ConfigDocument, issuer: Option<&Table<'_>>) -> Self {
        let paths = issuer.and_then(|table| table.table("claims"));
        let claims = config.field("claims").and_then(Field::table);
        let slots = claims.iter().flat_map(Table::fields).filter_map(|(name, slot)| {
            let table = slot.table();
            let field = |name: &str| table.as_ref()?.field(name);
            let is_set = |name: &str| field(name).and_then(Field::boolean).unwrap_or(false);
            let string = |name: &str| field(name).and_then(Field::string);
            let count = |name: &str, default: usize| {
                let value = field(name).and_then(Field::integer);
                value.and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
            };
            let issuer_path = paths.as_ref().and_then(|paths| paths.string(name));
            let path = issuer_path.or(slot.string()).or(string("path"))?;
            Some(ExampleSlot {
                name: name.to_owned(),
                path: path.to_owned(),
                slot_type: string("type").unwrap_or("id").to_owned(),
                is_list: is_set("list"),
                is_optional: is_set("optional"),
                max_items: count("max_items", 10),
                max_length: count("max_length", MAX_LENGTH),
            })
        });
        Self(slots.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&ExampleSlot> {
        self.0.iter().find(|slot| slot.name == name)
    }

    /// The paths of slots that are lists.
    pub(super) fn list_paths(&self) -> Vec<&str> {
        self.0.iter().filter(|slot| slot.is_list).map(|slot| slot.path.as_str()).collect()
    }

    /// Whether users can differ in a claim that does not identify them.
    pub(super) fn has_tenant(&self) -> bool {
        self.0.iter().any(|slot| slot.is_plain() && !slot.is_optional && slot.slot_type != "uuid")
    }

    /// A slot in use whose type rejects a wildcard: not the subject, if there is another one.
    pub(super) fn guarded(&self, is_used: impl Fn(&str) -> bool) -> Option<&ExampleSlot> {
        let is_guarded = |slot: &&ExampleSlot| {
            !slot.is_list && !slot.is_optional && slot.slot_type != "hash" && is_used(&slot.name)
        };
        let guarded = || self.0.iter().filter(is_guarded);
        guarded().find(|slot| !slot.is_subject()).or_else(|| guarded().next())
    }

    /// The `sub` of a person, in the form that the slot of the subject requires.
    pub(super) fn subject(&self, person: &Person<'_>) -> String {
        let slot = self.0.iter().find(|slot| slot.is_subject());
        match slot {
            Some(slot) if slot.slot_type == "uuid" => uuid(person.number),
            Some(slot) => cut(person.name, slot.max_length),
            None => person.name.to_owned(),
        }
    }

    /// Sets the claims of required slots, and of optional slots that are used.
    pub(super) fn fill(&self, claims: &mut Map<String, Value>, person: &Person<'_>, used: &[&str]) {
        let is_needed = |slot: &&ExampleSlot| !slot.is_optional || used.contains(&slot.name.as_str());
        for slot in self.0.iter().filter(|slot| !slot.is_subject()).filter(is_needed) {
            set_claim(claims, &slot.path, slot.value(person));
        }
    }
}

impl ExampleSlot {
    /// Whether the slot takes the subject.
    pub(super) fn is_subject(&self) -> bool {
        ["sub", "/sub"].contains(&self.path.as_str())
    }

    /// Whether the slot has a single value that is not the subject.
    fn is_plain(&self) -> bool {
        !self.is_list && !self.is_subject()
    }

    fn value(&self, person: &Person<'_>) -> Value {
        let is_uuid = self.slot_type == "uuid";
        if !self.is_list {
            return if is_uuid {
                json!(uuid(person.number))
            } else {
                json!(cut(person.tenant, self.max_length))
            };
        }
        let singular = self.name.trim_end_matches('s');
        let value = |number: usize| match is_uuid {
            true => uuid(number),
            // The number is last and must stay.
            false => format!("{}-{number}", cut(singular, self.max_length.saturating_sub(2))),
        };
        let count = self.max_items.min(2);
        (1..=count)
            .map(|number| cut(&value(number), self.max_length.max(if is_uuid { 36 } else { 1 })))
            .collect()
    }
}

fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn cut(text: &str, max_length: usize) -> String {
    text.chars().take(max_length).collect()
}
