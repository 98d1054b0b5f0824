//! A device's certificate at a connect, or a Cognito identity: what it may do, or why it is denied.
//!
//! ```text
//! DER -> certificate id -> registry: status, validity, server name -> Refusal
//!                       -> registry: policies, thing                -> CertificateRights
//! DER -> variables (Subject, Issuer, alternative names, serial number) ^
//! ```

mod claims;
mod effective;
pub(crate) mod identity;
pub(crate) mod issuer;
mod names;
mod sources;
mod variables;

use std::fmt;
use std::sync::Arc;

use iot_local_base::timestamp;
use iot_local_policy::{CertificateContext, NamedDocument, ThingContext};
use x509_parser::prelude::{FromDer, X509Certificate};

pub use self::identity::{SessionRefusal, SessionRights};
pub use self::sources::RightsSources;
use crate::CertificateFacts;
use crate::cloud::Cloud;
use crate::registry::{
    Certificate, CertificateMode, CertificateStatus, Policy, PolicyTarget, Principal, Record, Registry,
    Thing, ThingPrincipalType,
};

/// What a client presents.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The client's certificate, DER. The client has proved that it holds the key.
    pub certificate: &'a [u8],
    /// The further certificates of the chain, DER.
    pub chain: &'a [Vec<u8>],
    /// The server name of the TLS handshake.
    pub server_name: Option<&'a str>,
    /// The MQTT client id. Absent for HTTPS.
    pub client_id: Option<&'a str>,
}

/// What a certificate may do now.
#[derive(Debug, Clone)]
pub struct CertificateRights {
    /// The certificate id, which is the principal.
    pub certificate_id: String,
    /// The default versions of all policies that count, with their names. Without any, AWS IoT denies the connect;
    /// [`Cloud::without_policy`] has the reason.
    pub policies: Vec<NamedDocument>,
    /// The values of the certificate and thing variables.
    pub context: Arc<CertificateContext>,
    /// The thing of an exclusive attachment, which presence events name.
    pub exclusive_thing: Option<String>,
    /// What AWS might decide otherwise, for the event log.
    pub warnings: Vec<String>,
}

/// Why a certificate is denied, for the operator. The client does not receive the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The certificate id. Empty if the certificate is unreadable.
    pub certificate_id: String,
    /// Which CA, state, policy, parameter or variable is the reason.
    pub reason: String,
    /// The command that would change it, such as `aws iot update-certificate …`, or what the client can change.
    pub command: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        self.command.iter().try_for_each(|command| write!(f, "; help: {command}"))
    }
}

impl Cloud {
    /// Returns the rights of a certificate, for a connect or after a change of the registry.
    ///
    /// # Errors
    /// Why the certificate is denied.
    pub fn rights(&self, presented: &Presented<'_>) -> Result<CertificateRights, Refusal> {
        let (facts, certificate) = read(presented.certificate)?;
        let refusal = |reason: String, command: Option<String>| Refusal {
            certificate_id: facts.id.clone(),
            reason,
            command,
        };
        self.read(|registry| {
            if let Some(claim) = registry.provisioning_claim(&facts.id) {
                let rights = claims::rights(claim, &certificate, self.account(), self.now());
                return rights.map_err(|(reason, command)| refusal(reason, Some(command)));
            }
            let Some(registered) = registry.certificate(&facts.id) else {
                let signer = issuer::find(registry, &certificate);
                let (reason, command) = signer.why_unknown(&facts.id, certificate.issuer());
                return Err(refusal(reason, Some(command)));
            };
            check(registered, presented, self.now()).map_err(|(reason, command)| refusal(reason, command))?;
            let rights = granted(registry, &facts.id, &certificate, presented.client_id);
            let warnings = Vec::from_iter(warning(registered, presented));
            Ok(CertificateRights { warnings, ..rights.map_err(|reason| refusal(reason, None))? })
        })
    }

    /// Returns the policies that count for a principal: its own, and with a thing those of the thing's groups and of
    /// the groups that these are in. Each once, the principal's own first.
    #[must_use]
    pub fn effective_policies(
        &self,
        principal: Option<&Principal>,
        thing: Option<&str>,
    ) -> Vec<Record<Policy>> {
        self.read(|registry| effective::policies(registry, principal, thing))
    }

    /// Returns why a certificate without any policy is denied.
    #[must_use]
    pub fn without_policy(&self, certificate_id: &str) -> Refusal {
        let target = PolicyTarget::certificate(certificate_id).api_name(self.account());
        Refusal {
            certificate_id: certificate_id.to_owned(),
            reason: format!("certificate {certificate_id} has no policy"),
            command: Some(format!("aws iot attach-policy --policy-name NAME --target {target}")),
        }
    }
}

/// Returns what a registered certificate is granted, whatever its state: TestAuthorization has no connection.
///
/// # Errors
/// Why its rights are unknown.
pub(crate) fn granted_to(
    registry: &Registry,
    registered: &Certificate,
    client_id: Option<&str>,
) -> Result<CertificateRights, String> {
    let der = pem::parse(&registered.pem).map_err(|error| error.to_string())?;
    let (_, certificate) = X509Certificate::from_der(der.contents()).map_err(|error| error.to_string())?;
    granted(registry, &registered.id, &certificate, client_id)
}

