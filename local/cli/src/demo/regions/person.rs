//! A person with an identity of a Region's identity pool.

use iot_local_base::clock;
use iot_local_gateway::login_provider::provider_name;
use iot_local_identity::issuer::IssuerSettings;
use iot_local_identity::oidc::PAGE;
use serde_json::json;

use super::process::Region;
use crate::control::{Call, Control, ControlError};
use crate::demo::DemoError;
use crate::demo::cognito::http::Http;
use crate::demo::cognito::login::{IdentityPool, Login};
use crate::demo::cognito::signer::Signer;
use crate::local_settings::DEFAULT_POOL_UUID;

/// The policy of each identity, which `deploy/cognito.yaml` has, too.
const POLICY: &str = include_str!("../../../../../provision/policies/app.json");
const POLICY_NAME: &str = "app";

/// A person, as the app knows her in one Region. Not `Debug`: it holds a secret.
#[derive(Clone)]
pub(super) struct Person {
    /// The identity id, which is the client id, too.
    pub(super) identity: String,
    signer: Signer,
}

impl Person {
    /// Logs in at the gateway of a Region, gets credentials of its identity pool, and has a policy attached to the
    /// identity there.
    ///
    /// # Errors
    /// The gateway cannot be reached, or denies something.
    pub(super) async fn log_in(region: &Region, issuer: &IssuerSettings) -> Result<Self, DemoError> {
        let http = Http::new(region.ports.plain);
        let redirect = format!("http://{}/", http.host());
        let login = Login { http: &http, issuer: &issuer.id, client: PAGE, redirect };
        let id_token = login.tokens("ana", &json!({ "tenant": "acme" })).await?.id_token;
        let pool_id = format!("{}:{DEFAULT_POOL_UUID}", region.name);
        let pool = IdentityPool { http: &http, id: &pool_id, provider: provider_name(&issuer.issuer) };
        let identity = pool.get_id(&id_token).await?.text("/IdentityId").to_owned();
        let (answer, credentials) = pool.credentials(&identity, &id_token).await?;
        if !answer.is_ok() {
            return Err(DemoError::Answer("credentials of the identity pool"));
        }
        attach(region, &identity).await.map_err(|_| DemoError::Answer("policy of the identity"))?;
        let signer =
            Signer { credentials, region: region.name.to_owned(), at: clock::now(), signs_token: false };
        Ok(Self { identity, signer })
    }

    /// Returns the address of the WebSocket, signed now. It is empty if the signer fails.
    pub(super) fn address(&self, host: &str) -> String {
        Signer { at: clock::now(), ..self.signer.clone() }.address(host).unwrap_or_default()
    }

    /// Returns a topic that the policy allows.
    pub(super) fn topic(&self) -> String {
        format!("apps/{}/ticks", self.identity)
    }
}

/// The part of the function `attach`, by the operator.
async fn attach(region: &Region, identity: &str) -> Result<(), ControlError> {
    let control = Control::new(&format!("http://127.0.0.1:{}", region.ports.plain), region.name);
    let body = json!({ "policyDocument": POLICY });
    let target = format!("/policies/{POLICY_NAME}");
    let call = Call { body: Some(&body), ..Call::new("CreatePolicy", "POST", &target) };
    match control.call(call).await {
        // The registry has it from the last start.
        Err(error) if !error.is("ResourceAlreadyExistsException") => return Err(error),
        _ => {}
    }
    let body = json!({ "target": identity });
    let target = format!("/target-policies/{POLICY_NAME}");
    let call = Call { body: Some(&body), ..Call::new("AttachPolicy", "PUT", &target) };
    control.call(call).await.map(drop)
}
