//! The schema of a table, and of each value in it.

use std::ops::RangeInclusive;

use iot_jwt_authorizer::config_schema::{DefaultValue, Property, TableSchema, TextType, ValueType};
use serde_json::{Map, Value, json};

use super::text;

/// The schema of a table: its keys, and no others.
pub(super) fn table(table: &TableSchema) -> Map<String, Value> {
    let properties = table.properties.iter().map(|property| (property.name, self::property(property)));
    let required = table.properties.iter().filter(|property| property.required.is_some());
    object(properties, required.map(|property| property.name))
}

/// The schema of an object with these members, and no others.
pub(crate) fn object<'n>(
    properties: impl IntoIterator<Item = (&'n str, Value)>,
    required: impl IntoIterator<Item = &'n str>,
) -> Map<String, Value> {
    let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value));
    let mut schema = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties.collect())),
        ("additionalProperties".to_owned(), json!(false)),
    ]);
    let required: Vec<&str> = required.into_iter().collect();
    // Draft-04 has no empty `required`.
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The schema of a key's value, with its text and default.
fn property(property: &Property) -> Value {
    let mut schema = value(&property.value);
    schema.insert("description".to_owned(), json!(property.about));
    let default = match property.default {
        DefaultValue::None => return Value::Object(schema),
        DefaultValue::Integer(integer) => json!(integer),
        DefaultValue::Boolean(boolean) => json!(boolean),
        DefaultValue::Text(text) => json!(text),
        DefaultValue::Texts(texts) => json!(texts),
    };
    schema.insert("default".to_owned(), default);
    Value::Object(schema)
}

fn value(value: &ValueType) -> Map<String, Value> {
    match value {
        ValueType::Text(text) => text::schema(text),
        ValueType::Texts(text) => list(text::schema(text), 1),
        ValueType::TextOrTexts(text) => any_of([text::schema(text), list(text::schema(text), 1)]),
        ValueType::TextOrTable(text, table) => any_of([text::schema(text), self::table(table)]),
        ValueType::Integer(range) => of(json!({
            "type": "integer", "minimum": range.start(), "maximum": range.end(),
        })),
        ValueType::Boolean => of(json!({ "type": "boolean" })),
        ValueType::Scalars => scalars(),
        ValueType::Table(table) => self::table(table),
        ValueType::Tables { table, min } => list(self::table(table), *min),
        ValueType::Map { keys, values, sizes, .. } => map(keys, self::value(values), sizes),
    }
}

/// A scalar, or a non-empty list of them. Each keyword but `type` is about one type only.
fn scalars() -> Map<String, Value> {
    let mut scalar = text::schema(&TextType::Any);
    scalar.insert("minimum".to_owned(), json!(0));
    scalar.insert("type".to_owned(), json!(["string", "integer", "boolean"]));
    let mut scalars = scalar.clone();
    scalars.insert("type".to_owned(), json!(["string", "integer", "boolean", "array"]));
    scalars.extend([("items".to_owned(), Value::Object(scalar)), ("minItems".to_owned(), json!(1))]);
    scalars
}

fn map(keys: &TextType, value: Map<String, Value>, sizes: &RangeInclusive<usize>) -> Map<String, Value> {
    let mut schema = of(json!({ "type": "object" }));
    match text::key_pattern(keys) {
        Some(pattern) => schema.extend([
            ("patternProperties".to_owned(), json!({ pattern: value })),
            ("additionalProperties".to_owned(), json!(false)),
        ]),
        None => schema.extend([("additionalProperties".to_owned(), Value::Object(value))]),
    }
    if *sizes.start() > 0 {
        schema.insert("minProperties".to_owned(), json!(sizes.start()));
    }
    if *sizes.end() < usize::MAX {
        schema.insert("maxProperties".to_owned(), json!(sizes.end()));
    }
    schema
}

fn list(items: Map<String, Value>, min: usize) -> Map<String, Value> {
    of(json!({ "type": "array", "items": Value::Object(items), "minItems": min }))
}

fn any_of(schemas: [Map<String, Value>; 2]) -> Map<String, Value> {
    of(json!({ "anyOf": schemas.map(Value::Object) }))
}

/// The members of an object that was written as one.
pub(crate) fn of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
