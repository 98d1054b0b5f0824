//! An example user, with a token and topics that the configuration allows.

use std::path::Path;
use std::time::{Duration, SystemTime};

use iot_local_base::env::Env;
use iot_local_gateway::preview::Examples;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_identity::example_users;
use iot_local_identity::issuer::{DevelopmentIssuer, TokenRequest};
use iot_local_identity::workspace::Workspace;
use iot_local_inspect::deployment::{self, Deployment, DeploymentError};
use iot_local_inspect::explain::Granted;
use iot_local_inspect::inquiry::{self, EvaluationOptions, Inquiry};
use iot_local_policy::{Arn, Policy};
use serde_json::{Map, Value};

use super::SnippetError;
use crate::shell::{quoted, quoted_path};

/// The lifetime of the token, unless the configuration accepts only less.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// A user who may publish and subscribe.
pub(super) struct Example {
    pub(super) sub: String,
    claims: Map<String, Value>,
    pub(super) token: String,
    pub(super) client_id: String,
    /// The beginning of client ids with a suffix after a slash, if the user may have such.
    pub(super) client_id_prefix: Option<String>,
    pub(super) topic: String,
    pub(super) filter: String,
}

/// Returns the first example user who may publish to a topic and subscribe to a filter.
///
/// # Errors
/// No user may do so, or the configuration has errors.
pub(super) fn find(
    config: &Path,
    workspace: &Workspace,
    issuer: &DevelopmentIssuer,
    env: &Env,
    now: SystemTime,
) -> Result<Example, SnippetError> {
    // The user's own files show errors in `keys`; the copy has the development keys.
    deployment::load(config, env).map_err(|errors| DeploymentError::new(config, errors))?;
    let deployment = Deployment::load(&workspace.config, env)?;
    let settings = issuer.settings();
    let ttl = settings.max_lifetime.map_or(TOKEN_LIFETIME, |max| max.min(TOKEN_LIFETIME));
    for user in example_users::users(&workspace.example_config(env), &settings.id) {
        let request = TokenRequest { sub: user.sub.clone(), claims: user.claims.clone(), ttl, at: now };
        let token = issuer.mint(&request)?;
        let options = EvaluationOptions { issuer: None, client_id: None, function: FUNCTION_ARN, at: now };
        let explanation = inquiry::judge(&deployment, &Inquiry::Token(token.clone()), &options, None)?;
        let example = explanation.outcome.ok().and_then(|granted| {
            let client_id = granted.client_id.clone()?;
            let (topic, filter) = topics(&granted, &client_id)?;
            let prefixes = granted.client_ids.iter().filter_map(|id| id.strip_suffix("/*"));
            let client_id_prefix = prefixes.map(str::to_owned).next();
            Some(Example {
                sub: user.sub,
                claims: user.claims,
                token,
                client_id,
                client_id_prefix,
                topic,
                filter,
            })
        });
        if let Some(example) = example.filter(Example::is_quotable) {
            return Ok(example);
        }
    }
    Err(SnippetError::NoUser(settings.id.clone()))
}

/// A topic and a filter that the policy allows.
fn topics(granted: &Granted, client_id: &str) -> Option<(String, String)> {
    let arn: Arn = FUNCTION_ARN.parse().ok()?;
    let policy = Policy::parse(&granted.documents, &arn).ok()?;
    let examples = Examples::find(&granted.documents, &policy, client_id);
    Some((examples.publish.0?, examples.subscribe.0?))
}

impl Example {
    /// The command that mints such a token.
    pub(super) fn token_command(&self, issuer: Option<&str>, config: &Path) -> String {
        let mut command = format!("cargo local token --sub {}", quoted(&self.sub));
        for (name, value) in &self.claims {
            let claim = match value {
                Value::String(text) => format!("{name}={text}"),
                value => format!("{name}:={value}"),
            };
            command.push_str(&format!(" --claim {}", quoted(&claim)));
        }
        if let Some(issuer) = issuer {
            command.push_str(&format!(" --issuer {}", quoted(issuer)));
        }
        if config != Path::new("authorizer.toml") {
            command.push_str(&format!(" --config {}", quoted_path(config)));
        }
        command
    }

    /// Whether all texts can stand inside quotes of JavaScript and Python.
    fn is_quotable(&self) -> bool {
        [&self.client_id, &self.topic, &self.filter].into_iter().all(|text| is_quotable(text))
    }
}

fn is_quotable(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "/#+-_.:@=".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_special_characters_are_not_quotable() {
        assert!(is_quotable("acme/users/ana@example.com/#"));
        for text in ["a'b", "a\"b", "a b", "$(a)", "`a`", "a\\b", "a\nb", "a;b", "a|b", "ä"] {
            assert!(!is_quotable(text), "{text}");
        }
    }
}
