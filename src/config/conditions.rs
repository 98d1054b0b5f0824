//! Tables of conditions: `when` and `require`.

use toml::de::DeValue;

use super::document::Reader;
use super::table::{Item, Located, Table};
use crate::claim_path::ClaimPath;
use crate::condition::{Condition, Scalar};
use crate::config_schema::Property;

/// Reads a table of claims and what each must equal: a scalar or a list of scalars. Returns `None` if it is absent.
pub(super) fn conditions<'d>(
    reader: &mut Reader<'d>,
    parent: &Table<'d>,
    property: &Property,
) -> Option<Vec<Condition>> {
    let Some(table) = reader.table(parent, property) else {
        return parent.get(property).map(|_| Vec::new());
    };
    let conditions: Vec<Condition> =
        table.entries().filter_map(|(name, item)| condition(reader, &name, item)).collect();
    if table.entries().next().is_none() {
        reader.error_with_hint(
            &table.span,
            format!("`{}` is empty", property.name),
            "add a condition, or remove the key",
        );
    }
    Some(conditions)
}

fn condition<'d>(reader: &mut Reader<'d>, name: &Located<&str>, item: Item<'d>) -> Option<Condition> {
    if name.value.contains("${") {
        let what = format!("the name of a claim has a variable: `{}`", name.value);
        reader.error_with_hint(
            &name.span,
            what,
            "write the name itself; variables are filled in values only",
        );
        return None;
    }
    let any_of: Vec<Scalar> = match item.get_ref() {
        DeValue::Array(_) => {
            let items = reader.list_of(name.value, item)?;
            items.iter().filter_map(|item| scalar(reader, name.value, item)).collect()
        }
        _ => Vec::from_iter(scalar(reader, name.value, item)),
    };
    Some(Condition { path: ClaimPath::parse(name.value), name: name.value.into(), any_of })
}

fn scalar<'d>(reader: &mut Reader<'d>, key: &str, item: Item<'d>) -> Option<Scalar> {
    match item.get_ref() {
        DeValue::String(_) => reader.string_of(key, item).map(|text| Scalar::String(text.value.into())),
        DeValue::Boolean(value) => Some(Scalar::Bool(*value)),
        DeValue::Integer(text) => {
            let value = u64::from_str_radix(text.as_str(), text.radix()).ok();
            if value.is_none() {
                reader.error(&item.span(), format!("`{key}`: expected a non-negative integer"));
            }
            value.map(Scalar::Integer)
        }
        _ => {
            let what = format!("`{key}`: expected a string, an integer, a boolean, or a list of them");
            reader.error(&item.span(), what);
            None
        }
    }
}
