//! `[claims]`: the slots, and where their values come from.

use toml::de::DeValue;

use super::document::{Item, Located, Reader, Table};
use crate::claim_path::ClaimPath;
use crate::config_error::UnknownName;
use crate::slots::{Slot, SlotType};

/// Reads `[claims]`.
pub(super) fn slots<'d>(reader: &mut Reader<'d>, root: &mut Table<'d>) -> Vec<Slot> {
    let Some(table) = root.take("claims").and_then(|item| reader.table("[claims]", item)) else {
        return Vec::new();
    };
    table.entries().filter_map(|(name, item)| slot(reader, &name, item)).collect()
}

fn slot<'d>(reader: &mut Reader<'d>, name: &Located<&str>, item: Item<'d>) -> Option<Slot> {
    if !super::is_short_name(name.value) {
        let what = format!("invalid slot name `{}`; expected letters, digits, `_` and `-`", name.value);
        reader.error(&name.span, what);
        return None;
    }
    let mut slot = Slot {
        name: name.value.into(),
        path: ClaimPath::parse(""),
        slot_type: SlotType::Id,
        list: false,
        max_items: 10,
        max_length: 128,
        optional: false,
        unique: false,
    };
    if let DeValue::Table(_) = item.get_ref() {
        let mut table = reader.table("the slot", item)?;
        if table.take("path").is_none() {
            reader.missing(&table, "path", "name the claim that fills the slot");
        }
        if let Some(path) = reader.string(&mut table, "path") {
            slot.path = ClaimPath::parse(&path.value);
        }
        if let Some(name) = reader.string(&mut table, "type") {
            slot.slot_type = slot_type(reader, &name);
        }
        slot.list = reader.boolean(&mut table, "list").unwrap_or(false);
        slot.optional = reader.boolean(&mut table, "optional").unwrap_or(false);
        slot.unique = reader.boolean(&mut table, "unique").unwrap_or(false);
        let count = |value: Option<u64>, default| {
            value.and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
        };
        slot.max_items = count(reader.integer(&mut table, "max_items", 1..=500), slot.max_items);
        slot.max_length = count(reader.integer(&mut table, "max_length", 1..=1024), slot.max_length);
        reader.finish(&table);
    } else {
        slot.path = ClaimPath::parse(&reader.string_of(name.value, item)?.value);
    }
    Some(slot)
}

fn slot_type(reader: &mut Reader<'_>, name: &Located<String>) -> SlotType {
    SlotType::parse(&name.value).unwrap_or_else(|| {
        let known = SlotType::ALL.map(|slot_type| format!("`{slot_type}`")).join(", ");
        reader.error(&name.span, format!("unknown slot type `{}`; expected one of {known}", name.value));
        SlotType::Id
    })
}

/// The slots with an issuer's own paths. A table may also say whether the issuer's values are unique.
pub(super) fn with_own_paths<'d>(
    reader: &mut Reader<'d>,
    item: Option<Item<'d>>,
    slots: &[Slot],
) -> Vec<Slot> {
    let mut slots = slots.to_vec();
    let Some(table) = item.and_then(|item| reader.table("the issuer's `claims`", item)) else { return slots };
    for (name, item) in table.entries() {
        match slots.iter_mut().find(|slot| *slot.name == *name.value) {
            Some(slot) => own_path(reader, &name, item, slot),
            None => {
                let unknown = UnknownName::new(name.value, slots.iter().map(|slot| &*slot.name));
                let error = reader.error(&name.span, format!("unknown slot `{}`", name.value));
                error.hint = Some("declare it under `[claims]`".to_owned());
                error.unknown = Some(Box::new(unknown));
            }
        }
    }
    slots
}

fn own_path<'d>(reader: &mut Reader<'d>, name: &Located<&str>, item: Item<'d>, slot: &mut Slot) {
    let path = if let DeValue::Table(_) = item.get_ref() {
        let Some(mut table) = reader.table("the issuer's slot", item) else { return };
        let path = reader.string(&mut table, "path");
        slot.unique = reader.boolean(&mut table, "unique").unwrap_or(slot.unique);
        reader.finish(&table);
        path
    } else {
        reader.string_of(name.value, item)
    };
    if let Some(path) = path {
        slot.path = ClaimPath::parse(&path.value);
    }
}
