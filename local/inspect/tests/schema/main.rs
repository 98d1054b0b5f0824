//! `docs/schema/` agrees with the readers' tables, and each key has a text and is on its page. What the schemas accept
//! is the matter of `tests/outside/schema/`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use iot_local_inspect::schema::SchemaFile;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The page that explains every key of a file.
fn page(file: SchemaFile) -> &'static str {
    match file {
        SchemaFile::Authorizer => "docs/configuration.md",
        SchemaFile::Provision => "provision/provision.toml",
        SchemaFile::Cases => "policies/README.md",
    }
}

/// `UPDATE_DOCS=1 cargo test -p iot-local-inspect --test schema` writes the files.
#[test]
#[expect(clippy::disallowed_methods, reason = "the switch that makes the test write the files")]
fn the_files_are_up_to_date() {
    for file in SchemaFile::ALL {
        assert_eq!(SchemaFile::parse(file.name()), Some(file));
        let path = root().join(format!("docs/schema/{}.json", file.name()));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, file.text()).unwrap();
        }
        let hint = "update the file: UPDATE_DOCS=1 cargo test -p iot-local-inspect --test schema";
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), file.text(), "{}: {hint}", path.display());
    }
    assert_eq!(SchemaFile::parse("local"), None);
}

/// Adds each key below a schema, with its own schema.
fn collect<'s>(schema: &'s Value, found: &mut Vec<(&'s str, &'s Value)>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                found.extend(properties.iter().map(|(name, schema)| (name.as_str(), schema)));
            }
            members.values().for_each(|member| collect(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[test]
fn each_key_has_a_text_and_is_on_its_page() {
    for (file, count) in SchemaFile::ALL.into_iter().zip([35, 12, 8]) {
        let schema = file.schema();
        let mut keys = Vec::new();
        collect(&schema, &mut keys);
        // `oneOf` of cases names members that are described above it.
        let text = |schema: &Value| schema.get("description").and_then(Value::as_str).map(str::to_owned);
        let described: BTreeSet<&str> = keys
            .iter()
            .filter(|(_, schema)| text(schema).is_some_and(|text| text.len() > 10))
            .map(|key| key.0)
            .collect();
        assert!(described.len() >= count, "{}: {} keys", file.name(), described.len());
        let page = fs::read_to_string(root().join(page(file))).unwrap();
        let is_separator = |character: char| !(character.is_alphanumeric() || "_$".contains(character));
        let words: BTreeSet<&str> = page.split(is_separator).collect();
        for (name, schema) in keys {
            assert!(described.contains(name), "{}: `{name}` has no description: {schema}", file.name());
            assert!(words.contains(name), "{}: `{name}` is not on its page", file.name());
        }
    }
}
