//! STAND-IN until the evaluator lands: the same interface, `*` and Deny over Allow, nothing else.

use std::net::IpAddr;

/// An action of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `iot:Connect`
    Connect,
    /// `iot:Publish`
    Publish,
    /// `iot:RetainPublish`
    RetainPublish,
    /// `iot:Subscribe`
    Subscribe,
    /// `iot:Receive`
    Receive,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "iot:{self:?}")
    }
}

/// What is asked.
pub struct Question<'a> {
    /// The action.
    pub action: Action,
    /// `client/x`, `topic/a/b`, `topicfilter/a/#`
    pub resource: &'a str,
    /// The connection's facts.
    pub context: &'a Context,
}

/// Facts of a connection that conditions and variables use.
#[derive(Default, Clone)]
pub struct Context {
    /// The MQTT client id.
    pub client_id: Option<String>,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// A persistent session was asked for.
    pub persistent: bool,
    /// The will's topic.
    pub last_will: Option<String>,
}

/// The answer to a question.
pub struct Verdict {
    /// Allowed or not.
    pub allowed: bool,
    /// The statement that decided.
    pub reason: String,
}

/// A policy.
#[derive(Clone, Default)]
pub struct Policy {
    statements: Vec<(bool, Vec<String>, Vec<String>)>,
}

impl Policy {
    /// Of documents.
    #[must_use]
    pub fn new(documents: &[serde_json::Value]) -> Self {
        let list = |value: &serde_json::Value| match value {
            serde_json::Value::Array(items) => items.iter().filter_map(|i| i.as_str().map(str::to_owned)).collect(),
            other => other.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        };
        let mut statements = Vec::new();
        for document in documents {
            for s in document.get("Statement").and_then(|s| s.as_array()).into_iter().flatten() {
                let get = |name| s.get(name).cloned().unwrap_or_default();
                statements.push((get("Effect") == "Allow", list(&get("Action")), list(&get("Resource"))));
            }
        }
        Self { statements }
    }

    /// Decides.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        let action = question.action.to_string();
        let mut reason = None;
        for (allow, actions, resources) in &self.statements {
            let hit = actions.iter().any(|a| matches(a.as_bytes(), action.as_bytes()))
                && resources.iter().any(|r| {
                    matches(r.splitn(6, ':').last().unwrap_or_default().as_bytes(), question.resource.as_bytes())
                });
            if hit && !allow {
                return Verdict { allowed: false, reason: format!("Deny on {resources:?}") };
            }
            if hit {
                reason = Some(format!("Allow on {resources:?}"));
            }
        }
        let allowed = reason.is_some();
        Verdict { allowed, reason: reason.unwrap_or_else(|| "no statement allows it".to_owned()) }
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches(rest, text) || text.split_first().is_some_and(|(_, after)| matches(pattern, after))
        }
        (Some((p, rest)), Some((t, after))) => p == t && matches(rest, after),
        _ => false,
    }
}
