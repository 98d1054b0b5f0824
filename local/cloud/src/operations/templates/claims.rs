//! CreateProvisioningClaim: fleet provisioning by a trusted user.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/provision-wo-cert.html#trusted-user>

use serde_json::{Value, json};

use super::super::certificates::{Keys, sign_keys};
use super::super::{Input, timestamp};
use super::{find, name};
use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::registry::{CertificateStatus, Change, ProvisioningClaim, Registry, TemplateType};

/// How long a claim is valid, in milliseconds.
const LIFETIME: i64 = 5 * 60 * 1000;

/// CreateProvisioningClaim: a key and a certificate for five minutes, with which a device uses this template. The
/// certificate is not listed. The private key is in the answer and nowhere else.
///
/// # Errors
/// 404 for an unknown template, 400 for one that is disabled or of the type JITP.
pub(crate) fn create_provisioning_claim(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    // Before the key is made, which takes longest.
    cloud.read(|registry| check(registry, name))?;
    let now = cloud.now();
    let expires = now.saturating_add(LIFETIME);
    let keys = Keys::generate()?;
    let certificate = sign_keys(cloud, &keys, CertificateStatus::Active, expires.div_euclid(1000))?;
    let claim =
        ProvisioningClaim { certificate_id: certificate.id.clone(), template: name.to_owned(), expires };
    let answer = json!({
        "certificateId": certificate.id,
        "certificatePem": certificate.pem,
        "keyPair": keys.pair(),
        "expiration": timestamp(expires),
    });
    cloud.write(|registry| {
        check(registry, name)?;
        let mut changes = registry.expired(now);
        changes.push(Change::PutProvisioningClaim(claim.into()));
        Ok((changes, answer))
    })
}

fn check(registry: &Registry, name: &str) -> Result<(), ApiError> {
    let template = find(registry, name)?;
    if template.template_type != TemplateType::FleetProvisioning {
        return Err(ApiError::invalid(format!(
            "provisioning template {name} has the type JITP; expected FLEET_PROVISIONING"
        )));
    }
    if !template.enabled {
        return Err(ApiError::invalid(format!(
            "provisioning template {name} is disabled; help: aws iot update-provisioning-template --enabled"
        )));
    }
    Ok(())
}
