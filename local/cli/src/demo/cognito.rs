//! `demo cognito`: a person with a Cognito identity, whose requests are signed with temporary credentials.

pub(super) mod http;
pub(super) mod login;
pub(super) mod signer;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use iot_local_gateway::login_provider::provider_name;
use iot_local_identity::issuer::IssuerSettings;
use iot_local_identity::oidc::PAGE;
use iot_local_policy::Action;
use serde_json::json;

use self::http::{Answer, Http, Sent};
use self::login::{IdentityPool, Login, Tokens};
use self::signer::Signer;
use super::DemoError;
use super::client::{Client, ClientOutcome};
use super::output::Expected;
use super::reasons::Reason;
use super::session::Session;
use crate::control::{Call, Control, ControlError};
use crate::local_settings::DEFAULT_POOL_UUID;

/// The role of the people, and the AWS IoT policy of each identity. Each allows a topic that the other does not.
const ROLE: &str = include_str!("cognito_role.json");
const POLICY: &str = include_str!("cognito_policy.json");
/// The Region of the gateway and of the policies.
const REGION: &str = "us-east-1";
const OTHER_REGION: &str = "eu-west-1";

/// The configuration of `attach`.
const PROVISION: &str = "[cognito]\npolicy = \"app\"\n";

/// The files that the gateway reads: the role of the identity pool, and the configuration of `attach`.
pub(super) const FILES: [(&str, &str); 2] = [("roles/app.json", ROLE), ("provision.toml", PROVISION)];

/// The path of Lambda's Invoke for `attach`.
const INVOKE_ATTACH: &str = "/2015-03-31/functions/attach/invocations";
/// Longer than AWS IoT takes an address.
const TOO_LONG: Duration = Duration::from_secs(360);

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) port: u16,
    /// An issuer of the identity pool.
    pub(super) issuer: &'a IssuerSettings,
    pub(super) control: Control,
    pub(super) now: SystemTime,
    pub(super) session: Session<'a>,
}

/// A person, as the app knows her. Not `Debug`: it holds a secret.
struct Person {
    identity: String,
    signer: Signer,
}

