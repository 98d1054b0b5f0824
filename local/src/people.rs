//! Example people, made from the user's own configuration: each has a value for every slot that needs one.
//!
//! They are who can be logged in as without typing anything. What each may do only the authorizer knows.

use serde_json::{Map, Value, json};
use toml_edit::{DocumentMut, Item, TableLike};

/// Somebody whom the development issuer knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The `sub`, which is also what the person is called here.
    pub sub: String,
    /// What is special, for somebody who chooses.
    pub about: String,
    /// Claims beside the registered ones.
    pub claims: Map<String, Value>,
}

/// Names for those who meet the condition of a grant.
const SPECIAL: [&str; 3] = ["olga", "otto", "oda"];

/// The people that an issuer of the configuration knows. There is at least one, and none has a claim where the
/// configuration cannot be read.
#[must_use]
pub fn people(config: &str, issuer: &str) -> Vec<Person> {
    let config: DocumentMut = config.parse().unwrap_or_default();
    let slots = Slots::read(&config, issuer);
    let mut people = vec![slots.person("alice", 1, "acme", true), slots.person("ben", 2, "acme", false)];
    if slots.has_tenant() {
        people.push(slots.person("gina", 3, "globex", true));
    }
    for (name, when) in SPECIAL.iter().zip(conditions(&config, issuer)) {
        let mut person = slots.person(name, 4, "acme", false);
        person.about = format!("{}; {}", person.about, described(when));
        fulfil(&mut person.claims, when);
        people.push(person);
    }
    people.push(slots.intruder());
    people
}

/// The machine that may ask for tokens by its client credentials.
#[must_use]
pub fn machine(config: &str, issuer: &str) -> Person {
    let config: DocumentMut = config.parse().unwrap_or_default();
    Slots::read(&config, issuer).person("machine-1", 5, "acme", false)
}

/// A slot of `[claims]`, as far as an example needs it.
struct Slot {
    name: String,
    path: String,
    uuid: bool,
    list: bool,
    optional: bool,
}

struct Slots {
    slots: Vec<Slot>,
    /// What the issuer requires of every token.
    required: Map<String, Value>,
}

impl Slots {
    fn read(config: &DocumentMut, issuer: &str) -> Self {
        let entry = issuers(config).into_iter().find(|table| text(table.get("id")) == Some(issuer));
        let own = entry.and_then(|table| table.get("claims")).and_then(Item::as_table_like);
        let mut required = Map::new();
        if let Some(require) = entry.and_then(|table| table.get("require")).and_then(Item::as_table_like) {
            fulfil(&mut required, require);
        }
        let slots = config.get("claims").and_then(Item::as_table_like).into_iter().flat_map(TableLike::iter);
        let slots = slots.filter_map(|(name, slot)| {
            let part = |part: &str| slot.as_table_like().and_then(|table| table.get(part));
            let is = |name: &str| part(name).and_then(Item::as_bool).unwrap_or(false);
            let path = own.and_then(|own| text(own.get(name))).or(text(Some(slot))).or(text(part("path")))?;
            Some(Slot {
                name: name.to_owned(),
                path: path.to_owned(),
                uuid: text(part("type")) == Some("uuid"),
                list: is("list"),
                optional: is("optional"),
            })
        });
        Self { slots: slots.collect(), required }
    }

    /// Whether people can differ in more than their subject.
    fn has_tenant(&self) -> bool {
        self.slots.iter().any(|slot| slot.is_plain() && !slot.uuid)
    }

    fn person(&self, name: &str, number: u32, tenant: &str, complete: bool) -> Person {
        let uuid = format!("00000000-0000-4000-8000-{number:012}");
        let is_uuid = self.slots.iter().any(|slot| slot.path == "sub" && slot.uuid);
        let mut claims = self.required.clone();
        let mut about = Vec::new();
        for slot in self.slots.iter().filter(|slot| slot.path != "sub" && (complete || !slot.optional)) {
            let single = if slot.name.ends_with('s') { slot.name.trim_end_matches('s') } else { &slot.name };
            let value = match (slot.list, slot.uuid) {
                (false, true) => json!(uuid),
                (false, false) => json!(tenant),
                (true, true) => json!([uuid]),
                (true, false) => json!([format!("{single}-1"), format!("{single}-2")]),
            };
            about.push(format!("{} {}", slot.name, listed(&value)));
            put(&mut claims, &slot.path, value);
        }
        let about = if about.is_empty() { "a user".to_owned() } else { about.join(", ") };
        Person { sub: if is_uuid { uuid } else { name.to_owned() }, about, claims }
    }

    /// Somebody with a wildcard where an ordinary value should be.
    fn intruder(&self) -> Person {
        let mut person = self.person("eve", 6, "acme", false);
        match self.slots.iter().find(|slot| slot.is_plain() && !slot.optional) {
            Some(slot) => {
                put(&mut person.claims, &slot.path, json!("*"));
                person.about = format!("{} *, which is a wildcard: refused", slot.name);
            }
            None => {
                person.sub = "*".to_owned();
                person.about = "a subject that is a wildcard: refused".to_owned();
            }
        }
        person
    }
}