/// Returns the policies and the variables of a certificate.
fn granted(
    registry: &Registry,
    id: &str,
    certificate: &X509Certificate<'_>,
    client_id: Option<&str>,
) -> Result<CertificateRights, String> {
    let principal = Principal::Certificate(id.to_owned());
    let thing = Attached::find(registry, &principal, client_id);
    let policies = effective::policies(registry, Some(&principal), thing.group_policies_of);
    Ok(CertificateRights {
        certificate_id: id.to_owned(),
        policies: policies.iter().map(|policy| document(policy)).collect::<Result<_, _>>()?,
        context: Arc::new(CertificateContext {
            certificate: variables::read(certificate),
            thing: thing.variables.map(thing_context),
        }),
        exclusive_thing: thing.exclusive.map(|thing| thing.name.clone()),
        warnings: Vec::new(),
    })
}

/// Reads a certificate.
///
/// # Errors
/// It is unreadable.
pub(crate) fn read(der: &[u8]) -> Result<(CertificateFacts, X509Certificate<'_>), Refusal> {
    let unreadable = |reason| Refusal { certificate_id: String::new(), reason, command: None };
    let facts = CertificateFacts::read(der).map_err(|error| unreadable(error.to_string()))?;
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| unreadable(format!("not a certificate: {error}")))?;
    Ok((facts, certificate))
}

/// Checks what AWS IoT checks before any policy. `now` is in milliseconds.
fn check(
    certificate: &Certificate,
    presented: &Presented<'_>,
    now: i64,
) -> Result<(), (String, Option<String>)> {
    let Certificate { id, status, not_before, not_after, mode, .. } = certificate;
    match status {
        CertificateStatus::Active => {}
        CertificateStatus::Revoked | CertificateStatus::PendingTransfer => {
            return Err((format!("certificate {id} is {status}"), Some(another_certificate())));
        }
        CertificateStatus::Inactive
        | CertificateStatus::RegisterInactive
        | CertificateStatus::PendingActivation => {
            let command = format!("aws iot update-certificate --certificate-id {id} --new-status ACTIVE");
            return Err((format!("certificate {id} is {status}"), Some(command)));
        }
    }
    let validity = check_validity(*not_before, *not_after, now);
    validity.map_err(|what| (format!("certificate {id} {what}"), Some(another_certificate())))?;
    if *mode == CertificateMode::SniOnly && presented.server_name.is_none() {
        return Err((
            format!("certificate {id} has the mode SNI_ONLY, and the client sends no server name"),
            Some("connect to a host name such as localhost, not to an address".to_owned()),
        ));
    }
    Ok(())
}

/// Checks that `now`, in milliseconds, is within a validity, in seconds.
///
/// # Errors
/// The predicate of a sentence about the certificate.
pub(crate) fn check_validity(not_before: i64, not_after: i64, now: i64) -> Result<(), String> {
    let now = now.div_euclid(1000);
    if now < not_before {
        return Err(format!("is not valid before {}", date(not_before)));
    }
    if now > not_after {
        return Err(format!("has expired at {}", date(not_after)));
    }
    Ok(())
}

/// AWS's pages contradict each other about a DEFAULT certificate without a server name.
fn warning(certificate: &Certificate, presented: &Presented<'_>) -> Option<String> {
    (certificate.mode == CertificateMode::Default && presented.server_name.is_none()).then(|| {
        "the client sends no server name; AWS IoT requires one for most features; \
         help: connect to a host name, not to an address"
            .to_owned()
    })
}

fn another_certificate() -> String {
    "aws iot create-keys-and-certificate --set-as-active".to_owned()
}

fn date(seconds: i64) -> String {
    u64::try_from(seconds).map_or_else(|_| seconds.to_string(), timestamp::date)
}

/// The policy was checked when it was created. If it is unreadable anyhow, one of its statements might deny.
pub(crate) fn document(policy: &Policy) -> Result<NamedDocument, String> {
    let document = policy.default_document().unwrap_or_default();
    match serde_json::from_str(document) {
        Ok(document) => Ok(NamedDocument { name: policy.name.clone(), document }),
        Err(error) => Err(format!("policy {} is unreadable: {error}", policy.name)),
    }
}

/// The things that a certificate is attached to, as far as they matter.
struct Attached<'a> {
    /// The thing of the thing variables.
    variables: Option<&'a Thing>,
    /// The thing whose groups' policies count.
    group_policies_of: Option<&'a str>,
    /// The thing of an exclusive attachment.
    exclusive: Option<&'a Thing>,
}

impl<'a> Attached<'a> {
    /// Without an exclusive attachment, the thing's name must be the client id. HTTPS has no thing variables.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html>
    fn find(registry: &'a Registry, principal: &Principal, client_id: Option<&str>) -> Self {
        let mut things = registry.things_of(principal);
        let exclusive = things.find(|(_, kind)| *kind == ThingPrincipalType::Exclusive);
        let exclusive = exclusive.map(|(thing, _)| &**thing);
        let named = client_id
            .and_then(|client_id| registry.thing(client_id))
            .filter(|thing| registry.thing_principal(&thing.name, principal).is_some())
            .map(|thing| &**thing);
        let variables = client_id.and(exclusive.or(named));
        Self { variables, group_policies_of: named.map(|thing| thing.name.as_str()), exclusive }
    }
}

fn thing_context(thing: &Thing) -> ThingContext {
    ThingContext {
        name: thing.name.clone(),
        type_name: thing.type_name.clone(),
        attributes: thing.attributes.clone(),
    }
}
