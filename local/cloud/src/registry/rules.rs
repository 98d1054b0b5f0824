//! Topic rules.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Change, Record, Registry};

/// A topic rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicRule {
    /// Its name.
    pub name: String,
    /// The SQL statement as it was sent.
    pub sql: String,
    /// The version of the SQL, such as `2016-03-23`.
    pub sql_version: String,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it does with a message: objects with one member each, `lambda` or `republish`.
    pub actions: Vec<Map<String, Value>>,
    /// What it does if an action fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_action: Option<Map<String, Value>>,
    /// Whether it does nothing.
    pub is_disabled: bool,
    /// When it was created.
    pub created: i64,
}

impl Registry {
    /// Returns a topic rule by its name.
    #[must_use]
    pub fn topic_rule(&self, name: &str) -> Option<&Record<TopicRule>> {
        self.topic_rules.get(name)
    }

    /// Returns all topic rules, by name.
    pub fn topic_rules(&self) -> impl Iterator<Item = &Record<TopicRule>> {
        self.topic_rules.values()
    }

    pub(super) fn apply_to_rules(&mut self, change: &Change) {
        match change {
            Change::PutTopicRule(rule) => {
                self.topic_rules.insert(rule.name.clone(), rule.clone());
            }
            Change::RemoveTopicRule { name } => {
                self.topic_rules.remove(name);
                self.tags.remove(&format!("rule/{name}"));
            }
            _ => {}
        }
    }
}
