//! Policies next to `provision.toml`: those of shared credentials, and denials that depend on a variable.

use std::collections::BTreeSet;

use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};
use iot_provision::config::Config;
use serde_json::Value;

use crate::findings::files::Files;

/// Variables that have no value for some connections. IsAttached always has one.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html>
const VARIABLES: [&str; 2] = ["${iot:Connection.Thing.", "${iot:Certificate."];

const SHARED_HINT: &str = "everyone who has taken the credential out of one device has these rights; allow the topics of \
                           provisioning alone";
const DENY_HINT: &str =
    "AWS IoT skips a statement whose variable has no value, so nothing is denied; allow less instead";

/// Warnings about the policies in `policies/`. Files that are not JSON are skipped: AWS IoT rejects them.
pub(super) fn warnings(config: &Config, files: &Files) -> Vec<ConfigError> {
    let given = given_policies(config, files);
    let allowed = Allowed::new(config);
    let mut found = Vec::new();
    for (file, text) in files.in_folder("policies") {
        let Ok(document) = serde_json::from_str::<Value>(text) else { continue };
        let name = file.strip_prefix("policies/").and_then(|name| name.strip_suffix(".json")).unwrap_or(file);
        for (index, statement) in list(document.get("Statement")).into_iter().enumerate() {
            let place = || ErrorPlace::Member(format!("Statement[{index}]"));
            let is_deny = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
            if is_deny && has_variable(statement) {
                let what = "a Deny with a variable that has no value for some connections";
                found.push(ConfigError::at(file, place(), what.to_owned()).hint(DENY_HINT));
            }
            if !is_deny && !given.contains(name) {
                let excess = allowed.excess(statement);
                found.extend(excess.into_iter().map(|what| {
                    let what = format!("the policy of a shared credential {what}");
                    ConfigError::at(file, place(), what).hint(SHARED_HINT)
                }));
            }
        }
    }
    found
}

/// The policies that devices and identities get, and those of the authorizer's tokens. Any other one is that of a
/// credential that devices share.
fn given_policies(config: &Config, files: &Files) -> BTreeSet<String> {
    let authorities = config.authorities.iter().map(|authority| authority.policy.clone());
    let bootstraps = config.bootstraps.iter().map(|bootstrap| bootstrap.policy.clone());
    let mut names: BTreeSet<String> =
        authorities.chain(bootstraps).chain(config.identity_policy.clone()).collect();
    names.extend(files.authorizer_policies());
    for (_, text) in files.in_folder("templates") {
        let template: Value = serde_json::from_str(text).unwrap_or_default();
        let resources = template.get("Resources").and_then(Value::as_object);
        for resource in resources.into_iter().flat_map(serde_json::Map::values) {
            let name = resource.pointer("/Properties/PolicyName").and_then(Value::as_str);
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// What a shared credential needs: resources without their ARN, with `*` for any text.
struct Allowed {
    publish: Vec<String>,
    receive: Vec<String>,
}

impl Allowed {
    fn new(config: &Config) -> Self {
        let certificates =
            ["$aws/certificates/create/*", "$aws/certificates/create-from-csr/*"].map(str::to_owned);
        let templates = config
            .templates
            .iter()
            .map(|template| format!("$aws/provisioning-templates/{}/provision/*", template.name));
        // Without a template no device needs the topics of fleet provisioning.
        let is_fleet = !config.templates.is_empty();
        let fleet: Vec<String> = certificates.into_iter().filter(|_| is_fleet).chain(templates).collect();
        let requests =
            config.bootstraps.iter().map(|bootstrap| bootstrap.request.to_string().replace('+', "*"));
        let responses = config.bootstraps.iter().map(|bootstrap| bootstrap.response.fill_with("*"));
        Self {
            publish: fleet.iter().cloned().chain(requests).collect(),
            receive: fleet.iter().cloned().chain(responses).collect(),
        }
    }

    /// What a statement allows beyond that.
    fn excess(&self, statement: &Value) -> Vec<String> {
        if ["NotAction", "NotResource"].iter().any(|member| statement.get(member).is_some()) {
            return vec!["allows everything but what it names".to_owned()];
        }
        let resources = list(statement.get("Resource"));
        let mut found = Vec::new();
        for action in list(statement.get("Action")).into_iter().filter_map(Value::as_str) {
            let (kind, topics) = match action {
                "iot:Connect" => continue,
                "iot:Publish" => ("topic/", &self.publish),
                "iot:Receive" => ("topic/", &self.receive),
                "iot:Subscribe" => ("topicfilter/", &self.receive),
                _ => {
                    found.push(format!("allows {action}, which no device needs before it has its own"));
                    continue;
                }
            };
            for resource in resources.iter().filter_map(|resource| resource.as_str()) {
                let relative = resource.splitn(6, ':').nth(5).unwrap_or(resource);
                let topic = relative.strip_prefix(kind);
                if !topic.is_some_and(|topic| topics.iter().any(|allowed| matches(allowed, topic))) {
                    found.push(format!("allows {action} on `{relative}`"));
                }
            }
        }
        found
    }
}

/// Whether a pattern with `*` matches a text, whose own wildcards are plain characters. If it does, it matches
/// everything that the text matches as a pattern.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    let mut starts = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
    starts.any(|start| rest.get(start..).is_some_and(|rest| matches(after, rest)))
}

/// Whether a statement has one of [`VARIABLES`] in a value.
fn has_variable(statement: &Value) -> bool {
    match statement {
        Value::String(text) => {
            let text = text.replace("${iot:Connection.Thing.IsAttached}", "");
            VARIABLES.iter().any(|variable| text.contains(variable))
        }
        Value::Array(values) => values.iter().any(has_variable),
        Value::Object(members) => members.values().any(has_variable),
        _ => false,
    }
}

/// A member that may be a single value instead of a list.
fn list(member: Option<&Value>) -> Vec<&Value> {
    match member {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a/*", "a/", true),
            ("a/*", "a/b/c", true),
            ("a/*", "a/*", true),
            ("a/*/c", "a/*/c", true),
            ("a/*/c", "a/b/d/c", true),
            ("a/*/c", "a/*", false),
            ("a/*/c", "a/c", false),
            ("a/*", "*", false),
            ("*", "é/b", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
