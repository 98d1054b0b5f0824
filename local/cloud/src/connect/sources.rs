//! What the rights of a certificate or an identity are computed from, to see cheaply whether a change of the registry
//! touches them.

use super::{Attached, effective};
use crate::cloud::Cloud;
use crate::credentials::CognitoIdentity;
use crate::registry::{Certificate, Policy, Principal, Record, Registry, Thing};

/// The records that the rights of a certificate or of an identity come from. Not `Debug`: it is compared, never shown.
#[derive(Clone)]
pub struct RightsSources {
    /// Absent for an identity.
    certificate: Option<Record<Certificate>>,
    policies: Vec<Record<Policy>>,
    /// The thing of the thing variables, and that of an exclusive attachment.
    things: [Option<Record<Thing>>; 2],
}

impl RightsSources {
    /// Whether both are the same records, which are replaced and never changed. Then the rights are the same, except
    /// for the certificate's validity.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        is_same_option(self.certificate.as_ref(), other.certificate.as_ref())
            && self.policies.len() == other.policies.len()
            && self.policies.iter().zip(&other.policies).all(|(left, right)| is_same(left, right))
            && self
                .things
                .iter()
                .zip(&other.things)
                .all(|(left, right)| is_same_option(left.as_ref(), right.as_ref()))
    }

    /// Returns the records of an identity; none without one: a guest has no policies.
    pub(super) fn of_identity(
        registry: &Registry,
        identity: Option<&CognitoIdentity>,
        client_id: Option<&str>,
    ) -> Self {
        let principal = identity.map(|identity| Principal::CognitoIdentity(identity.id.clone()));
        match principal {
            Some(principal) => Self::of(registry, None, &principal, client_id),
            None => Self { certificate: None, policies: Vec::new(), things: [None, None] },
        }
    }

    fn of(
        registry: &Registry,
        certificate: Option<Record<Certificate>>,
        principal: &Principal,
        client_id: Option<&str>,
    ) -> Self {
        let attached = Attached::find(registry, principal, client_id);
        let things = [attached.variables, attached.exclusive];
        Self {
            certificate,
            policies: effective::policies(registry, Some(principal), attached.group_policies_of),
            things: things.map(|thing| registry.thing(&thing?.name).cloned()),
        }
    }
}

impl Cloud {
    /// Returns what [`Cloud::rights`] of a registered certificate are computed from. `None` if it is not registered.
    #[must_use]
    pub fn rights_sources(&self, certificate_id: &str, client_id: Option<&str>) -> Option<RightsSources> {
        self.read(|registry| {
            let certificate = registry.certificate(certificate_id)?.clone();
            let principal = Principal::Certificate(certificate_id.to_owned());
            Some(RightsSources::of(registry, Some(certificate), &principal, client_id))
        })
    }
}

fn is_same_option<T>(left: Option<&Record<T>>, right: Option<&Record<T>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => is_same(left, right),
        (None, None) => true,
        _ => false,
    }
}

/// Both hold the record, so that its address belongs to no other.
fn is_same<T>(left: &Record<T>, right: &Record<T>) -> bool {
    std::ptr::eq::<T>(&**left, &**right)
}
