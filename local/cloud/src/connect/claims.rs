//! What the certificate of a provisioning claim may do.

use std::sync::Arc;

use iot_local_policy::{CertificateContext, NamedDocument};
use serde_json::{Value, json};
use x509_parser::prelude::X509Certificate;

use super::{CertificateRights, date, variables};
use crate::account::Account;
use crate::registry::ProvisioningClaim;

/// Returns the rights of a claim, which has no policy of the registry: to connect, and to use its template. `now` is in
/// milliseconds.
///
/// # Errors
/// Why the claim is denied, and the command that makes another one.
pub(super) fn rights(
    claim: &ProvisioningClaim,
    certificate: &X509Certificate<'_>,
    account: &Account,
    now: i64,
) -> Result<CertificateRights, (String, String)> {
    let ProvisioningClaim { certificate_id, template, expires } = claim;
    if *expires <= now {
        let end = date(expires.div_euclid(1000));
        let reason =
            format!("provisioning claim {certificate_id} of template {template} has expired at {end}");
        return Err((reason, format!("aws iot create-provisioning-claim --template-name {template}")));
    }
    Ok(CertificateRights {
        certificate_id: certificate_id.clone(),
        policies: vec![NamedDocument {
            name: format!("claim of template {template}"),
            document: document(account, template),
        }],
        context: Arc::new(CertificateContext { certificate: variables::read(certificate), thing: None }),
        exclusive_thing: None,
        warnings: Vec::new(),
    })
}

/// Returns the policy. AWS does not document its own.
fn document(account: &Account, template: &str) -> Value {
    let topics = [
        "$aws/certificates/create/*".to_owned(),
        "$aws/certificates/create-from-csr/*".to_owned(),
        format!("$aws/provisioning-templates/{template}/provision/*"),
    ];
    let below = |kind: &str| -> Vec<String> {
        topics.iter().map(|topic| account.arn(format_args!("{kind}/{topic}"))).collect()
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": account.arn("client/*") },
            { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": below("topic") },
            { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": below("topicfilter") },
        ],
    })
}