impl Script<'_> {
    /// Runs all sections. The output counts the results. Without credentials or after a failed call, which it has, the
    /// rest is left out.
    ///
    /// # Errors
    /// The gateway cannot be reached, or an answer of the login is unusable.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        let http = Http::new(self.port);
        let Some(ana) = self.log_in(&http).await? else { return Ok(()) };
        if self.create_policy().await.is_err() {
            return Ok(());
        }
        self.without_policy(&http, &ana).await?;
        if !self.attach(&http, &ana).await? {
            return Ok(());
        }
        self.both_allow(&ana).await?;
        self.https(&http, &ana).await?;
        self.shadow(&http, &ana).await?;
        self.denied_signatures(&ana).await
    }

    async fn log_in(&mut self, http: &Http) -> Result<Option<Person>, DemoError> {
        self.session.output.section("ana logs in, and the identity pool gives her credentials for an hour");
        let IssuerSettings { id, issuer: iss, .. } = self.issuer;
        let redirect = format!("http://{}/", http.host());
        let login = Login { http, issuer: id, client: PAGE, redirect };
        let Tokens { id_token, access_token } = login.tokens("ana", &json!({ "tenant": "acme" })).await?;
        self.session.output.call("Log in", "ana", Ok("code with PKCE, and an ID token for it"));
        let pool_id = format!("{REGION}:{DEFAULT_POOL_UUID}");
        let pool = IdentityPool { http, id: &pool_id, provider: provider_name(iss) };

        let denied = pool.get_id(&access_token).await?;
        self.api_denial("GetId", "with an access token", &denied, "NotAuthorizedException");
        let first = pool.get_id(&id_token).await?;
        self.api_call("GetId", "with the ID token", &first, "/IdentityId");
        let identity = first.text("/IdentityId").to_owned();
        let again = pool.get_id(&id_token).await?;
        let same = again.text("/IdentityId") == identity;
        let shown = if same { Ok("the same identity") } else { Err("another identity; expected the same") };
        self.session.output.call("GetId", "again", shown);

        let (answer, credentials) = pool.credentials(&identity, &id_token).await?;
        self.api_call("GetCredentialsForIdentity", "", &answer, "/Credentials/AccessKeyId");
        let signer = Signer { credentials, region: REGION.to_owned(), at: self.now, signs_token: false };
        Ok((answer.is_ok() && !identity.is_empty()).then_some(Person { identity, signer }))
    }

    /// The operator's part, as `deploy/cognito.yaml` does it.
    async fn create_policy(&mut self) -> Result<(), ControlError> {
        let body = json!({ "policyDocument": POLICY });
        let call = Call { body: Some(&body), ..Call::new("CreatePolicy", "POST", "/policies/app") };
        let result = self.control.call(call).await;
        let shown = match &result {
            Ok(_) => Ok("the other half of what a person may do".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        self.session.output.call("CreatePolicy", "app", shown.as_deref().map_err(String::as_str));
        result.map(|_| ())
    }

    async fn without_policy(&mut self, http: &Http, ana: &Person) -> Result<(), DemoError> {
        self.session
            .output
            .section("an identity without a policy: the WebSocket opens, and CONNECT is denied");
        let expected = Expected::DeniedBecause("aws iot attach-policy");
        self.connect("connect", "IDENTITY  (role only)", &ana.identity, &ana.signer, expected).await?;

        let body = json!({ "target": ana.identity }).to_string();
        let answer = self.signed(http, ana, "iot", "PUT", "/target-policies/app", &body).await?;
        self.api_denial("AttachPolicy", "by herself", &answer, "AccessDeniedException");
        Ok(())
    }

    /// Returns whether the policy is attached.
    async fn attach(&mut self, http: &Http, ana: &Person) -> Result<bool, DemoError> {
        self.session
            .output
            .section("the function attach takes the identity from the signature of the invocation");
        self.session.event_log.clear();
        // Another identity in the event changes nothing.
        let body = json!({ "identityId": format!("{REGION}:00000000-0000-4000-8000-000000000002") });
        let answer = self.signed(http, ana, "lambda", "POST", INVOKE_ATTACH, &body.to_string()).await?;
        let reason = self.session.event_log.function("attach", "identity", &ana.identity).await;
        let is_attached = answer.text("/status") == "accepted" && answer.text("/identityId") == ana.identity;
        let outcome = ClientOutcome { is_allowed: is_attached, ..answer.outcome() };
        self.session.output.action("invoke", "attach", Expected::Allowed, &outcome, &reason);

        let other = "/2015-03-31/functions/other/invocations";
        let answer = self.signed(http, ana, "lambda", "POST", other, "{}").await?;
        self.api_denial("Invoke", "another function", &answer, "AccessDeniedException");
        Ok(is_attached)
    }

    async fn both_allow(&mut self, ana: &Person) -> Result<(), DemoError> {
        self.session.output.section("role and policy must both allow; each denial closes the connection");
        let topic = |name: &str| format!("apps/{}/{name}", ana.identity);
        let id = &ana.identity;
        let connected = self.connect("connect", "IDENTITY", id, &ana.signer, Expected::Allowed).await?;
        let Some(mut client) = connected else { return Ok(()) };
        self.subscribe(&mut client, "notes", &topic("notes")).await;
        self.publish(&mut client, "notes", &topic("notes"), Expected::Allowed).await;
        self.receive(&mut client, "notes", &topic("notes")).await;
        let denied = Expected::DeniedAndClosed;
        self.publish(&mut client, "of-role", &topic("of-role"), denied).await;
        let second = format!("{id}-2");
        let connected =
            self.connect("connect", "IDENTITY-2", &second, &ana.signer, Expected::Allowed).await?;
        let Some(mut client) = connected else { return Ok(()) };
        self.publish(&mut client, "of-policy", &topic("of-policy"), denied).await;
        self.connect("connect", "ben", "ben", &ana.signer, denied).await?;
        Ok(())
    }

    async fn https(&mut self, http: &Http, ana: &Person) -> Result<(), DemoError> {
        self.session.output.section("ana publishes over HTTPS, without an MQTT connection");
        for (name, expected) in [("notes", Expected::Allowed), ("of-policy", Expected::DeniedAndClosed)] {
            let topic = format!("apps/{}/{name}", ana.identity);
            self.session.event_log.clear();
            let target = format!("/topics/{}?qos=1", topic.replace(':', "%3A"));
            let answer = self.signed(http, ana, "iotdata", "POST", &target, "hello").await?;
            let reason = self.session.event_log.action(Action::Publish, &format!("topic/{topic}")).await;
            let object = format!("/topics/apps/IDENTITY/{name}");
            self.session.output.action("POST", &object, expected, &answer.outcome(), &reason);
        }
        Ok(())
    }

    async fn shadow(&mut self, http: &Http, ana: &Person) -> Result<(), DemoError> {
        self.session
            .output
            .section("ana's device shadow, which custom authentication does not reach over HTTPS");
        let document = json!({ "state": { "desired": { "colour": "green" } } }).to_string();
        let allowed = Expected::Allowed;
        for (method, thing, label, action, body, expected) in [
            ("POST", &*ana.identity, "IDENTITY", Action::UpdateThingShadow, &*document, allowed),
            ("GET", &ana.identity, "IDENTITY", Action::GetThingShadow, "", allowed),
            ("GET", "lamp-1", "lamp-1", Action::GetThingShadow, "", Expected::DeniedAndClosed),
        ] {
            self.session.event_log.clear();
            let target = format!("/things/{}/shadow", thing.replace(':', "%3A"));
            let answer = self.signed(http, ana, "iotdata", method, &target, body).await?;
            let reason = self.session.event_log.action(action, &format!("thing/{thing}")).await;
            let object = format!("/things/{label}/shadow");
            self.session.output.action(method, &object, expected, &answer.outcome(), &reason);
        }
        Ok(())
    }

    async fn denied_signatures(&mut self, ana: &Person) -> Result<(), DemoError> {
        self.session.output.section("signatures that are denied with 403, before any MQTT packet");
        let good = &ana.signer;
        let earlier = good.at.checked_sub(TOO_LONG).unwrap_or(good.at);
        let given = &good.credentials;
        let token = given.session_token().map(str::to_owned);
        let forged = Credentials::new(given.access_key_id(), "another secret", token, None, "demo");
        for (label, signer) in [
            ("signed for another Region", Signer { region: OTHER_REGION.to_owned(), ..good.clone() }),
            ("signed six minutes ago", Signer { at: earlier, ..good.clone() }),
            ("the token is in the signature", Signer { signs_token: true, ..good.clone() }),
            ("signed with another secret", Signer { credentials: forged, ..good.clone() }),
        ] {
            self.session.event_log.clear();
            let address = signer.address(&format!("127.0.0.1:{}", self.port))?;
            let (_, outcome) = Client::connect_address(self.port, &ana.identity, address).await;
            let reason = self.session.event_log.denial_of(None).await;
            let expected = Expected::ClosedWith("HTTP 403 Forbidden");
            self.session.output.action("connect", label, expected, &outcome, &reason);
        }
        Ok(())
    }

    async fn connect(
        &mut self,
        verb: &str,
        label: &str,
        client_id: &str,
        signer: &Signer,
        expected: Expected,
    ) -> Result<Option<Client>, DemoError> {
        self.session.event_log.clear();
        let address = signer.address(&format!("127.0.0.1:{}", self.port))?;
        let (client, outcome) = Client::connect_address(self.port, client_id, address).await;
        self.session.show_connect(verb, label, client_id, expected, &outcome).await;
        Ok(client)
    }

    async fn publish(&mut self, client: &mut Client, name: &str, topic: &str, expected: Expected) {
        self.session.event_log.clear();
        let outcome = client.publish(topic).await;
        self.show(Action::Publish, "publish", name, &format!("topic/{topic}"), expected, &outcome).await;
    }

    async fn subscribe(&mut self, client: &mut Client, name: &str, filter: &str) {
        self.session.event_log.clear();
        let outcome = client.subscribe(filter).await;
        let resource = format!("topicfilter/{filter}");
        self.show(Action::Subscribe, "subscribe", name, &resource, Expected::Allowed, &outcome).await;
    }

    async fn receive(&mut self, client: &mut Client, name: &str, topic: &str) {
        let outcome = client.receive(topic).await;
        let resource = format!("topic/{topic}");
        self.show(Action::Receive, "receive", name, &resource, Expected::Allowed, &outcome).await;
    }

    /// Shows the outcome of an action on a topic of the identity, whose id would be too long for the column.
    async fn show(
        &mut self,
        action: Action,
        verb: &str,
        name: &str,
        resource: &str,
        expected: Expected,
        outcome: &ClientOutcome,
    ) {
        let reason = self.session.event_log.action(action, resource).await;
        let object = format!("apps/IDENTITY/{name}");
        self.session.output.action(verb, &object, expected, outcome, &reason);
    }

    /// Sends a request that the person signs.
    async fn signed(
        &self,
        http: &Http,
        person: &Person,
        service: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> Result<Answer, DemoError> {
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let unsigned = Sent { method, target, headers: &headers, body: body.as_bytes() };
        let headers = person.signer.headers(service, &http.host(), &unsigned)?;
        http.send(Sent { headers: &headers, ..unsigned }).await.map_err(DemoError::Gateway)
    }

    /// Shows a call that is expected to succeed, with a member of its response.
    fn api_call(&mut self, operation: &str, object: &str, answer: &Answer, member: &str) {
        let failure = format!("{}: {}", answer.kind, answer.message());
        let shown = if answer.is_ok() { Ok(answer.text(member)) } else { Err(failure.as_str()) };
        self.session.output.call(operation, object, shown);
    }

    /// Shows a call that is expected to be denied with this type of error.
    fn api_denial(&mut self, operation: &str, object: &str, answer: &Answer, kind: &'static str) {
        let text = answer.message().to_owned();
        let code = (!answer.kind.is_empty()).then(|| answer.kind.clone());
        let label = format!("{operation} {object}");
        let expected = Expected::DeniedBy(kind);
        self.session.output.action(
            "call",
            &label,
            expected,
            &answer.outcome(),
            &Reason { code, text, hint: None },
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The role and the policy are the same but for one topic of each, so that the demo shows the intersection alone.
    #[test]
    fn role_and_policy_differ_in_one_topic_each() {
        let topics = |document: &Value, pointer: &str| {
            let statements = document.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
            let resources =
                statements.iter().filter_map(|statement| statement.get("Resource")?.as_array().cloned());
            let texts = resources.flatten().filter_map(|resource| resource.as_str().map(str::to_owned));
            texts.filter(|text| text.contains(":topic/")).collect::<Vec<_>>()
        };
        let role = topics(&serde_json::from_str(ROLE).unwrap(), "/policy/Statement");
        let policy = topics(&serde_json::from_str(POLICY).unwrap(), "/Statement");
        let only = |of: &[String], other: &[String]| {
            let own = of.iter().filter(|topic| !other.contains(topic));
            own.map(|topic| topic.rsplit('/').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(only(&role, &policy), ["of-role"]);
        assert_eq!(only(&policy, &role), ["of-policy"]);
        for text in [ROLE, POLICY] {
            assert!(text.contains(&format!("iot:{REGION}:")) && !text.contains("AttachPolicy"), "{text}");
        }
    }
}
