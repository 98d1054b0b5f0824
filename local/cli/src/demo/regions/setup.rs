//! Two Regions that are set up alike: configuration, keys, a device and its policy.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iot_local_base::{clock, files};
use iot_local_gateway::certificate::{Authority, ClientCertificate};
use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, TokenRequest};
use iot_local_identity::workspace::{self, Workspace};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use super::forwarder::Forwarder;
use super::health::Probe;
use super::person::Person;
use super::process::{Ports, Region};
use super::{NAMES, Options};
use crate::control::{Call, Control, ControlError, percent_encoded};
use crate::demo::client::session::Access;
use crate::demo::devices::client_config;
use crate::demo::output::Output;
use crate::demo::{CONFIG, DemoError};
use crate::launch::LaunchError;
use crate::serve::ServeError;
use crate::token;

/// The policy of the device. Its ARNs have a Region, so each Region has a copy of its own.
const POLICY: &str = include_str!("../regions_policy.json");
/// The Region and account in the policy.
const POLICY_ACCOUNT: &str = "us-east-1:123456789012";
const ACCOUNT: &str = "123456789012";
/// The device, its thing and its policy.
pub(super) const DEVICE: &str = "sensor-1";
/// The lifetime of tokens.
const TTL: Duration = Duration::from_secs(1800);

/// One of two Regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that the forwarder prefers.
    First,
    Second,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

/// Both Regions, the forwarder in front of them, and what clients need to connect.
pub(super) struct Regions {
    first: Region,
    second: Region,
    forwarder: Forwarder,
    token: String,
    token_tls: Arc<ClientConfig>,
    device_tls: Arc<ClientConfig>,
    people: People,
    /// The issuer of the identity pools.
    pool_issuer: IssuerSettings,
}

/// The person, as an identity of the pool of each Region.
#[derive(Clone)]
pub(super) struct People(Arc<Mutex<[Person; 2]>>);

impl People {
    pub(super) fn get(&self, side: Side) -> Person {
        let [first, second] = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match side {
            Side::First => first.clone(),
            Side::Second => second.clone(),
        }
    }

    fn set(&self, side: Side, person: Person) {
        let [first, second] = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match side {
            Side::First => *first = person,
            Side::Second => *second = person,
        }
    }
}

impl Regions {
    /// Starts both gateways at once, registers the device in both, and starts the forwarder. Returns nothing after a
    /// failed call, which the output has.
    ///
    /// # Errors
    /// A gateway cannot be started, or a certificate or a token cannot be made.
    pub(super) async fn start(options: Options<'_>, output: &mut Output) -> Result<Option<Self>, DemoError> {
        output.section("two Regions with gateways, functions, keys and registries of their own");
        let [first, second] = options.folders;
        let prepared = workspace::prepare(&first.path().join(CONFIG), options.env);
        let workspace = prepared.map_err(|error| ServeError::from(LaunchError::from(error)))?;
        let authority = Authority::open(&workspace.root)?;
        replicate(&workspace, second.path())?;
        let [first_name, second_name] = NAMES;
        let bootstrap = options.bootstrap;
        let (first, second) = tokio::join!(
            Region::start(first_name, first, bootstrap.clone()),
            Region::start(second_name, second, bootstrap)
        );
        let (first, second) = (first?, second?);
        for region in [&first, &second] {
            output.observation("start", region.name, Ok(&listening(region)));
        }
        let identity = authority.client(DEVICE)?;
        let certificate_id = ClientCertificate::new(&identity.certificate).id;
        let (pem, _) = identity.pem();
        for region in [&first, &second] {
            if register(region, &certificate_id, &pem, output).await.is_err() {
                return Ok(None);
            }
        }
        let pool_issuer = workspace.issuers.iter().find(|issuer| issuer.has_id_tokens_for_pools());
        let pool_issuer = pool_issuer.ok_or(DemoError::NoRsaIssuer)?.settings().clone();
        let people =
            [Person::log_in(&first, &pool_issuer).await?, Person::log_in(&second, &pool_issuer).await?];
        for (region, person) in [&first, &second].into_iter().zip(&people) {
            let text = format!("identity {}", person.identity);
            output.observation("log in", &format!("ana in {}", region.name), Ok(&text));
        }
        let issuer = token::select_issuer(&workspace.issuers, None)?;
        let mut probes = Vec::new();
        for region in [&first, &second] {
            let client_id = format!("health/{}", region.name);
            let topic = format!("acme/users/health/{}", region.name);
            probes.push((region.ports, Probe { client_id, topic, token: mint(issuer, "health")? }));
        }
        let token_tls = client_config(&authority, None)?;
        let mut token_tls = Arc::unwrap_or_clone(token_tls);
        token_tls.alpn_protocols = vec![b"mqtt".to_vec()];
        let device_tls = client_config(&authority, Some((identity.certificate, identity.key.into())))?;
        Ok(Some(Self {
            first,
            second,
            forwarder: Forwarder::start(probes).await?,
            token: mint(issuer, "ana")?,
            token_tls: Arc::new(token_tls),
            device_tls,
            people: People(Arc::new(Mutex::new(people))),
            pool_issuer,
        }))
    }

    /// The Region, to act on.
    pub(super) fn at(&mut self, side: Side) -> &mut Region {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }

    /// The Region, to look at.
    pub(super) fn region(&self, side: Side) -> &Region {
        match side {
            Side::First => &self.first,
            Side::Second => &self.second,
        }
    }

    /// The ports of the common name.
    pub(super) fn ports(&self) -> Ports {
        self.forwarder.ports
    }

