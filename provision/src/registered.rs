//! What is registered when a device asks: the facts that a plan is made from.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::certificate::PublicKey;
use crate::control::{CallError, ControlPlane};
use crate::expected::{Expected, Lookup};
use crate::names::ThingName;

/// The attribute of a thing that has the id of the certificate that it is for.
///
/// CreateThing succeeds only if the thing is new or equal, and UpdateThing only if its version has not moved. So of two
/// certificates that ask for one name at once, exactly one gets its id written: this attribute is the lock.
pub const OWNER: &str = "certificate_id";

/// How long a certificate that was made or registered, and never activated, keeps its name. AWS IoT deletes the
/// certificates of fleet provisioning after the same time.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/provision-wo-cert.html>
pub const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// The status of a certificate.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CertificateDescription.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its device may connect.
    Active,
    /// Its device may not connect: made and not yet activated, or deactivated.
    Inactive,
    /// Its device may never connect again.
    Revoked,
    /// Registered by its device's first connect.
    PendingActivation,
    /// Any other, such as one of a transfer between accounts.
    Other,
}

impl Status {
    /// The status of this name.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "ACTIVE" => Self::Active,
            "INACTIVE" => Self::Inactive,
            "REVOKED" => Self::Revoked,
            "PENDING_ACTIVATION" => Self::PendingActivation,
            _ => Self::Other,
        }
    }
}

/// A registered certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The ARN, which names it as a principal.
    pub arn: String,
    /// The status.
    pub status: Status,
    /// The id of the CA certificate that it was registered with.
    pub authority: Option<String>,
    /// The certificate.
    pub pem: String,
    /// When it was registered.
    pub created: SystemTime,
    /// Whether it has not been changed since, so that no one has ever activated or deactivated it.
    pub is_untouched: bool,
}

impl Certificate {
    /// Whether the certificate waits for its first activation.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        match self.status {
            Status::PendingActivation => true,
            Status::Inactive => self.is_untouched,
            Status::Active | Status::Revoked | Status::Other => false,
        }
    }

    /// Whether the certificate has waited for its first activation for more than [`ABANDONED_AFTER`].
    #[must_use]
    pub fn is_abandoned(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.created).unwrap_or_default();
        self.is_unfinished() && age > ABANDONED_AFTER
    }

    /// Whether the certificate is for this key.
    #[must_use]
    pub fn has_key(&self, key: &PublicKey) -> bool {
        PublicKey::of_certificate(&self.pem).as_ref() == Some(key)
    }
}

/// A registered thing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Thing {
    /// Grows with each change.
    pub version: u64,
    /// Its attributes, [`OWNER`] among them.
    pub attributes: BTreeMap<String, String>,
    /// The principals that are attached to it: ARNs of certificates, or ids of identities.
    pub principals: Vec<String>,
}

impl Thing {
    /// The id of the certificate that the thing is for, if it is written.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.attributes.get(OWNER).map(String::as_str)
    }
}

/// The facts about a name.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    /// What the list or table of expected devices says.
    pub device: Lookup,
    /// The thing of this name.
    pub thing: Option<Thing>,
    /// The certificates that the thing, the table and the request name, as far as they exist.
    pub certificates: Vec<Certificate>,
}

impl Registered {
    /// Reads the facts about a name. `known` are certificates that were read already, `named` ids of others.
    ///
    /// # Errors
    /// The first call that fails.
    pub async fn read(
        control: &impl ControlPlane,
        name: &ThingName,
        expected: &Expected,
        known: Vec<Certificate>,
        named: Option<&str>,
    ) -> Result<Self, CallError> {
        let device = expected.look_up(control, name).await?;
        let mut registered = Self { device, thing: None, certificates: known };
        if matches!(registered.device, Lookup::Unknown) {
            return Ok(registered);
        }
        registered.thing = control.thing(name.as_str()).await?;
        let recorded = registered.device.record().and_then(|record| record.certificate.clone());
        let owner = registered.thing.as_ref().and_then(Thing::owner).map(str::to_owned);
        registered
            .read_certificates(control, named.map(str::to_owned).into_iter().chain(recorded).chain(owner))
            .await?;
        if let Some(thing) = &mut registered.thing {
            // After the owner's certificate: one that is ACTIVE was attached before, so this list has it.
            thing.principals = control.principals(name.as_str()).await?;
            let ids = thing
                .principals
                .iter()
                .filter_map(|arn| arn.rsplit_once(":cert/"))
                .map(|(_, id)| id.to_owned());
            let ids: Vec<_> = ids.collect();
            registered.read_certificates(control, ids).await?;
        }
        Ok(registered)
    }

    /// Reads the certificates with these ids that were not read yet.
    async fn read_certificates(
        &mut self,
        control: &impl ControlPlane,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<(), CallError> {
        for id in ids {
            if self.certificate(&id).is_none() {
                self.certificates.extend(control.certificate(&id).await?);
            }
        }
        Ok(())
    }

    /// The certificate with this id, if it exists.
    #[must_use]
    pub fn certificate(&self, id: &str) -> Option<&Certificate> {
        self.certificates.iter().find(|certificate| certificate.id == id)
    }

    /// The certificate with this ARN, if it exists.
    #[must_use]
    pub fn principal(&self, arn: &str) -> Option<&Certificate> {
        self.certificates.iter().find(|certificate| certificate.arn == arn)
    }
}
