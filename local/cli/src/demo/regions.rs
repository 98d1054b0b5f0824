//! `demo regions`: gateways of two Regions behind one name, of which one is killed.

mod clients;
mod forwarder;
mod health;
mod measure;
mod person;
pub(crate) mod process;
mod setup;
mod state;
mod traffic;

use std::path::PathBuf;
use std::time::Duration;

use iot_local_base::env::Env;
use iot_local_policy::Action;
use tempfile::TempDir;
use tokio::time::Instant;

use self::clients::{ANA_TOPIC, Clients, Mover};
use self::setup::{Regions, Side};
use self::traffic::Progress;
use super::DemoError;
use super::client::session::{Access, handshake};
use super::client::{Client, ClientOutcome};
use super::output::{Expected, Output};

/// The Regions, in the order in which the forwarder prefers them.
const NAMES: [&str; 2] = ["eu-west-1", "ap-northeast-1"];
/// What a client sees whose signature is for the Region that is gone.
const OTHER_REGION: &str = "403 Forbidden: Credential should be scoped to a valid region, not 'eu-west-1'.";
/// How long the clients may take to be back.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long to wait for a message that should not arrive.
const SILENCE: Duration = Duration::from_millis(400);

/// What the demo runs with.
pub(super) struct Options<'a> {
    /// A folder with the configuration for each Region.
    pub(super) folders: [TempDir; 2],
    pub(super) bootstrap: PathBuf,
    pub(super) env: &'a Env,
    /// How often a gateway is killed to measure it, instead of the demo.
    pub(super) kills: Option<u16>,
}

/// Runs all sections. The output counts the results.
///
/// # Errors
/// A gateway cannot be started, or a certificate or a token cannot be made.
pub(super) async fn run(options: Options<'_>, output: &mut Output) -> Result<(), DemoError> {
    output.note(
        "Two processes of this program are the gateways of two Regions. A forwarder on loopback stands for their\n\
         common name: it gives new connections to the first Region whose health check succeeds, an MQTT round trip.\n\
         It is not DNS: it has neither a cache nor a time to live. Each line shows what the client sees. Below it is\n\
         the reason from the event log of the Region that decided.",
    );
    let kills = options.kills;
    let Some(regions) = Regions::start(options, output).await? else { return Ok(()) };
    match kills {
        Some(kills) => measure::run(regions, kills, output).await,
        None => Script { regions, output }.run().await,
    }
}

struct Script<'a> {
    regions: Regions,
    output: &'a mut Output,
}

