//! Whether a configuration is the example that the demo plays.

use std::path::Path;

use serde_json::{Map, Value, json};
use toml_edit::{DocumentMut, Item, TableLike};

/// What the demo's expectations rest on.
const EXAMPLE: &str = include_str!("example.json");

/// What an issuer may have as it likes: the demo's tokens are minted accordingly.
const FREE: [&str; 8] =
    ["id", "issuer", "audience", "audience_claim", "algorithms", "types", "keys", "leeway_seconds"];

/// What differs from the example, one entry a part; nothing if the demo can be played.
pub(super) fn differences(config: &Path) -> Vec<String> {
    let example: Value = serde_json::from_str(EXAMPLE).unwrap_or_default();
    let part = |name: &str| example.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let file = config.display();
    let mut found = Vec::new();
    match read(config) {
        Some(given) => {
            let mut parts: Vec<_> = part("config").keys().chain(given.keys()).cloned().collect();
            parts.sort_unstable();
            parts.dedup();
            let other = parts.iter().filter(|name| given.get(*name) != part("config").get(*name));
            found.extend(other.map(|name| format!("{file}: `{name}` is another")));
        }
        None => found.push(format!("{file}: it cannot be read")),
    }
    for (name, policy) in part("policies") {
        let path = config.with_file_name("policies").join(format!("{name}.json"));
        let given = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        if given.as_ref() != Some(&policy) {
            found.push(format!("{}: it is another", path.display()));
        }
    }
    found
}

/// The configuration without what is free to be otherwise.
fn read(config: &Path) -> Option<Map<String, Value>> {
    let document: DocumentMut = std::fs::read_to_string(config).ok()?.parse().ok()?;
    let mut given = table(document.as_table());
    for issuer in given.get_mut("issuer").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(members) = issuer.as_object_mut() {
            members.retain(|name, _| !FREE.contains(&name.as_str()));
        }
    }
    Some(given)
}

fn table(table: &dyn TableLike) -> Map<String, Value> {
    table.iter().map(|(name, item)| (name.to_owned(), json(item))).collect()
}

fn json(item: &Item) -> Value {
    match item {
        Item::ArrayOfTables(tables) => tables.iter().map(|entry| Value::Object(table(entry))).collect(),
        Item::Value(value) => json_value(value),
        other => other.as_table_like().map(|entry| Value::Object(table(entry))).unwrap_or_default(),
    }
}

fn json_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => json!(text.value()),
        toml_edit::Value::Integer(number) => json!(number.value()),
        toml_edit::Value::Boolean(flag) => json!(flag.value()),
        toml_edit::Value::Array(list) => list.iter().map(json_value).collect(),
        toml_edit::Value::InlineTable(entry) => Value::Object(table(entry)),
        toml_edit::Value::Float(_) | toml_edit::Value::Datetime(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
        [[issuer]]
        id = "mine"
        issuer = "https://else.where/"
        audience = ["a"]
        algorithms = ["ES384"]
        keys = ["oidc"]
        client_ids = ["${sub}", "${sub}/*"]
        [claims]
        devices = { path = "devices", optional = true, list = true, max_items = 20, max_length = 64 }
        sub = "sub"
        tenant = "tenant"
        [[grant]]
        policy = "app-user"
        [[grant]]
        policy = "device-owner"
        [[grant]]
        policy = "tenant-operator"
        when = { role = "operator" }
    "#;

    fn differences_of(config: &str, policies: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        let example: Value = serde_json::from_str(EXAMPLE).unwrap();
        for (name, policy) in example["policies"].as_object().unwrap() {
            let other = policies.iter().find(|(other, _)| other == name).map(|(_, text)| (*text).to_owned());
            let path = folder.path().join(format!("policies/{name}.json"));
            std::fs::write(path, other.unwrap_or_else(|| policy.to_string())).unwrap();
        }
        let file = folder.path().join("authorizer.toml");
        std::fs::write(&file, config).unwrap();
        let found = differences(&file);
        found.into_iter().map(|text| text.replace(&format!("{}/", folder.path().display()), "")).collect()
    }

    #[test]
    fn another_issuer_with_the_same_rules_will_do() {
        assert_eq!(differences_of(CONFIG, &[]), Vec::<String>::new());
    }

    #[test]
    fn other_rules_are_named() {
        let other = CONFIG.replace("operator\" }", "boss\" }").replace("[claims]", "[session]\n[claims]");
        assert_eq!(
            differences_of(&other, &[("app-user", "{}")]),
            [
                "authorizer.toml: `grant` is another",
                "authorizer.toml: `session` is another",
                "policies/app-user.json: it is another"
            ]
        );
        assert_eq!(
            differences_of(&CONFIG.replace("keys = ", "certificate_bound = true\nkeys = "), &[]),
            ["authorizer.toml: `issuer` is another"]
        );
        assert_eq!(differences_of("][", &[]), ["authorizer.toml: it cannot be read"]);
    }
}
