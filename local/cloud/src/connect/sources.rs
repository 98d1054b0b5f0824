//! What the rights of a certificate are computed from, to see cheaply whether a change of the registry touches them.

use super::{Attached, effective};
use crate::cloud::Cloud;
use crate::registry::{Certificate, Policy, Principal, Record, Thing};

/// The records that the rights of a certificate come from. Not `Debug`: it is compared, never shown.
#[derive(Clone)]
pub struct RightsSources {
    certificate: Record<Certificate>,
    policies: Vec<Record<Policy>>,
    /// The thing of the thing variables, and that of an exclusive attachment.
    things: [Option<Record<Thing>>; 2],
}

impl RightsSources {
    /// Whether both are the same records, which are replaced and never changed. Then the rights are the same, except
    /// for the certificate's validity.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        is_same(&self.certificate, &other.certificate)
            && self.policies.len() == other.policies.len()
            && self.policies.iter().zip(&other.policies).all(|(left, right)| is_same(left, right))
            && self.things.iter().zip(&other.things).all(|(left, right)| match (left, right) {
                (Some(left), Some(right)) => is_same(left, right),
                (None, None) => true,
                _ => false,
            })
    }
}

impl Cloud {
    /// Returns what [`Cloud::rights`] of a registered certificate are computed from. `None` if it is not registered.
    #[must_use]
    pub fn rights_sources(&self, certificate_id: &str, client_id: Option<&str>) -> Option<RightsSources> {
        self.read(|registry| {
            let certificate = registry.certificate(certificate_id)?.clone();
            let principal = Principal::Certificate(certificate_id.to_owned());
            let attached = Attached::find(registry, &principal, client_id);
            let things = [attached.variables, attached.exclusive];
            Some(RightsSources {
                certificate,
                policies: effective::policies(registry, Some(&principal), attached.group_policies_of),
                things: things.map(|thing| registry.thing(&thing?.name).cloned()),
            })
        })
    }
}

/// Both hold the record, so that its address belongs to no other.
fn is_same<T>(left: &Record<T>, right: &Record<T>) -> bool {
    std::ptr::eq::<T>(&**left, &**right)
}
