//! One name for two Regions: a forwarder on loopback that gives new connections to the first healthy Region.
//!
//! It stands for a DNS record with failover. It is not DNS: there is neither a cache nor a time to live, so clients
//! reach the other Region as soon as the health check has failed. As with DNS, open connections stay where they are.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::health::Probe;
use super::process::Ports;
use crate::demo::DemoError;

/// The time between two checks of a Region.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// How many checks in a row must have another result than before.
const THRESHOLD: u32 = 2;

/// The forwarder. Dropping it closes its ports and connections.
pub(super) struct Forwarder {
    pub(super) ports: Ports,
    regions: Arc<[Backend]>,
    _tasks: JoinSet<()>,
}

/// A Region behind the name, in the order of preference.
struct Backend {
    ports: Mutex<Ports>,
    is_healthy: AtomicBool,
    changed: Notify,
}

impl Forwarder {
    /// Listens on free ports and begins with the health checks. Regions are healthy until their checks fail.
    ///
    /// # Errors
    /// The ports cannot be opened.
    pub(super) async fn start(regions: Vec<(Ports, Probe)>) -> Result<Self, DemoError> {
        let (ports, probes): (Vec<_>, Vec<_>) = regions.into_iter().unzip();
        let regions: Arc<[Backend]> = ports.into_iter().map(Backend::new).collect();
        let mut tasks = JoinSet::new();
        let ports = Ports {
            plain: listen(&regions, |ports| ports.plain, &mut tasks).await?,
            tls: listen(&regions, |ports| ports.tls, &mut tasks).await?,
            mqtts: listen(&regions, |ports| ports.mqtts, &mut tasks).await?,
        };
        for (index, probe) in probes.into_iter().enumerate() {
            let regions = Arc::clone(&regions);
            tasks.spawn(async move {
                if let Some(backend) = regions.get(index) {
                    backend.check(&probe).await;
                }
            });
        }
        Ok(Self { ports, regions, _tasks: tasks })
    }

    /// Sets the ports of a Region whose gateway has started again.
    pub(super) fn set_ports(&self, index: usize, ports: Ports) {
        if let Some(backend) = self.regions.get(index) {
            *backend.ports.lock().unwrap_or_else(PoisonError::into_inner) = ports;
        }
    }

    /// Waits until a Region is healthy, or until it is not.
    pub(super) async fn wait_for(&self, index: usize, is_healthy: bool) {
        let Some(backend) = self.regions.get(index) else { return };
        loop {
            let changed = backend.changed.notified();
            if backend.is_healthy() == is_healthy {
                return;
            }
            changed.await;
        }
    }
}

impl Backend {
    fn new(ports: Ports) -> Self {
        Self { ports: Mutex::new(ports), is_healthy: AtomicBool::new(true), changed: Notify::new() }
    }

    fn ports(&self) -> Ports {
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_healthy(&self) -> bool {
        self.is_healthy.load(Ordering::Acquire)
    }

    async fn check(&self, probe: &Probe) {
        let mut differing = 0;
        loop {
            let is_success = probe.check(self.ports().plain).await;
            differing = if is_success == self.is_healthy() { 0 } else { u32::saturating_add(differing, 1) };
            if differing >= THRESHOLD {
                differing = 0;
                self.is_healthy.store(is_success, Ordering::Release);
                self.changed.notify_waiters();
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }
}

/// Listens on a free port, whose connections go to one of the ports of a Region.
async fn listen(
    regions: &Arc<[Backend]>,
    port: fn(Ports) -> u16,
    tasks: &mut JoinSet<()>,
) -> Result<u16, DemoError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DemoError::Gateway)?;
    let own_port = listener.local_addr().map_err(DemoError::Gateway)?.port();
    let regions = Arc::clone(regions);
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            // Fails without a free file descriptor. The client tries again.
            let Ok((client, _)) = listener.accept().await else { continue };
            while connections.try_join_next().is_some() {}
            let healthy = regions.iter().find(|region| region.is_healthy());
            // Without a healthy Region the connection is closed.
            let Some(port) = healthy.map(|region| port(region.ports())) else { continue };
            connections.spawn(forward(client, port));
        }
    });
    Ok(own_port)
}

/// Copies bytes both ways until one side ends.
async fn forward(mut client: TcpStream, port: u16) {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
