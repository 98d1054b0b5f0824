//! `demo jwt`: clients with tokens, their actions and the expected results.

use std::time::{Duration, SystemTime};

use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, TokenRequest};
use iot_local_policy::Action;
use serde_json::{Map, Value, json};

use super::DemoError;
use super::client::{self, Client, TokenPlace};
use super::output::Expected;
use super::session::Session;

/// The lifetime of tokens.
const TTL: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) port: u16,
    pub(super) issuer: &'a DevelopmentIssuer,
    pub(super) now: SystemTime,
    pub(super) session: Session<'a>,
}

impl Script<'_> {
    /// Runs all sections. The output counts the results.
    ///
    /// # Errors
    /// A token cannot be minted, or the gateway cannot be reached.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        let ana = self.token(self.issuer, "ana", json!({ "tenant": "acme", "devices": ["lamp-1"] }))?;
        self.own_topics(&ana).await;
        self.other_topics(&ana).await;
        self.http(&ana).await?;
        self.invalid_tokens().await?;
        self.operator(&ana).await
    }

    async fn own_topics(&mut self, ana: &str) {
        self.session.output.section("ana of tenant acme, who owns lamp-1, uses her own topics");
        let Some(mut client) = self.connect("ana", ana, TokenPlace::Password, Expected::Allowed).await else {
            return;
        };
        self.session.subscribe(&mut client, "acme/users/ana/#", Expected::Allowed).await;
        self.session.publish(&mut client, "acme/users/ana/hello", Expected::Allowed).await;
        self.session.receive(&mut client, "acme/users/ana/hello").await;
        self.session.publish(&mut client, "acme/devices/lamp-1/commands", Expected::Allowed).await;
        client.disconnect().await;
    }

    async fn other_topics(&mut self, ana: &str) {
        self.session
            .output
            .section("ana tries other topics; each denial closes the connection, as in AWS IoT");
        let Some(mut client) = self.connect("ana/phone", ana, TokenPlace::Query, Expected::Allowed).await
        else {
            return;
        };
        self.session.subscribe(&mut client, "acme/#", Expected::DeniedAndClosed).await;
        let Some(mut client) = self.reconnect("ana/phone", ana).await else { return };
        self.session.subscribe(&mut client, "#", Expected::DeniedAndClosed).await;
        let Some(mut client) = self.reconnect("ana/phone", ana).await else { return };
        self.session.publish(&mut client, "acme/users/ben/hello", Expected::DeniedAndClosed).await;
        let Some(mut client) = self.reconnect("ana/phone", ana).await else { return };
        self.session.publish(&mut client, "globex/users/ana/hello", Expected::DeniedAndClosed).await;
        self.connect("ben", ana, TokenPlace::Password, Expected::DeniedBy("client_id_not_allowed")).await;
    }

    async fn http(&mut self, ana: &str) -> Result<(), DemoError> {
        self.session.output.section("ana publishes over HTTP, without an MQTT connection");
        self.post("acme/users/ana/hello", ana, Expected::Allowed).await?;
        self.post("acme/users/ben/hello", ana, Expected::DeniedAndClosed).await
    }

    async fn invalid_tokens(&mut self) -> Result<(), DemoError> {
        self.session.output.section("tokens that must be denied");
        let claims = || json!({ "tenant": "acme" });
        let forged = self.token(&self.issuer.forger()?, "mallory", claims())?;
        self.denied_connect("mallory", "forged: signed with another key", &forged, "bad_signature").await;

        let past = self.now.checked_sub(HOUR).and_then(|time| time.checked_sub(TTL)).unwrap_or(self.now);
        let request = TokenRequest { at: past, ..self.request("mallory", claims()) };
        let expired = self.issuer.mint(&request)?;
        self.denied_connect("mallory", "expired: an hour ago", &expired, "expired").await;

        let settings = IssuerSettings {
            issuer: "https://login.elsewhere.example/".to_owned(),
            ..self.issuer.settings().clone()
        };
        let foreign = self.token(&DevelopmentIssuer::ephemeral(settings)?, "mallory", claims())?;
        self.denied_connect("mallory", "foreign: from another issuer", &foreign, "unknown_issuer").await;

        let wildcard = self.token(self.issuer, "*", claims())?;
        self.denied_connect("*", "wildcard: its subject is *", &wildcard, "unsafe_claim_value").await;
        Ok(())
    }

    async fn operator(&mut self, ana: &str) -> Result<(), DemoError> {
        self.session.output.section("olga, an operator of tenant acme, reads all of acme and nothing else");
        let olga = self.token(self.issuer, "olga", json!({ "tenant": "acme", "role": "operator" }))?;
        let Some(mut client) = self.connect("olga", &olga, TokenPlace::Password, Expected::Allowed).await
        else {
            return Ok(());
        };
        self.session.subscribe(&mut client, "acme/#", Expected::Allowed).await;
        self.post("acme/users/ana/hello", ana, Expected::Allowed).await?;
        self.session.receive(&mut client, "acme/users/ana/hello").await;
        self.session.subscribe(&mut client, "globex/#", Expected::DeniedAndClosed).await;
        Ok(())
    }

    async fn connect(
        &mut self,
        id: &str,
        token: &str,
        place: TokenPlace,
        expected: Expected,
    ) -> Option<Client> {
        let label = match place {
            TokenPlace::Password => format!("{id}  (token as password)"),
            TokenPlace::Query => format!("{id}  (token in the query)"),
        };
        self.connect_as("connect", id, &label, token, place, expected).await
    }

    /// Connects again, as client libraries do after the connection was closed.
    async fn reconnect(&mut self, id: &str, token: &str) -> Option<Client> {
        self.connect_as("reconnect", id, id, token, TokenPlace::Query, Expected::Allowed).await
    }

    async fn denied_connect(&mut self, id: &str, label: &str, token: &str, code: &'static str) {
        self.connect_as("connect", id, label, token, TokenPlace::Password, Expected::DeniedBy(code)).await;
    }

    async fn connect_as(
        &mut self,
        verb: &str,
        id: &str,
        label: &str,
        token: &str,
        place: TokenPlace,
        expected: Expected,
    ) -> Option<Client> {
        self.session.event_log.clear();
        let (client, outcome) = Client::connect(self.port, id, token, place).await;
        self.session.show_connect(verb, label, id, expected, &outcome).await;
        client
    }

    async fn post(&mut self, topic: &str, token: &str, expected: Expected) -> Result<(), DemoError> {
        self.session.event_log.clear();
        let outcome = client::post(self.port, topic, token).await.map_err(DemoError::Gateway)?;
        self.session.show(Action::Publish, "POST", &format!("/topics/{topic}"), expected, &outcome).await;
        Ok(())
    }

    fn token(&self, issuer: &DevelopmentIssuer, sub: &str, claims: Value) -> Result<String, DemoError> {
        Ok(issuer.mint(&self.request(sub, claims))?)
    }

    fn request(&self, sub: &str, claims: Value) -> TokenRequest {
        let claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
        TokenRequest { sub: sub.to_owned(), claims, ttl: TTL, at: self.now }
    }
}