impl Slot {
    /// One value that is not the subject.
    fn is_plain(&self) -> bool {
        !self.list && self.path != "sub"
    }
}

fn text(item: Option<&Item>) -> Option<&str> {
    item.and_then(Item::as_str)
}

/// `[[NAME]]`, or a list of inline tables, which means the same.
fn tables<'a>(config: &'a DocumentMut, name: &str) -> Vec<&'a dyn TableLike> {
    fn like<T: TableLike>(table: &T) -> &dyn TableLike {
        table
    }
    match config.get(name) {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(like).collect(),
        Some(Item::Value(value)) => {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(|value| value.as_inline_table().map(like)).collect()
        }
        _ => Vec::new(),
    }
}

fn issuers(config: &DocumentMut) -> Vec<&dyn TableLike> {
    tables(config, "issuer")
}

/// The conditions of the grants that the issuer's tokens can match.
fn conditions<'a>(config: &'a DocumentMut, issuer: &str) -> Vec<&'a dyn TableLike> {
    let concerns = |grant: &dyn TableLike| match grant.get("issuer") {
        None => true,
        Some(item) => item.as_str().map_or_else(
            || item.as_array().is_some_and(|list| list.iter().any(|id| id.as_str() == Some(issuer))),
            |id| id == issuer,
        ),
    };
    let grants = tables(config, "grant").into_iter().filter(|grant| concerns(*grant));
    grants.filter_map(|grant| grant.get("when")?.as_table_like()).collect()
}

/// Sets claims so that every entry of a condition holds.
fn fulfil(claims: &mut Map<String, Value>, when: &dyn TableLike) {
    for (path, wanted) in when.iter() {
        if let Some(value) = wanted.as_value().and_then(first) {
            put(claims, path, value);
        }
    }
}

/// A value that fulfils the condition: of a list, the first.
fn first(wanted: &toml_edit::Value) -> Option<Value> {
    match wanted {
        toml_edit::Value::String(text) => Some(json!(text.value())),
        toml_edit::Value::Integer(number) => Some(json!(number.value())),
        toml_edit::Value::Boolean(truth) => Some(json!(truth.value())),
        toml_edit::Value::Array(list) => first(list.get(0)?),
        _ => None,
    }
}

fn described(when: &dyn TableLike) -> String {
    let mut claims = Map::new();
    fulfil(&mut claims, when);
    let parts = claims.iter().map(|(name, value)| format!("{name} {}", listed(value)));
    parts.collect::<Vec<_>>().join(", ")
}

fn listed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(listed).collect::<Vec<_>>().join(" and "),
        other => other.to_string(),
    }
}

/// Sets a claim by its name, or by a JSON pointer (RFC 6901) through objects, which are made where there are none.
fn put(claims: &mut Map<String, Value>, path: &str, value: Value) {
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
        put(inner, &format!("/{rest}"), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../authorizer.toml");

    fn claims(config: &str, sub: &str) -> Value {
        let found = people(config, "users").into_iter().find(|person| person.sub == sub);
        Value::Object(found.unwrap_or_else(|| panic!("no {sub}")).claims)
    }

    #[test]
    fn the_shipped_configuration_has_users_of_two_tenants_an_operator_and_an_intruder() {
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
        assert_eq!(people(SHIPPED, "users").len(), 5);
        assert_eq!(machine(SHIPPED, "users").claims, *json!({ "tenant": "acme" }).as_object().unwrap());
    }

    #[test]
    fn every_slot_and_requirement_gets_a_value_where_it_is_looked_for() {
        let config = r#"
            issuer = [{ id = "users", require = { "https://e.com/ok" = [true], "/a/x~1y" = 7 }, claims = { tenant = "/org/id" } }]
            grant = [{ policy = "p", issuer = "other", when = { no = "no" } }, { policy = "p", issuer = ["users"], when = { scope = ["s", "t"] } }]
            [claims]
            sub = { path = "sub", type = "uuid" }
            tenant = "tenant"
            roles = { path = "roles", list = true }
        "#;
        let required = json!({ "https://e.com/ok": true, "a": { "x/y": 7 }, "org": { "id": "acme" }, "roles": ["role-1", "role-2"] });
        assert_eq!(claims(config, "00000000-0000-4000-8000-000000000001"), required);
        let special = claims(config, "00000000-0000-4000-8000-000000000004");
        assert_eq!((&special["scope"], &special["no"]), (&json!("s"), &Value::Null));
    }

    #[test]
    fn there_is_somebody_whatever_the_configuration_says() {
        for config in ["", "no toml at all", "[claims]\nsub = \"sub\"\n"] {
            let subs: Vec<_> = people(config, "users").into_iter().map(|person| person.sub).collect();
            assert_eq!(subs, ["alice", "ben", "*"], "{config}");
        }
    }
}
