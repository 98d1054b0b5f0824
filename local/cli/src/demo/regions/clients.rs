//! The clients of the demo: one for each way to connect.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::person::Person;
use super::setup::{DEVICE, Regions, Side};
use super::traffic::{self, Attempt, MakeAttempt, Sender, Work};
use crate::demo::client::session::Access;

/// The topic of ana's messages.
pub(super) const ANA_TOPIC: &str = "acme/users/ana/tls";
/// The topic of the client that publishes by HTTP.
const HTTP_TOPIC: &str = "acme/users/ana/http";
const HTTP_RESOURCE: &str = "topic/acme/users/ana/http";

/// The clients, each of which sends messages in a task of its own. Dropping them ends the tasks.
pub(super) struct Clients {
    /// Those that can use any Region. The first is ana.
    pub(super) moving: Vec<Mover>,
    /// The one whose signature is for the first Region.
    pub(super) signed: Option<Mover>,
    _tasks: JoinSet<()>,
}

/// A client, as the demo shows it.
pub(super) struct Mover {
    pub(super) label: &'static str,
    pub(super) client_id: String,
    /// Of a client without a connection: the resource that it publishes to.
    pub(super) resource: Option<&'static str>,
    pub(super) sender: Sender,
}

impl Clients {
    /// Starts clients that connect by the common name. One of them signs for the first Region alone.
    pub(super) fn start(regions: &Regions) -> Self {
        let mut tasks = JoinSet::new();
        let (person, host) = (regions.person(Side::First), regions.host());
        let client_id = person.identity.clone();
        let signed: MakeAttempt = Box::new(move |_| attempt(&person, &host));
        let moving = tokens_and_certificate(regions, &mut tasks);
        let sender = traffic::start(&mut tasks, regions.ports(), Work::Mqtt(signed));
        let signed = Mover { label: "app  (SigV4 for eu-west-1)", client_id, resource: None, sender };
        Self { moving, signed: Some(signed), _tasks: tasks }
    }

    /// Starts clients that can use any Region. One of them has credentials of both, and signs for the next Region after
    /// each failed connect.
    pub(super) fn start_to_measure(regions: &Regions) -> Self {
        let mut tasks = JoinSet::new();
        let (people, host) = (regions.people(), regions.host());
        let next = AtomicBool::new(false);
        let signed: MakeAttempt = Box::new(move |failures| {
            let is_second = next.fetch_xor(failures > 0, Ordering::AcqRel) ^ (failures > 0);
            let side = if is_second { Side::Second } else { Side::First };
            attempt(&people.get(side), &host)
        });
        let mut moving = tokens_and_certificate(regions, &mut tasks);
        let sender = traffic::start(&mut tasks, regions.ports(), Work::Mqtt(signed));
        let label = "app  (SigV4, tries both Regions)";
        moving.push(Mover { label, client_id: String::new(), resource: None, sender });
        Self { moving, signed: None, _tasks: tasks }
    }

    /// The numbers of connections that the clients had which can use any Region.
    pub(super) fn connections(&self) -> Vec<u32> {
        self.moving.iter().map(|client| client.sender.progress().connections).collect()
    }
}

fn attempt(person: &Person, host: &str) -> Attempt {
    Attempt {
        client_id: person.identity.clone(),
        topic: person.topic(),
        access: Access::Address(person.address(host)),
    }
}

fn tokens_and_certificate(regions: &Regions, tasks: &mut JoinSet<()>) -> Vec<Mover> {
    let web = Access::TokenOverWebSocket(regions.token());
    let mut clients: Vec<_> = [
        ("ana  (token, MQTT over TLS)", "ana", ANA_TOPIC, regions.token_access()),
        ("ana/web  (token, WebSocket)", "ana/web", "acme/users/ana/web", web),
        ("sensor-1  (its certificate)", DEVICE, "devices/sensor-1/ticks", regions.device_access()),
    ]
    .into_iter()
    .map(|(label, client_id, topic, access)| {
        let attempt = Attempt { client_id: client_id.to_owned(), topic: topic.to_owned(), access };
        let work = Work::Mqtt(Box::new(move |_| attempt.clone()));
        let sender = traffic::start(tasks, regions.ports(), work);
        Mover { label, client_id: client_id.to_owned(), resource: None, sender }
    })
    .collect();
    let sender = traffic::start(tasks, regions.ports(), Work::Http(HTTP_TOPIC, regions.token()));
    let (label, resource) = ("POST /topics/…  (token)", Some(HTTP_RESOURCE));
    clients.push(Mover { label, client_id: String::new(), resource, sender });
    clients
}
