//! Example users, derived from the configuration: for each grant the smallest claims that meet it, and users that are
//! denied on purpose.
//!
//! A pure function from the configuration to users. Only the authorizer decides: the gateway asks it about each user
//! before it lists the user, and keeps the result in [`ExampleUser::decision`].

mod client_id;
mod conditions;
mod slots;

use std::collections::BTreeMap;

use iot_local_base::env::Env;
use serde_json::{Map, Value, json};

use self::client_id::client_id;
use self::conditions::{Conditions, GrantRule, ScalarSets};
use self::slots::{ExampleSlots, Person};
use crate::deployment::document::{ConfigDocument, Table};

/// A user of the development issuer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExampleUser {
    /// The name on the login page, unique within the issuer.
    pub name: String,
    /// The `sub`.
    pub sub: String,
    /// What distinguishes the user, for the login page.
    pub description: String,
    /// The policy whose grant the claims meet. Absent for a user that is denied on purpose.
    pub grant: Option<String>,
    /// Claims in addition to the registered ones.
    pub claims: Map<String, Value>,
    /// The first client id of `client_ids`, filled with the user's claims.
    pub client_id: String,
    /// What the authorizer decided about the user, once it was asked.
    pub decision: Option<Decision>,
}

/// The authorizer's decision about a user's connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether the user may connect with its client id.
    pub is_allowed: bool,
    /// The denial's code in the function's log, if the function writes one.
    pub code: Option<String>,
}

/// A configuration as its files say.
#[derive(Debug, Clone, Default)]
pub struct ExampleConfig {
    /// The text of `authorizer.toml`.
    pub config: String,
    /// The texts of the policies that the grants name.
    pub policies: BTreeMap<String, String>,
    /// The variables that `${env:NAME}` stands for.
    pub env: Env,
}

/// The names of users that meet a grant, in the order of the grants. More are numbered.
const NAMES: [&str; 6] = ["alice", "ben", "olga", "otto", "oda", "paul"];

/// The policy name of the grant that a machine's claims meet, if there is one.
const MACHINE_POLICY: &str = "machine";

/// Returns the example users of an issuer: one for each grant that applies to it, one of another tenant, and some that
/// are denied on purpose. Without grants there are two users without claims.
#[must_use]
pub fn users(config: &ExampleConfig, issuer: &str) -> Vec<ExampleUser> {
    let document = ConfigDocument::parse(&config.config).unwrap_or_default();
    let examples = Examples::read(&document, config, issuer);
    let mut users: Vec<_> = (0..examples.grants.len()).map(|index| examples.granted(index)).collect();
    if users.is_empty() {
        users.extend([examples.plain("alice", 1), examples.plain("ben", 2)]);
    } else if examples.slots.has_tenant() {
        users.push(examples.of_other_tenant());
    }
    users.extend(examples.denied());
    users
}

/// Returns the machine that gets tokens for its client credentials. Its claims meet the grant of the policy `machine`,
/// or else the first grant.
#[must_use]
pub fn machine(config: &ExampleConfig, issuer: &str) -> ExampleUser {
    let document = ConfigDocument::parse(&config.config).unwrap_or_default();
    let examples = Examples::read(&document, config, issuer);
    let named = examples.grants.iter().position(|grant| grant.policy == MACHINE_POLICY);
    let grant = named.or((!examples.grants.is_empty()).then_some(0));
    examples.user(&Person { name: "machine-1", number: 90, tenant: "acme" }, grant, &Omitted::default())
}

/// Returns the claims that meet the issuer's `require` and, if a policy is named, its first grant for the issuer; in
/// addition a value for every slot that those need, except for slots that take the subject. `None` if the issuer has
/// no grant of this policy.
#[must_use]
pub fn minimal_claims(
    config: &ExampleConfig,
    issuer: &str,
    policy: Option<&str>,
) -> Option<Map<String, Value>> {
    let document = ConfigDocument::parse(&config.config).unwrap_or_default();
    let examples = Examples::read(&document, config, issuer);
    let grant = match policy {
        Some(policy) => Some(examples.grants.iter().position(|grant| grant.policy == policy)?),
        None => None,
    };
    let person = Person { name: "", number: 1, tenant: "acme" };
    Some(match grant {
        Some(_) => examples.user(&person, grant, &Omitted::default()).claims,
        None => examples.required_claims(),
    })
}

/// The policies whose grants apply to an issuer, each once.
#[must_use]
pub fn granted_policies(config: &ExampleConfig, issuer: &str) -> Vec<String> {
    let document = ConfigDocument::parse(&config.config).unwrap_or_default();
    let grants = conditions::grants(&document, config, issuer);
    let mut policies: Vec<String> = Vec::new();
    for grant in grants {
        if !policies.contains(&grant.policy) {
            policies.push(grant.policy);
        }
    }
    policies
}

/// What a denied user lacks on purpose.
#[derive(Default)]
struct Omitted {
    require: bool,
    when: bool,
}

/// What the users of one issuer are derived from.
struct Examples<'a> {
    issuer: &'a str,
    /// Empty if the issuer is not in the configuration.
    client_ids: Vec<String>,
    env: &'a Env,
    slots: ExampleSlots,
    require: Conditions,
    refuse: ScalarSets,
    grants: Vec<GrantRule>,
}

