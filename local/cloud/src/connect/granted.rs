//! What a principal would be granted, before it connects.

use std::sync::Arc;

use iot_local_policy::{CertificateContext, ClientCertificate, NamedDocument};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Attached, document, effective, thing_context, variables};
use crate::registry::{Principal, Registry};

/// Returns the policies that count for a principal with a client id, and the values of variables. The status of a
/// certificate has no influence: TestAuthorization is asked before it is ACTIVE, too.
///
/// # Errors
/// A policy or the certificate is unreadable.
pub(crate) fn granted(
    registry: &Registry,
    principal: &Principal,
    client_id: Option<&str>,
) -> Result<(Vec<NamedDocument>, ClientCertificate), String> {
    let thing = Attached::find(registry, principal, client_id);
    let policies = effective::policies(registry, principal, thing.group_policies_of);
    let policies = policies.iter().map(|policy| document(policy)).collect::<Result<_, _>>()?;
    let certificate = match principal {
        Principal::CognitoIdentity(_) => return Ok((policies, ClientCertificate::Absent)),
        Principal::Certificate(id) => registry.certificate(id),
    };
    let certificate = certificate.and_then(|certificate| pem::parse(&certificate.pem).ok());
    let der = certificate.ok_or("the certificate is unreadable")?;
    let (_, certificate) = X509Certificate::from_der(der.contents()).map_err(|error| error.to_string())?;
    let context = CertificateContext {
        certificate: variables::read(&certificate),
        thing: thing.variables.map(thing_context),
    };
    Ok((policies, ClientCertificate::Known(Arc::new(context))))
}