    /// The common name with the port without TLS, as in `Host`.
    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.ports().plain)
    }

    /// The token of ana, of tenant acme.
    pub(super) fn token(&self) -> String {
        self.token.clone()
    }

    /// How ana connects over TLS.
    pub(super) fn token_access(&self) -> Access {
        Access::TokenOverTls(self.token.clone(), Arc::clone(&self.token_tls))
    }

    /// How the device connects.
    pub(super) fn device_access(&self) -> Access {
        Access::Certificate(Arc::clone(&self.device_tls))
    }

    /// The person with an identity of a Region's pool.
    pub(super) fn person(&self, side: Side) -> Person {
        self.people.get(side)
    }

    /// The person in both Regions, also after later logins.
    pub(super) fn people(&self) -> People {
        self.people.clone()
    }

    /// Kills a gateway. Returns when.
    ///
    /// # Errors
    /// The process cannot be killed.
    pub(super) async fn kill(&mut self, side: Side) -> Result<Instant, DemoError> {
        let killed = Instant::now();
        self.at(side).kill().await?;
        Ok(killed)
    }

    /// Waits until the forwarder sees that a Region is healthy, or that it is not.
    pub(super) async fn wait_for(&self, side: Side, is_healthy: bool) {
        self.forwarder.wait_for(side.index(), is_healthy).await;
    }

    /// Starts a gateway again, and waits until the forwarder prefers it again.
    ///
    /// # Errors
    /// The gateway cannot be started.
    pub(super) async fn restart(&mut self, side: Side) -> Result<(), DemoError> {
        // Otherwise the forwarder has not seen yet that it was gone.
        self.forwarder.wait_for(side.index(), false).await;
        let region = self.at(side);
        region.restart().await?;
        let ports = region.ports;
        // Temporary credentials end with the gateway that made them.
        let person = Person::log_in(self.region(side), &self.pool_issuer).await?;
        self.people.set(side, person);
        self.forwarder.set_ports(side.index(), ports);
        self.forwarder.wait_for(side.index(), true).await;
        Ok(())
    }
}

/// Where a gateway listens.
pub(super) fn listening(region: &Region) -> String {
    let Ports { plain, tls, mqtts } = region.ports;
    let process = region.process_id().unwrap_or_default();
    format!("process {process}, ports {plain}, {tls} and {mqtts}")
}

/// Copies keys and CA to the folder of another Region, as a secret is replicated: a token must be valid in both, and a
/// client must trust both.
fn replicate(workspace: &Workspace, folder: &Path) -> Result<(), DemoError> {
    let replica = workspace::bare(&folder.join(CONFIG));
    let replica = replica.map_err(|error| ServeError::from(LaunchError::from(error)))?.root;
    let private = workspace.root.join("private");
    let copied = files::mirror(&private, &replica.join("private"), &[]);
    copied.map_err(|(path, error)| DemoError::Copy { path, error })?;
    let (from, to) = (workspace.root.join("ca.pem"), replica.join("ca.pem"));
    let content = std::fs::read(&from).map_err(|error| DemoError::Copy { path: from, error })?;
    files::replace(&to, &content).map_err(|error| DemoError::Copy { path: to, error })
}

/// Registers the certificate of the device with its policy, and creates its thing. The registry of a Region is not
/// replicated.
async fn register(
    region: &Region,
    certificate_id: &str,
    pem: &str,
    output: &mut Output,
) -> Result<(), ControlError> {
    let name = region.name;
    let control = Control::new(&format!("http://127.0.0.1:{}", region.ports.plain), name);
    let document = POLICY.replace(POLICY_ACCOUNT, &format!("{name}:{ACCOUNT}"));
    let policy = json!({ "policyDocument": document });
    let certificate = json!({ "certificatePem": pem, "status": "ACTIVE" });
    let target = json!({ "target": format!("arn:aws:iot:{name}:{ACCOUNT}:cert/{certificate_id}") });
    let thing = format!("/things/{}", percent_encoded(DEVICE));
    let policies = format!("/policies/{DEVICE}");
    let targets = format!("/target-policies/{DEVICE}");
    for (call, member) in [
        (Call { body: Some(&policy), ..Call::new("CreatePolicy", "POST", &policies) }, "policyArn"),
        (
            Call {
                body: Some(&certificate),
                ..Call::new("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca")
            },
            "certificateArn",
        ),
        (Call { body: Some(&target), ..Call::new("AttachPolicy", "PUT", &targets) }, ""),
        (Call::new("CreateThing", "POST", &thing), "thingArn"),
    ] {
        let result = control.call(call).await;
        let shown = match &result {
            Ok(response) => Ok(response.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()),
            Err(error) => Err(error.to_string()),
        };
        output.call(call.operation, DEVICE, shown.as_deref().map_err(String::as_str));
        result?;
    }
    Ok(())
}

fn mint(issuer: &DevelopmentIssuer, sub: &str) -> Result<String, DemoError> {
    let claims = [("tenant".to_owned(), json!("acme"))].into_iter().collect();
    Ok(issuer.mint(&TokenRequest { sub: sub.to_owned(), claims, ttl: TTL, at: clock::now() })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_a_policy_of_its_own() {
        assert_eq!(POLICY.matches(POLICY_ACCOUNT).count(), 6);
        for name in NAMES {
            let policy = POLICY.replace(POLICY_ACCOUNT, &format!("{name}:{ACCOUNT}"));
            let policy: Value = serde_json::from_str(&policy).unwrap();
            let other = NAMES.into_iter().find(|other| *other != name).unwrap();
            assert!(!policy.to_string().contains(other), "{policy}");
        }
        assert_eq!((Side::First.other(), Side::Second.other()), (Side::Second, Side::First));
    }
}