impl<'a> Examples<'a> {
    fn read(document: &ConfigDocument, config: &'a ExampleConfig, issuer: &'a str) -> Self {
        let entries = document.issuers();
        let entry =
            entries.iter().find(|table| table.expanded_string("id", &config.env).as_deref() == Some(issuer));
        let conditions = |table: Option<Table<'_>>| {
            table.map(|table| Conditions::read(&table, &config.env)).unwrap_or_default()
        };
        let client_ids = entry.and_then(|table| table.field("client_ids"));
        Self {
            issuer,
            client_ids: client_ids.map(|field| field.usable_strings(&config.env)).unwrap_or_default(),
            env: &config.env,
            slots: ExampleSlots::read(document, entry),
            require: conditions(entry.and_then(|table| table.table("require"))),
            refuse: conditions::refused(document, &config.env, issuer),
            grants: conditions::grants(document, config, issuer),
        }
    }

    fn granted(&self, index: usize) -> ExampleUser {
        let number = index.saturating_add(1);
        let name = NAMES.get(index).map_or_else(|| format!("user-{number}"), |name| (*name).to_owned());
        self.user(&Person { name: &name, number, tenant: "acme" }, Some(index), &Omitted::default())
    }

    fn of_other_tenant(&self) -> ExampleUser {
        self.user(&Person { name: "gina", number: 91, tenant: "globex" }, Some(0), &Omitted::default())
    }

    fn plain(&self, name: &str, number: usize) -> ExampleUser {
        self.user(&Person { name, number, tenant: "acme" }, None, &Omitted::default())
    }

    fn required_claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        self.require.satisfy(&mut claims, &self.refuse, &[]);
        claims
    }

    /// A user whose claims meet `require` and a grant, and have the slots that those need.
    fn user(&self, person: &Person<'_>, grant: Option<usize>, omitted: &Omitted) -> ExampleUser {
        let grant = grant.and_then(|index| self.grants.get(index));
        let mut conditions = if omitted.require { Conditions::default() } else { self.require.clone() };
        let mut used: Vec<&str> = Vec::new();
        // A policy without iot:Connect needs another one that has it.
        for rule in grant.into_iter().chain(grant.and_then(|grant| self.connect_rule(grant))) {
            used.extend(rule.slots.iter().map(String::as_str));
            if !omitted.when {
                conditions.extend(&rule.when);
            }
        }
        let mut claims = Map::new();
        self.slots.fill(&mut claims, person, &used);
        conditions.satisfy(&mut claims, &self.refuse, &self.slots.list_paths());
        let description = describe(&claims);
        let sub = match claims.remove("sub") {
            Some(Value::String(sub)) => sub,
            _ => self.slots.subject(person),
        };
        let client_id = self.client_id(&sub, &claims);
        let grant = grant.map(|grant| grant.policy.clone());
        ExampleUser {
            name: person.name.to_owned(),
            sub,
            description,
            grant,
            claims,
            client_id,
            decision: None,
        }
    }

    /// The rule that lets a user of `grant` connect, if its own policy does not.
    fn connect_rule(&self, grant: &GrantRule) -> Option<&GrantRule> {
        if grant.allows_connect {
            return None;
        }
        let candidates = || self.grants.iter().filter(|rule| rule.allows_connect);
        candidates().find(|rule| rule.when.is_compatible(&grant.when)).or_else(|| candidates().next())
    }

    fn client_id(&self, sub: &str, claims: &Map<String, Value>) -> String {
        let mut all = claims.clone();
        all.entry("sub").or_insert_with(|| json!(sub));
        client_id(&self.client_ids, &self.slots, self.issuer, self.env, &all)
            .unwrap_or_else(|| sub.to_owned())
    }

    /// Users that the authorizer denies: a wildcard in a claim, an unmet `when`, an unmet `require`.
    fn denied(&self) -> Vec<ExampleUser> {
        let first = (!self.grants.is_empty()).then_some(0);
        let user = |name, number, grant, omitted: Omitted, description: &str| {
            let person = Person { name, number, tenant: "acme" };
            let user = self.user(&person, grant, &omitted);
            ExampleUser { grant: None, description: description.to_owned(), ..user }
        };
        let mut users = Vec::new();
        // A slot that neither client ids nor a granted policy use is not read.
        let in_policy =
            |name: &str| self.grants.iter().position(|grant| grant.slots.iter().any(|slot| slot == name));
        let in_client_ids = |name: &str| {
            let variable = format!("${{{name}}}");
            self.client_ids.is_empty() || self.client_ids.iter().any(|id| id.contains(&variable))
        };
        if let Some(slot) = self.slots.guarded(|name| in_client_ids(name) || in_policy(name).is_some()) {
            let using = in_policy(&slot.name).or(first);
            let description = format!("{} *, a wildcard", slot.name);
            let mut attacker = user("eve", 92, using, Omitted::default(), &description);
            if slot.is_subject() {
                "*".clone_into(&mut attacker.sub);
            } else {
                conditions::set_claim(&mut attacker.claims, &slot.path, json!("*"));
            }
            users.push(attacker);
        }
        if first.is_some() && self.grants.iter().all(|grant| !grant.when.is_empty()) {
            let omitted = Omitted { when: true, ..Omitted::default() };
            users.push(user("nora", 93, first, omitted, "meets the condition of no grant"));
        }
        // The condition of a grant may have the claims of `require`, too.
        let omitted = || Omitted { require: true, ..Omitted::default() };
        let mut without = (0..self.grants.len())
            .map(|index| user("rita", 94, Some(index), omitted(), "does not meet `require`"))
            .filter(|user| self.require.lack_a_claim(&user.claims));
        users.extend(without.next());
        users
    }
}

/// Describes claims for the login page.
fn describe(claims: &Map<String, Value>) -> String {
    let claims = claims.iter().filter(|(name, _)| *name != "sub");
    let parts: Vec<_> = claims.map(|(name, value)| format!("{name} {}", display(value))).collect();
    if parts.is_empty() { "no other claims".to_owned() } else { parts.join(", ") }
}

fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(array) => array.iter().map(display).collect::<Vec<_>>().join(" and "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
