//! `[claims]`: the slots, and where their values come from.

use toml::de::DeValue;

use super::document::{Item, Located, Reader, Table};
use crate::claims::ClaimPath;
use crate::slots::{Slot, SlotKind};

/// Reads `[claims]`.
pub(super) fn slots<'d>(reader: &mut Reader<'d>, root: &mut Table<'d>) -> Vec<Slot> {
    let Some(table) = root.take("claims").and_then(|item| reader.table("[claims]", item)) else {
        return Vec::new();
    };
    table.entries().filter_map(|(name, item)| slot(reader, &name, item)).collect()
}

fn slot<'d>(reader: &mut Reader<'d>, name: &Located<&str>, item: Item<'d>) -> Option<Slot> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.value.is_empty() || !name.value.bytes().all(plain) {
        reader.fault(
            &name.span,
            format!("a slot's name is of letters, digits, `_` and `-`, not `{}`", name.value),
        );
        return None;
    }
    let mut slot = Slot {
        name: name.value.into(),
        path: ClaimPath::parse(""),
        kind: SlotKind::Id,
        list: false,
        max_items: 10,
        max_length: 128,
        optional: false,
    };
    if let DeValue::Table(_) = item.get_ref() {
        let mut table = reader.table("a slot", item)?;
        match reader.string(&mut table, "path") {
            Some(path) => slot.path = ClaimPath::parse(&path.value),
            None => reader.missing(&table, "path", "name the claim that it takes"),
        }
        if let Some(kind) = reader.string(&mut table, "type") {
            slot.kind = kind_of(reader, &kind);
        }
        slot.list = reader.boolean(&mut table, "list").unwrap_or(false);
        slot.optional = reader.boolean(&mut table, "optional").unwrap_or(false);
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

fn kind_of(reader: &mut Reader<'_>, kind: &Located<String>) -> SlotKind {
    match kind.value.as_str() {
        "id" => SlotKind::Id,
        "path" => SlotKind::Path,
        "uuid" => SlotKind::Uuid,
        "hash" => SlotKind::Hash,
        other => {
            reader
                .fault(&kind.span, format!("`{other}` is no type of a slot: `id`, `path`, `uuid` or `hash`"));
            SlotKind::Id
        }
    }
}

/// An issuer's own paths for some of the slots.
pub(super) fn own_paths<'d>(reader: &mut Reader<'d>, item: Option<Item<'d>>, slots: &[Slot]) -> Vec<Slot> {
    let mut own = slots.to_vec();
    let Some(table) = item.and_then(|item| reader.table("an issuer's `claims`", item)) else { return own };
    for (name, item) in table.entries() {
        let Some(path) = reader.string_of(name.value, item) else { continue };
        match own.iter_mut().find(|slot| *slot.name == *name.value) {
            Some(slot) => slot.path = ClaimPath::parse(&path.value),
            None => {
                reader.fault(&name.span, format!("`{}` is no slot: declare it under `[claims]`", name.value));
            }
        }
    }
    own
}
