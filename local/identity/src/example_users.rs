//! Example users, derived from the configuration. Each has a value for every required slot.
//!
//! The login page offers them. Only the authorizer decides what each is allowed to do.

use serde_json::{Map, Value, json};

use crate::deployment::document::{ConfigDocument, Field, Table};

/// A user of the development issuer.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleUser {
    /// The `sub`, which is also the user's name.
    pub sub: String,
    /// What distinguishes the user, for the login page.
    pub description: String,
    /// Claims in addition to the registered ones.
    pub claims: Map<String, Value>,
}

/// The names of users that meet the condition of a grant.
const GRANT_USERS: [&str; 3] = ["olga", "otto", "oda"];

/// Returns the example users of an issuer, at least one. If the configuration cannot be read, they have no claims.
#[must_use]
pub fn users(config: &str, issuer: &str) -> Vec<ExampleUser> {
    let config = ConfigDocument::parse(config).unwrap_or_default();
    let slots = ExampleSlots::read(&config, issuer);
    let mut users = vec![slots.user("alice", 1, "acme", true), slots.user("ben", 2, "acme", false)];
    if slots.has_tenant() {
        users.push(slots.user("gina", 3, "globex", true));
    }
    for (name, when) in GRANT_USERS.iter().zip(conditions(&config, issuer)) {
        let mut user = slots.user(name, 4, "acme", false);
        user.description = format!("{}; {}", user.description, describe(&when));
        satisfy(&mut user.claims, &when);
        users.push(user);
    }
    users.push(slots.attacker());
    users
}

/// Returns the machine that gets tokens for its client credentials.
#[must_use]
pub fn machine(config: &str, issuer: &str) -> ExampleUser {
    let config = ConfigDocument::parse(config).unwrap_or_default();
    ExampleSlots::read(&config, issuer).user("machine-1", 5, "acme", false)
}

/// The settings of a slot of `[claims]` that its example value depends on.
struct ExampleSlot {
    name: String,
    path: String,
    is_uuid: bool,
    is_list: bool,
    is_optional: bool,
}

struct ExampleSlots {
    slots: Vec<ExampleSlot>,
    /// Claims that the issuer requires in every token.
    required: Map<String, Value>,
}

impl ExampleSlots {
    fn read(config: &ConfigDocument, issuer: &str) -> Self {
        let entry = config.issuers().into_iter().find(|table| table.string("id") == Some(issuer));
        let paths = entry.as_ref().and_then(|table| table.table("claims"));
        let mut required = Map::new();
        if let Some(require) = entry.as_ref().and_then(|table| table.table("require")) {
            satisfy(&mut required, &require);
        }
        let claims = config.field("claims").and_then(Field::table);
        let slots = claims.iter().flat_map(Table::fields).filter_map(|(name, slot)| {
            let table = slot.table();
            let field = |name: &str| table.as_ref()?.field(name);
            let is_set = |name: &str| field(name).and_then(Field::boolean).unwrap_or(false);
            let string = |name: &str| field(name).and_then(Field::string);
            let issuer_path = paths.as_ref().and_then(|paths| paths.string(name));
            let path = issuer_path.or(slot.string()).or(string("path"))?;
            Some(ExampleSlot {
                name: name.to_owned(),
                path: path.to_owned(),
                is_uuid: string("type") == Some("uuid"),
                is_list: is_set("list"),
                is_optional: is_set("optional"),
            })
        });
        Self { slots: slots.collect(), required }
    }

    /// Whether users can differ in a claim other than their subject.
    fn has_tenant(&self) -> bool {
        self.slots.iter().any(|slot| slot.is_plain() && !slot.is_uuid)
    }

    fn user(&self, name: &str, number: u32, tenant: &str, has_optional_claims: bool) -> ExampleUser {
        let uuid = format!("00000000-0000-4000-8000-{number:012}");
        let is_uuid = self.slots.iter().any(|slot| slot.path == "sub" && slot.is_uuid);
        let mut claims = self.required.clone();
        let mut description = Vec::new();
        let slots = self.slots.iter().filter(|slot| slot.path != "sub");
        for slot in slots.filter(|slot| has_optional_claims || !slot.is_optional) {
            let singular = slot.name.trim_end_matches('s');
            let value = match (slot.is_list, slot.is_uuid) {
                (false, true) => json!(uuid),
                (false, false) => json!(tenant),
                (true, true) => json!([uuid]),
                (true, false) => json!([format!("{singular}-1"), format!("{singular}-2")]),
            };
            description.push(format!("{} {}", slot.name, display(&value)));
            set_claim(&mut claims, &slot.path, value);
        }
        let description = if description.is_empty() { "a user".to_owned() } else { description.join(", ") };
        ExampleUser { sub: if is_uuid { uuid } else { name.to_owned() }, description, claims }
    }

    /// A user with a wildcard in a claim, whom the authorizer denies.
    fn attacker(&self) -> ExampleUser {
        let mut user = self.user("eve", 6, "acme", false);
        match self.slots.iter().find(|slot| slot.is_plain() && !slot.is_optional) {
            Some(slot) => {
                set_claim(&mut user.claims, &slot.path, json!("*"));
                user.description = format!("{} *, a wildcard: denied", slot.name);
            }
            None => {
                user.sub = "*".to_owned();
                user.description = "subject *, a wildcard: denied".to_owned();
            }
        }
        user
    }
}

