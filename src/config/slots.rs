//! `[claims]`: the slots, and where their values come from.

use toml::de::DeValue;

use super::document::Reader;
use super::schema;
use super::schema::slot as key;
use super::table::{Item, Located, Table};
use crate::claim_path::ClaimPath;
use crate::config_error::UnknownName;
use crate::slots::{Slot, SlotType};

/// Reads `[claims]`.
pub(super) fn slots<'d>(reader: &mut Reader<'d>, root: &Table<'d>) -> Vec<Slot> {
    let Some(table) = reader.table(root, &schema::CLAIMS) else { return Vec::new() };
    table.entries().filter_map(|(name, item)| slot(reader, &name, item)).collect()
}

fn slot<'d>(reader: &mut Reader<'d>, name: &Located<&str>, item: Item<'d>) -> Option<Slot> {
    if !schema::SHORT_NAME.has(name.value) {
        let what = format!("invalid slot name `{}`; expected letters, digits, `_` and `-`", name.value);
        reader.error(&name.span, what);
        return None;
    }
    let path;
    let table = if let DeValue::Table(_) = item.get_ref() {
        let table = reader.table_of(&key::TABLE, item)?;
        path = reader.string(&table, &key::PATH);
        table
    } else {
        path = Some(reader.string_of(name.value, item)?);
        Table::empty()
    };
    let slot = Slot {
        name: name.value.into(),
        path: ClaimPath::parse(path.as_ref().map_or("", |path| &path.value)),
        slot_type: slot_type(reader, &table),
        list: reader.boolean(&table, &key::LIST).unwrap_or_default(),
        optional: reader.boolean(&table, &key::OPTIONAL).unwrap_or_default(),
        unique: reader.boolean(&table, &key::UNIQUE).unwrap_or_default(),
        max_items: super::count(reader.integer(&table, &key::MAX_ITEMS)),
        max_length: super::count(reader.integer(&table, &key::MAX_LENGTH)),
    };
    reader.finish(&table);
    Some(slot)
}

fn slot_type<'d>(reader: &mut Reader<'d>, table: &Table<'d>) -> SlotType {
    let Some(name) = reader.string(table, &key::TYPE) else { return SlotType::Id };
    SlotType::parse(&name.value).unwrap_or_else(|| {
        let known = SlotType::ALL.map(|slot_type| format!("`{slot_type}`")).join(", ");
        reader.error(&name.span, format!("unknown slot type `{}`; expected one of {known}", name.value));
        SlotType::Id
    })
}

/// The slots with an issuer's own paths. A table may also say whether the issuer's values are unique.
pub(super) fn with_own_paths<'d>(reader: &mut Reader<'d>, issuer: &Table<'d>, slots: &[Slot]) -> Vec<Slot> {
    let mut slots = slots.to_vec();
    let Some(table) = reader.table(issuer, &schema::issuer::CLAIMS) else { return slots };
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
        let Some(table) = reader.table_of(&key::OWN_TABLE, item) else { return };
        let path = reader.string(&table, &key::OWN_PATH);
        slot.unique = reader.boolean(&table, &key::OWN_UNIQUE).unwrap_or(slot.unique);
        reader.finish(&table);
        path
    } else {
        reader.string_of(name.value, item)
    };
    if let Some(path) = path {
        slot.path = ClaimPath::parse(&path.value);
    }
}