impl Script<'_> {
    async fn run(&mut self) -> Result<(), DemoError> {
        state::store(&self.regions, self.output).await?;
        self.output.section("clients of all kinds connect by one name, which leads to eu-west-1");
        let mut clients = Clients::start(&self.regions);
        for client in clients.moving.iter_mut().chain(&mut clients.signed) {
            self.connected("connect", client, 0, Side::First, None).await;
        }
        self.failover(&mut clients).await?;
        state::compare(&self.regions, self.output).await;
        self.other_signature().await;
        self.recovery(&clients).await
    }

    /// Shows how a client got its first message on a connection after others.
    async fn connected(
        &mut self,
        verb: &str,
        client: &mut Mover,
        connections: u32,
        side: Side,
        since: Option<Instant>,
    ) {
        let first = tokio::time::timeout(FAILOVER_TIMEOUT, client.sender.first_after(connections)).await;
        let first = first.ok().flatten();
        let response = match (first, since) {
            (Some(first), Some(since)) => {
                format!("first message after {:.1} s", first.duration_since(since).as_secs_f64())
            }
            (Some(_), None) => "first message".to_owned(),
            (None, _) => client.sender.progress().last_failure,
        };
        let outcome = ClientOutcome { is_allowed: first.is_some(), is_closed: false, response };
        let log = &mut self.regions.at(side).log;
        let reason = match client.resource {
            Some(resource) => log.action(Action::Publish, resource).await,
            None => log.connect(Some(&client.client_id)).await,
        };
        self.output.action(verb, client.label, Expected::Allowed, &outcome, &reason);
    }

    async fn failover(&mut self, clients: &mut Clients) -> Result<(), DemoError> {
        self.output.section("eu-west-1 is killed with SIGKILL while they send messages");
        let before = clients.connections();
        let killed = self.regions.kill(Side::First).await?;
        for (client, connections) in clients.moving.iter_mut().zip(before) {
            self.connected("reconnect", client, connections, Side::Second, Some(killed)).await;
        }
        // The forwarder leads to the other Region now.
        self.regions.at(Side::Second).log.clear();
        let Some(signed) = &mut clients.signed else { return Ok(()) };
        let is_denied = |progress: &Progress| progress.last_failure.starts_with("HTTP 403");
        let _ = tokio::time::timeout(FAILOVER_TIMEOUT, signed.sender.progress.wait_for(is_denied)).await;
        let reason = self.regions.at(Side::Second).log.connect(None).await;
        let address = self.regions.person(Side::First).address(&self.regions.host());
        let response = handshake(self.regions.ports().plain, &address).await.unwrap_or_default();
        let outcome = ClientOutcome { is_allowed: false, is_closed: true, response };
        self.output.action("reconnect", signed.label, Expected::ClosedWith(OTHER_REGION), &outcome, &reason);
        self.output.note(
            "    The Region is part of a signature, and neither a client nor DNS can change it. The client tries\n    \
             again for ever, with the same result.",
        );
        let progress: Vec<_> = clients.moving.iter().map(|client| client.sender.progress()).collect();
        let sum = |count: fn(&Progress) -> u64| progress.iter().map(count).sum::<u64>();
        let (acknowledged, lost) = (sum(|progress| progress.acknowledged), sum(|progress| progress.lost));
        let repeated = sum(|progress| progress.repeated);
        let text = format!(
            "{acknowledged} acknowledged, {lost} of them lost; {repeated} without acknowledgement and sent again"
        );
        self.output.observation("messages", "of the clients that moved", Ok(&text));
        Ok(())
    }

    async fn other_signature(&mut self) {
        self.output.section("the app uses the identity pool of the Region that is left, and signs for it");
        let (gone, left) = (self.regions.person(Side::First), self.regions.person(Side::Second));
        let shown = if gone.identity == left.identity {
            Err("the same as in eu-west-1")
        } else {
            Ok("another one than in eu-west-1, to which the policy is attached separately")
        };
        self.output.observation("identity", "of the same person", shown);
        self.regions.at(Side::Second).log.clear();
        let access = Access::Address(left.address(&self.regions.host()));
        let (_client, outcome) = Client::resume(self.regions.ports().plain, &left.identity, &access).await;
        let reason = self.regions.at(Side::Second).log.connect(Some(&left.identity)).await;
        let label = "app  (SigV4 for ap-northeast-1)";
        self.output.action("connect", label, Expected::Allowed, &outcome, &reason);
    }

    /// The first Region is back: new connections go there, open ones stay.
    async fn recovery(&mut self, clients: &Clients) -> Result<(), DemoError> {
        self.output.section("eu-west-1 is back; a client id can be connected in both Regions at once");
        self.regions.restart(Side::First).await?;
        let listening = setup::listening(self.regions.at(Side::First));
        self.output.observation("start", "eu-west-1", Ok(&listening));
        let Some(ana) = clients.moving.first() else { return Ok(()) };
        let before = ana.sender.progress();
        let topic = ANA_TOPIC;
        let access = self.regions.token_access();
        let (third, outcome) = Client::resume(self.regions.ports().tls, "ana", &access).await;
        let reason = self.regions.at(Side::First).log.connect(Some("ana")).await;
        self.output.action("connect", "ana  (a third client)", Expected::Allowed, &outcome, &reason);
        let Some(mut third) = third else { return Ok(()) };
        let hears_itself = third.subscribe(topic).await.is_allowed && third.publish(topic).await.is_allowed;
        let hears_itself = hears_itself && third.receive(topic).await.is_allowed;
        let hears_other = third.receives_within(topic, SILENCE).await;
        let after = ana.sender.progress();
        let is_open = after.connections == before.connections && after.acknowledged > before.acknowledged;
        let shown = if is_open {
            Ok("still connected, and sends messages: no takeover between Regions")
        } else {
            Err("disconnected; expected to stay connected")
        };
        self.output.observation("ana", "in ap-northeast-1", shown);
        let shown = if hears_itself && !hears_other {
            Ok("receives its own messages, and none of the other `ana`")
        } else {
            Err("receives other messages than its own")
        };
        self.output.observation("ana", "in eu-west-1", shown);
        Ok(())
    }
}
