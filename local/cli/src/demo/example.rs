//! The shipped example, and the comparison of a configuration with it.

use std::path::Path;

use iot_local_identity::deployment::document::ConfigDocument;
use serde_json::{Map, Value};

/// The files of the shipped example, for a demo where no configuration is.
pub(super) const SHIPPED: [(&str, &str); 5] = [
    ("authorizer.toml", include_str!("../../../../authorizer.toml")),
    ("policies/app-user.json", include_str!("../../../../policies/app-user.json")),
    ("policies/device-owner.json", include_str!("../../../../policies/device-owner.json")),
    ("policies/tenant-operator.json", include_str!("../../../../policies/tenant-operator.json")),
    ("keys/users.jwks.json", include_str!("../../../../keys/users.jwks.json")),
];

/// The rules that the expected results depend on.
const EXAMPLE: &str = include_str!("example.json");

/// Settings of an issuer that may differ. The demo's tokens are minted with them.
const IGNORED_SETTINGS: [&str; 8] =
    ["id", "issuer", "audience", "audience_claim", "algorithms", "types", "keys", "leeway_seconds"];

/// Returns the differences from the example, one for each file and key. The demo can run if there are none.
pub(super) fn differences(config: &Path) -> Vec<String> {
    let example: Value = serde_json::from_str(EXAMPLE).unwrap_or_default();
    let section = |name: &str| example.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let file = config.display();
    let mut differences = Vec::new();
    match read(config) {
        Some(actual) => {
            let expected = section("config");
            let mut keys: Vec<_> = expected.keys().chain(actual.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            let different = keys.into_iter().filter(|key| actual.get(*key) != expected.get(*key));
            differences.extend(different.map(|key| format!("{file}: `{key}` differs")));
        }
        None => differences.push(format!("{file}: cannot be read")),
    }
    for (name, policy) in section("policies") {
        let path = config.with_file_name("policies").join(format!("{name}.json"));
        let actual = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        if actual.as_ref() != Some(&policy) {
            differences.push(format!("{}: differs", path.display()));
        }
    }
    differences
}

/// Reads the configuration as JSON, without the settings that may differ.
fn read(config: &Path) -> Option<Map<String, Value>> {
    let mut config = ConfigDocument::parse(&std::fs::read_to_string(config).ok()?)?.to_json();
    for issuer in config.get_mut("issuer").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(members) = issuer.as_object_mut() {
            members.retain(|name, _| !IGNORED_SETTINGS.contains(&name.as_str()));
        }
    }
    Some(config)
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
            let replaced = policies.iter().find(|(replaced, _)| replaced == name);
            let path = folder.path().join(format!("policies/{name}.json"));
            std::fs::write(path, replaced.map_or_else(|| policy.to_string(), |(_, text)| (*text).to_owned()))
                .unwrap();
        }
        let file = folder.path().join("authorizer.toml");
        std::fs::write(&file, config).unwrap();
        let differences = differences(&file);
        differences
            .into_iter()
            .map(|text| text.replace(&format!("{}/", folder.path().display()), ""))
            .collect()
    }

    #[test]
    fn another_issuer_with_the_same_rules_is_no_difference() {
        assert_eq!(differences_of(CONFIG, &[]), Vec::<String>::new());
    }

    #[test]
    fn other_rules_are_differences() {
        let changed = CONFIG.replace("operator\" }", "boss\" }").replace("[claims]", "[session]\n[claims]");
        assert_eq!(
            differences_of(&changed, &[("app-user", "{}")]),
            [
                "authorizer.toml: `grant` differs",
                "authorizer.toml: `session` differs",
                "policies/app-user.json: differs"
            ]
        );
        assert_eq!(
            differences_of(&CONFIG.replace("keys = ", "certificate_bound = true\nkeys = "), &[]),
            ["authorizer.toml: `issuer` differs"]
        );
        assert_eq!(differences_of("][", &[]), ["authorizer.toml: cannot be read"]);
    }
}
