//! The play: who does what, and what should become of it.

use std::io;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::DemoError;
use super::client::{self, Client, Place, Seen};
use super::screen::{Expected, Screen};
use super::witness::Witness;
use crate::issuer::{Issuer, Settings, TokenRequest};
use crate::policy::Action;

/// How long tokens of the demo live.
const TTL: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);

/// Everything that an action needs.
pub(super) struct Play<'a> {
    pub(super) port: u16,
    pub(super) issuer: &'a Issuer,
    pub(super) now: SystemTime,
    pub(super) witness: Witness,
    pub(super) screen: &'a mut Screen,
}

impl Play<'_> {
    /// Plays all scenes. What goes wrong is counted by the screen.
    ///
    /// # Errors
    /// Tokens that cannot be made, or a door that is not there.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        let ana = self.token(self.issuer, "ana", json!({ "tenant": "acme", "devices": ["lamp-1"] }))?;
        self.own_topics(&ana).await;
        self.beyond(&ana).await;
        self.https(&ana).await?;
        self.bad_tokens().await?;
        self.operator(&ana).await
    }

    async fn own_topics(&mut self, ana: &str) {
        self.screen.scene("ana of tenant acme, who owns lamp-1, uses what is hers");
        let Some(mut client) = self.connect("ana", ana, Place::Password, Expected::Allowed).await else {
            return;
        };
        self.subscribe(&mut client, "acme/users/ana/#", Expected::Allowed).await;
        self.publish(&mut client, "acme/users/ana/hello", Expected::Allowed).await;
        self.receive(&mut client, "acme/users/ana/hello").await;
        self.publish(&mut client, "acme/devices/lamp-1/commands", Expected::Allowed).await;
        client.leave().await;
    }

    async fn beyond(&mut self, ana: &str) {
        self.screen.scene("ana tries what is not hers; each refusal costs her the connection, as at AWS");
        let Some(mut client) = self.connect("ana/phone", ana, Place::Query, Expected::Allowed).await else {
            return;
        };
        self.subscribe(&mut client, "acme/#", Expected::RefusedAndClosed).await;
        let Some(mut client) = self.reconnect("ana/phone", ana).await else { return };
        self.subscribe(&mut client, "#", Expected::RefusedAndClosed).await;
        let Some(mut client) = self.reconnect("ana/phone", ana).await else { return };
        self.publish(&mut client, "acme/users/ben/hello", Expected::RefusedAndClosed).await;
        let Some(mut client) = self.reconnect("ana/phone", ana).await else { return };
        self.publish(&mut client, "globex/users/ana/hello", Expected::RefusedAndClosed).await;
        self.connect("ben", ana, Place::Password, Expected::RefusedBy("client_id_not_allowed")).await;
    }

    async fn https(&mut self, ana: &str) -> Result<(), DemoError> {
        self.screen.scene("ana publishes by HTTP request, without a connection");
        self.post("acme/users/ana/hello", ana, Expected::Allowed).await?;
        self.post("acme/users/ben/hello", ana, Expected::RefusedAndClosed).await
    }

    async fn bad_tokens(&mut self) -> Result<(), DemoError> {
        self.screen.scene("tokens that should get nobody in");
        let mallory = || json!({ "tenant": "acme" });
        let forged = self.token(&self.issuer.forger()?, "mallory", mallory())?;
        self.bad_token("mallory", "forged: signed by another key", &forged, "bad_signature").await;

        let then = self.now.checked_sub(HOUR).and_then(|then| then.checked_sub(TTL)).unwrap_or(self.now);
        let late = TokenRequest { at: then, ..self.request("mallory", mallory()) };
        let expired = self.issuer.mint(&late)?;
        self.bad_token("mallory", "expired: an hour ago", &expired, "expired").await;

        let elsewhere = Settings {
            issuer: "https://login.elsewhere.example/".to_owned(),
            ..self.issuer.settings().clone()
        };
        let foreign = self.token(&Issuer::ephemeral(elsewhere)?, "mallory", mallory())?;
        self.bad_token("mallory", "foreign: from another issuer", &foreign, "unknown_issuer").await;

        let star = self.token(self.issuer, "*", mallory())?;
        self.bad_token("*", "wildcard: its subject is *", &star, "unsafe_claim_value").await;
        Ok(())
    }

    async fn operator(&mut self, ana: &str) -> Result<(), DemoError> {
        self.screen.scene("olga, an operator of tenant acme, reads all of acme and nothing else");
        let olga = self.token(self.issuer, "olga", json!({ "tenant": "acme", "role": "operator" }))?;
        let Some(mut client) = self.connect("olga", &olga, Place::Password, Expected::Allowed).await else {
            return Ok(());
        };
        self.subscribe(&mut client, "acme/#", Expected::Allowed).await;
        self.post("acme/users/ana/hello", ana, Expected::Allowed).await?;
        self.receive(&mut client, "acme/users/ana/hello").await;
        self.subscribe(&mut client, "globex/#", Expected::RefusedAndClosed).await;
        Ok(())
    }

    async fn connect(&mut self, id: &str, token: &str, place: Place, expected: Expected) -> Option<Client> {
        let label = match place {
            Place::Password => format!("{id}  (token as password)"),
            Place::Query => format!("{id}  (token in the query)"),
        };
        self.connect_as("connect", id, &label, token, place, expected).await
    }

    /// As client libraries do by themselves when the door has closed on them.
    async fn reconnect(&mut self, id: &str, token: &str) -> Option<Client> {
        self.connect_as("reconnect", id, id, token, Place::Query, Expected::Allowed).await
    }

    async fn bad_token(&mut self, id: &str, label: &str, token: &str, code: &'static str) {
        self.connect_as("connect", id, label, token, Place::Password, Expected::RefusedBy(code)).await;
    }

    async fn connect_as(
        &mut self,
        verb: &str,
        id: &str,
        label: &str,
        token: &str,
        place: Place,
        expected: Expected,
    ) -> Option<Client> {
        self.witness.begin();
        let (client, seen) = Client::connect(self.port, id, token, place).await;
        let why = self.witness.connect(id).await;
        self.screen.action(verb, label, expected, &seen, &why);
        client
    }

    async fn publish(&mut self, client: &mut Client, topic: &str, expected: Expected) {
        self.witness.begin();
        let seen = client.publish(topic).await;
        self.show(Action::Publish, "publish", topic, expected, &seen).await;
    }

    async fn subscribe(&mut self, client: &mut Client, filter: &str, expected: Expected) {
        self.witness.begin();
        let seen = client.subscribe(filter).await;
        self.show(Action::Subscribe, "subscribe", filter, expected, &seen).await;
    }

    /// A message that is already on its way: its entry may have been written by now.
    async fn receive(&mut self, client: &mut Client, topic: &str) {
        let seen = client.receive(topic).await;
        self.show(Action::Receive, "receive", topic, Expected::Allowed, &seen).await;
    }

    async fn post(&mut self, topic: &str, token: &str, expected: Expected) -> Result<(), DemoError> {
        self.witness.begin();
        let seen = client::post(self.port, topic, token).await.map_err(door)?;
        self.show(Action::Publish, "POST", &format!("/topics/{topic}"), expected, &seen).await;
        Ok(())
    }

    async fn show(&mut self, action: Action, verb: &str, object: &str, expected: Expected, seen: &Seen) {
        let kind = if action == Action::Subscribe { "topicfilter" } else { "topic" };
        let name = object.strip_prefix("/topics/").unwrap_or(object);
        let why = self.witness.action(action, &format!("{kind}/{name}")).await;
        self.screen.action(verb, object, expected, seen, &why);
    }

    fn token(&self, issuer: &Issuer, sub: &str, claims: Value) -> Result<String, DemoError> {
        Ok(issuer.mint(&self.request(sub, claims))?)
    }

    fn request(&self, sub: &str, claims: Value) -> TokenRequest {
        let claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
        TokenRequest { sub: sub.to_owned(), claims, ttl: TTL, at: self.now }
    }
}

fn door(error: io::Error) -> DemoError {
    DemoError::Door(error)
}
