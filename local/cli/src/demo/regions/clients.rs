//! The clients of the demo: one for each way to connect.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::setup::{DEVICE, Regions, Side};
use super::traffic::{self, MakeAccess, Sender, Work};
use crate::demo::client::session::Access;

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
    pub(super) client_id: &'static str,
    /// Of a client without a connection: the resource that it publishes to.
    pub(super) resource: Option<&'static str>,
    pub(super) topic: &'static str,
    pub(super) sender: Sender,
}

impl Clients {
    /// Starts clients that connect by the common name. One of them signs for the first Region alone.
    pub(super) fn start(regions: &Regions) -> Self {
        let mut tasks = JoinSet::new();
        let (signer, host) = (regions.signer(Side::First), regions.host());
        let signed: MakeAccess = Box::new(move |_| Access::Address(signer.address(&host)));
        let moving = tokens_and_certificate(regions, &mut tasks);
        let signed =
            start(&mut tasks, regions, "app-1  (SigV4 for eu-west-1)", "app-1", "apps/1", Work::Mqtt(signed));
        Self { moving, signed: Some(signed), _tasks: tasks }
    }

    /// Starts clients that can use any Region. One of them signs for the next Region after each failed connect.
    pub(super) fn start_to_measure(regions: &Regions) -> Self {
        let mut tasks = JoinSet::new();
        let signers = [Side::First, Side::Second].map(|side| regions.signer(side));
        let (host, next) = (regions.host(), AtomicBool::new(false));
        let signed: MakeAccess = Box::new(move |failures| {
            let is_second = next.fetch_xor(failures > 0, Ordering::AcqRel) ^ (failures > 0);
            let [first, second] = &signers;
            Access::Address(if is_second { second } else { first }.address(&host))
        });
        let mut moving = tokens_and_certificate(regions, &mut tasks);
        let label = "app-1  (SigV4, tries both Regions)";
        moving.push(start(&mut tasks, regions, label, "app-1", "apps/1", Work::Mqtt(signed)));
        Self { moving, signed: None, _tasks: tasks }
    }

    /// The numbers of connections that the clients had which can use any Region.
    pub(super) fn connections(&self) -> Vec<u32> {
        self.moving.iter().map(|client| client.sender.progress().connections).collect()
    }
}

fn tokens_and_certificate(regions: &Regions, tasks: &mut JoinSet<()>) -> Vec<Mover> {
    let always = |access: Access| -> Work { Work::Mqtt(Box::new(move |_| access.clone())) };
    let web = Access::TokenOverWebSocket(regions.token());
    [
        ("ana  (token, MQTT over TLS)", "ana", "acme/users/ana/tls", always(regions.token_access())),
        ("ana/web  (token, WebSocket)", "ana/web", "acme/users/ana/web", always(web)),
        ("sensor-1  (its certificate)", DEVICE, "devices/sensor-1/ticks", always(regions.device_access())),
        ("POST /topics/…  (token)", "", HTTP_TOPIC, Work::Http(regions.token())),
    ]
    .into_iter()
    .map(|(label, client_id, topic, work)| start(tasks, regions, label, client_id, topic, work))
    .collect()
}

fn start(
    tasks: &mut JoinSet<()>,
    regions: &Regions,
    label: &'static str,
    client_id: &'static str,
    topic: &'static str,
    work: Work,
) -> Mover {
    let resource = matches!(work, Work::Http(_)).then_some(HTTP_RESOURCE);
    let sender = traffic::start(tasks, client_id, topic, regions.ports(), work);
    Mover { label, client_id, resource, topic, sender }
}