impl ExampleSlot {
    /// Whether the slot has a single value that is not the subject.
    fn is_plain(&self) -> bool {
        !self.is_list && self.path != "sub"
    }
}

/// The conditions of all grants that apply to the issuer.
fn conditions<'a>(config: &'a ConfigDocument, issuer: &str) -> Vec<Table<'a>> {
    let applies = |grant: &Table<'_>| match grant.field("issuer") {
        None => true,
        Some(field) => field.string().map_or_else(
            || field.to_json().as_array().is_some_and(|ids| ids.iter().any(|id| id == issuer)),
            |id| id == issuer,
        ),
    };
    let grants = config.tables("grant").into_iter().filter(applies);
    grants.filter_map(|grant| grant.table("when")).collect()
}

/// Sets claims so that a condition holds.
fn satisfy(claims: &mut Map<String, Value>, when: &Table<'_>) {
    for (path, expected) in when.fields() {
        if let Some(value) = first_scalar(expected.to_json()) {
            set_claim(claims, path, value);
        }
    }
}

/// The value itself, or the first element of an array, if it is a scalar.
fn first_scalar(value: Value) -> Option<Value> {
    match value {
        Value::Array(array) => first_scalar(array.into_iter().next()?),
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Some(value),
        Value::Object(_) | Value::Null => None,
    }
}

fn describe(when: &Table<'_>) -> String {
    let mut claims = Map::new();
    satisfy(&mut claims, when);
    let parts = claims.iter().map(|(name, value)| format!("{name} {}", display(value)));
    parts.collect::<Vec<_>>().join(", ")
}

fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(array) => array.iter().map(display).collect::<Vec<_>>().join(" and "),
        scalar => scalar.to_string(),
    }
}

/// Sets a claim given by name or by JSON pointer (RFC 6901). Missing objects on the way are created.
fn set_claim(claims: &mut Map<String, Value>, path: &str, value: Value) {
    let Some(pointer) = path.strip_prefix('/') else {
        claims.insert(path.to_owned(), value);
        return;
    };
    let (name, rest) = pointer.split_once('/').map_or((pointer, None), |(name, rest)| (name, Some(rest)));
    let name = name.replace("~1", "/").replace("~0", "~");
    let Some(rest) = rest else {
        claims.insert(name, value);
        return;
    };
    let inner = claims.entry(name).or_insert_with(|| json!({}));
    if let Value::Object(inner) = inner {
        set_claim(inner, &format!("/{rest}"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../authorizer.toml");

    fn claims(config: &str, sub: &str) -> Value {
        let found = users(config, "users").into_iter().find(|user| user.sub == sub);
        Value::Object(found.unwrap_or_else(|| panic!("no {sub}")).claims)
    }

    #[test]
    fn the_shipped_configuration_has_users_of_two_tenants_an_operator_and_an_attacker() {
        let devices = json!(["device-1", "device-2"]);
        for (sub, expected) in [
            ("alice", json!({ "tenant": "acme", "devices": devices })),
            ("ben", json!({ "tenant": "acme" })),
            ("gina", json!({ "tenant": "globex", "devices": devices })),
            ("olga", json!({ "tenant": "acme", "role": "operator" })),
            ("eve", json!({ "tenant": "*" })),
        ] {
            assert_eq!(claims(SHIPPED, sub), expected, "{sub}");
        }
        assert_eq!(users(SHIPPED, "users").len(), 5);
        assert_eq!(machine(SHIPPED, "users").claims, *json!({ "tenant": "acme" }).as_object().unwrap());
    }

    #[test]
    fn every_slot_and_requirement_gets_a_value_at_its_path() {
        let config = r#"
            issuer = [
              { id = "users", require = { "https://e.com/ok" = [true], "/a/x~1y" = 7 }, claims = { tenant = "/org/id" } }
            ]
            grant = [
              { policy = "p", issuer = "other", when = { no = "no" } },
              { policy = "p", issuer = ["users"], when = { scope = ["s", "t"] } }
            ]
            [claims]
            sub = { path = "sub", type = "uuid" }
            tenant = "tenant"
            roles = { path = "roles", list = true }
        "#;
        let expected = json!({
            "https://e.com/ok": true, "a": { "x/y": 7 }, "org": { "id": "acme" }, "roles": ["role-1", "role-2"]
        });
        assert_eq!(claims(config, "00000000-0000-4000-8000-000000000001"), expected);
        let grant_user = claims(config, "00000000-0000-4000-8000-000000000004");
        assert_eq!((&grant_user["scope"], &grant_user["no"]), (&json!("s"), &Value::Null));
    }

    #[test]
    fn every_configuration_has_users() {
        for config in ["", "no toml at all", "[claims]\nsub = \"sub\"\n"] {
            let subs: Vec<_> = users(config, "users").into_iter().map(|user| user.sub).collect();
            assert_eq!(subs, ["alice", "ben", "*"], "{config}");
        }
    }
}
