//! Annotates policies for the page: which lines of the policy files a statement comes from, and which client ids a
//! token may use.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_local_base::clock;
use iot_local_base::env::Env;
use iot_local_gateway::annotation::{Annotation, Annotator};
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::explain::{Granted, TemplatePiece};
use iot_local_inspect::inquiry::{EvaluationOptions, judge_claims};
use iot_local_inspect::permission::TemplateSource;
use iot_local_policy::StatementPlace;
use iot_local_policy::json::strings;
use serde_json::Value;

/// Reads the user's configuration at each call, since it may change while the gateway runs.
pub(super) struct ConfigAnnotator {
    /// The user's configuration.
    pub(super) config: PathBuf,
    /// The environment that the function reads it with.
    pub(super) env: Env,
    /// The function's ARN, whose Region and account are those of the policy's resources.
    pub(super) function: String,
}

/// An effect, an action and a resource.
type Permission<'a> = (Option<&'a str>, &'a str, &'a str);

impl Annotator for ConfigAnnotator {
    fn issuers(&self) -> Vec<String> {
        let Ok(deployment) = Deployment::load(&self.config, &self.env) else { return Vec::new() };
        let issuers = deployment.config.authorizer.issuers.iter();
        issuers.map(|issuer| issuer.rules.issuer.to_string()).collect()
    }

    fn annotate(&self, token: &str, client_id: &str, documents: &[Value]) -> Annotation {
        // A client id that is denied would hide the ids that are allowed.
        let client_id = (!documents.is_empty()).then_some(client_id);
        let granted = claims(token).and_then(|claims| self.granted(&claims, client_id));
        let Some(granted) = granted else { return Annotation::default() };
        let sources = sources(&granted.pieces, documents, self.config.parent().unwrap_or(Path::new(".")));
        Annotation { client_ids: granted.client_ids, sources }
    }
}

impl ConfigAnnotator {
    /// What the claims grant. The authorizer has decided about the token, so its signature is not verified again.
    fn granted(&self, claims: &str, client_id: Option<&str>) -> Option<Granted> {
        let deployment = Deployment::load(&self.config, &self.env).ok()?;
        let function = self.function.as_str();
        let options = EvaluationOptions { issuer: None, client_id, function, at: clock::now() };
        judge_claims(&deployment.config.authorizer, claims, &options).ok()?.outcome.ok()
    }
}

/// The payload of a token.
fn claims(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// The lines of the templates that grant a part of each statement.
fn sources(
    pieces: &[TemplatePiece],
    documents: &[Value],
    folder: &Path,
) -> Vec<(StatementPlace, Vec<String>)> {
    let granted = |piece: &TemplatePiece, wanted: &[Permission<'_>]| {
        let mut statements = piece.documents.iter().flat_map(statements);
        statements
            .any(|statement| permissions(statement).iter().any(|permission| wanted.contains(permission)))
    };
    let mut found = Vec::new();
    for (document, content) in (1..).zip(documents) {
        for (statement, content) in (1..).zip(statements(content)) {
            let wanted = permissions(content);
            let mut lines: Vec<_> = pieces
                .iter()
                .filter(|piece| granted(piece, &wanted))
                .map(|piece| line(piece, folder))
                .collect();
            lines.dedup();
            found.push((StatementPlace { document, statement }, lines));
        }
    }
    found
}

fn line(piece: &TemplatePiece, folder: &Path) -> String {
    let TemplatePiece { template, statement, resource, .. } = piece;
    TemplateSource { template: template.clone(), statement: *statement, resource: *resource }.place(folder)
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    document.get("Statement").and_then(Value::as_array).into_iter().flatten()
}

fn permissions(statement: &Value) -> Vec<Permission<'_>> {
    let effect = statement.get("Effect").and_then(Value::as_str);
    let resources = strings(statement, "Resource");
    let actions = strings(statement, "Action").into_iter();
    actions.flat_map(|action| resources.iter().map(move |resource| (effect, action, *resource))).collect()
}

#[cfg(test)]
mod tests {
    use iot_local_identity::deployment::FUNCTION_ARN;
    use serde_json::json;

    use super::*;

    const CLAIMS: &str =
        r#"{"iss":"https://login.example.com/","aud":"iot.example.com","sub":"ana","tenant":"acme"}"#;

    fn annotator() -> ConfigAnnotator {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../authorizer.toml");
        ConfigAnnotator { config, env: Env::default(), function: FUNCTION_ARN.to_owned() }
    }

    /// A token without a valid signature.
    fn token(claims: &str) -> String {
        format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims))
    }

    fn documents(effect: &str, action: &str, resource: &str) -> Vec<Value> {
        let resource = format!("arn:aws:iot:us-east-1:123456789012:{resource}");
        vec![json!({ "Statement": [{ "Effect": effect, "Action": [action], "Resource": [resource] }] })]
    }

    #[test]
    fn a_statement_has_the_line_of_the_policy_file_that_grants_it() {
        let own = "topic/acme/users/ana/*";
        for (effect, action, resource, expected) in [
            ("Allow", "iot:Connect", "client/ana", vec!["policies/app-user.json:4"]),
            ("Allow", "iot:Publish", own, vec!["policies/app-user.json:5"]),
            ("Allow", "iot:Receive", own, vec!["policies/app-user.json:7"]),
            ("Deny", "iot:Publish", own, vec![]),
            ("Allow", "iot:Subscribe", own, vec![]),
            ("Allow", "iot:Publish", "topic/acme/users/ben/*", vec![]),
            ("Allow", "iot:Publish", "topic/acme/users/ana/x", vec![]),
        ] {
            let documents = documents(effect, action, resource);
            let annotation = annotator().annotate(&token(CLAIMS), "ana", &documents);
            let place = StatementPlace { document: 1, statement: 1 };
            assert_eq!(annotation.sources(place), expected, "{effect} {action} {resource}");
            assert_eq!(annotation.client_ids, ["ana", "ana/*"]);
        }
    }

    #[test]
    fn a_denied_client_id_still_gets_the_allowed_ones_and_denied_claims_get_none() {
        let ids = |token: &str| annotator().annotate(token, "somebody-else", &[]).client_ids;
        assert_eq!(ids(&token(CLAIMS)), ["ana", "ana/*"]);
        for denied in [
            token(&CLAIMS.replace("acme", "*")),
            token(&CLAIMS.replace("iot.example.com", "other")),
            token("[]"),
            token("oops"),
            "e30.e30".to_owned(),
            "e30.!.x".to_owned(),
            String::new(),
        ] {
            assert!(ids(&denied).is_empty(), "{denied}");
        }
    }

    #[test]
    fn issuers_are_those_of_the_file() {
        assert_eq!(annotator().issuers(), ["https://login.example.com/"]);
        let missing = ConfigAnnotator { config: "no-such-file".into(), ..annotator() };
        assert!(missing.issuers().is_empty());
        assert_eq!(missing.annotate(&token(CLAIMS), "ana", &[]), Annotation::default());
    }
}
