//! Asks the authorizer about each example user, and lists the users for the page.

use std::time::Duration;

use futures_util::future::join_all;
use iot_local_base::clock;
use iot_local_identity::example_users::{Decision, ExampleUser};
use iot_local_identity::issuer::{DevelopmentIssuer, TokenRequest};
use iot_local_identity::oidc::{ProviderOptions, Realm};
use iot_local_policy::{Action, Context, Question};
use serde_json::{Value, json};

use crate::auth::custom::CustomAuthorizer;
use crate::preview::PreviewRequest;

/// The lifetime of a token, unless the configuration accepts only less. A refresh may need a long one.
const TOKEN_LIFETIME: Duration = Duration::from_secs(4 * 3600);

/// Calls the authorizer for each user as for a connect, and sets the users' decisions. Nothing is logged.
pub(crate) async fn ask(login: &mut ProviderOptions, authorizer: &CustomAuthorizer) {
    for realm in &mut login.realms {
        let issuer = &realm.issuer;
        let decisions = join_all(realm.users.iter().map(|user| decision(user, issuer, authorizer))).await;
        for (user, decision) in realm.users.iter_mut().zip(decisions) {
            user.decision = decision;
        }
    }
}

/// Returns the decision, or `None` if no token can be minted.
async fn decision(
    user: &ExampleUser,
    issuer: &DevelopmentIssuer,
    authorizer: &CustomAuthorizer,
) -> Option<Decision> {
    let ttl = issuer.settings().max_lifetime.map_or(TOKEN_LIFETIME, |max| max.min(TOKEN_LIFETIME));
    let request = TokenRequest { sub: user.sub.clone(), claims: user.claims.clone(), ttl, at: clock::now() };
    let token = issuer.mint(&request).ok()?;
    let client_id = &*user.client_id;
    let request = PreviewRequest { token: &token, client_id, names_authorizer: true, is_logged: false };
    let preview = request.call(authorizer).await;
    let context = Context { client_id: Some(client_id.to_owned()), ..Context::default() };
    let resource = format!("client/{client_id}");
    let question = Question { action: Action::Connect, resource: &resource, context: &context };
    Some(match preview.outcome {
        Ok(response) => Decision { is_allowed: response.policy.decide(&question).allowed, code: None },
        Err(_) => Decision { is_allowed: false, code: authorizer.unlogged.code(preview.connection).await },
    })
}

/// Returns the users of all issuers, for the page. `claims` are those of a token in addition to the registered ones,
/// and `sub`.
pub(crate) fn json(realms: &[Realm]) -> Value {
    let users = realms.iter().flat_map(|realm| realm.users.iter().map(|user| (&realm.issuer, user)));
    let users = users.map(|(issuer, user)| {
        let mut claims = user.claims.clone();
        claims.insert("sub".to_owned(), json!(user.sub));
        json!({
            "name": user.name,
            "grant": user.grant,
            "issuer": issuer.settings().id,
            "claims": claims,
            "client_id": user.client_id,
            "allowed": user.decision.as_ref().is_some_and(|decision| decision.is_allowed),
            "code": user.decision.as_ref().and_then(|decision| decision.code.clone()),
        })
    });
    json!({ "users": users.collect::<Vec<_>>() })
}
