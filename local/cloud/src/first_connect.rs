//! The first connect of a device: just-in-time registration (JITR) and just-in-time provisioning (JITP).
//! <https://docs.aws.amazon.com/iot/latest/developerguide/auto-register-device-cert.html>,
//! <https://docs.aws.amazon.com/iot/latest/developerguide/jit-provisioning.html>
//!
//! ```text
//! unknown certificate ─(its CA is registered and ACTIVE, with automatic registration; server name; validity)─>
//! PENDING_ACTIVATION ─(CA without template)─> RegistrationEvent, which the gateway publishes
//!                    ─(CA with template)─> Plan ─(Cloud::write)─> thing, policies, ACTIVE
//! ```
//!
//! The connect is refused in any case: AWS IoT closes it without a CONNACK, and the device connects again.

mod event;
mod template;

use x509_parser::prelude::X509Certificate;

pub use self::event::RegistrationEvent;
use self::template::{Outcome, Progress};
use crate::cloud::Cloud;
use crate::connect::issuer::{self, Issuer};
use crate::connect::{self, Presented, Refusal, check_validity};
use crate::error::ApiError;
use crate::operations::certificates;
use crate::registry::{CaCertificate, CertificateStatus, Change, Record, Registry};

/// When the template of just-in-time provisioning runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateTime {
    /// Before the connect is refused, so that the second connect is admitted.
    AtOnce,
    /// When the caller calls [`Cloud::run_template`].
    Later,
}

/// A connect that the registry refuses.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// What the client presents.
    pub presented: Presented<'a>,
    /// Whether the server name of the handshake is one that the endpoint has.
    pub is_own_server_name: bool,
    /// When the template of just-in-time provisioning runs.
    pub template_time: TemplateTime,
}

/// What a first connect has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstConnect {
    /// What was done and what is missing, for the event log. The connect is refused.
    pub refusal: Refusal,
    /// The event of just-in-time registration.
    pub event: Option<RegistrationEvent>,
    /// Whether [`Cloud::run_template`] is still to be called.
    pub awaits_template: bool,
    /// What AWS might decide otherwise, for the event log.
    pub warnings: Vec<String>,
}

/// The CA of a certificate that waits for its registration or its activation.
struct Candidate {
    ca: Record<CaCertificate>,
    is_registered: bool,
}

impl Cloud {
    /// Registers the certificate of a first connect as PENDING_ACTIVATION, and runs the template of its CA. A
    /// certificate that is PENDING_ACTIVATION already is not registered again. `None` for any other certificate, and if
    /// no CA registers it: then nothing is done, and the refusal of [`Cloud::rights`] has the reason. May wait for the
    /// disk.
    #[must_use]
    pub fn first_connect(&self, attempt: &Attempt<'_>) -> Option<FirstConnect> {
        let Presented { certificate: der, .. } = attempt.presented;
        let (facts, certificate) = connect::read(der).ok()?;
        let candidate = self.read(|registry| candidate(registry, &facts.id, &certificate))?;
        let refused = |reason, command| FirstConnect::refused(&facts.id, reason, command);
        let state = match candidate.is_registered {
            true => format!("certificate {} is PENDING_ACTIVATION", facts.id),
            false => format!("certificate {} is not registered", facts.id),
        };
        let ca = &candidate.ca;
        if let Some((what, command)) = issuer::why_not_registering(ca) {
            return Some(refused(format!("{state}, and {what}"), Some(command)));
        }
        if let Err((what, command)) = check_server_name(attempt) {
            return Some(refused(format!("{state}; {what}"), Some(command)));
        }
        let is_valid = check_validity(facts.not_before, facts.not_after, self.now())
            .map_err(|what| format!("it {what}"))
            .and_then(|()| {
                let of_ca = check_validity(ca.not_before, ca.not_after, self.now());
                of_ca.map_err(|what| format!("CA {} that signed it {what}", ca.id))
            });
        if let Err(what) = is_valid {
            return Some(refused(format!("{state}, and {what}"), None));
        }
        let (ca, is_new) = match self.register(&candidate, &facts.id, der) {
            Ok(registered) => registered?,
            Err(error) => {
                let what = format!("{state}, and cannot be registered: {}", error.message);
                return Some(refused(what, None));
            }
        };
        Some(self.continue_with(&ca, &facts.id, is_new, attempt.template_time))
    }

    /// Registers the certificate, unless that is done. Returns its CA, and whether this call registered it. `None` if
    /// another call has changed certificate or CA meanwhile.
    fn register(
        &self,
        candidate: &Candidate,
        id: &str,
        der: &[u8],
    ) -> Result<Option<(Record<CaCertificate>, bool)>, ApiError> {
        let Candidate { ca, is_registered } = candidate;
        if *is_registered {
            return Ok(Some((ca.clone(), false)));
        }
        let certificate = certificates::presented(self, der, ca)?;
        self.write(|registry| {
            if let Some(known) = registry.certificate(id) {
                let is_pending = known.status == CertificateStatus::PendingActivation;
                return Ok((Vec::new(), is_pending.then(|| (ca.clone(), false))));
            }
            let ca = registry.ca_certificate(&ca.id).filter(|ca| registers(ca)).cloned();
            let changes = ca.iter().map(|_| Change::PutCertificate(certificate.clone().into())).collect();
            Ok((changes, ca.map(|ca| (ca, true))))
        })
    }

    /// Does what follows the registration: the event, or the template.
    fn continue_with(
        &self,
        ca: &CaCertificate,
        id: &str,
        is_new: bool,
        template_time: TemplateTime,
    ) -> FirstConnect {
        if !template::has_template(ca) {
            let event = RegistrationEvent::new(self, id, &ca.id);
            let reason = format!("{}; {} is published", waiting(id, is_new), event.topic);
            let command = format!("aws iot update-certificate --certificate-id {id} --new-status ACTIVE");
            let command = Some(format!("{command}, or a rule whose function does it"));
            return FirstConnect { event: Some(event), ..FirstConnect::refused(id, reason, command) };
        }
        if template_time == TemplateTime::Later {
            let reason = format!("{}; the template of CA {} runs later", waiting(id, is_new), ca.id);
            let command = Some("connect again".to_owned());
            return FirstConnect { awaits_template: true, ..FirstConnect::refused(id, reason, command) };
        }
        self.provision_registered(ca, id).described(id, is_new)
    }

    /// Runs the template for a certificate that a first connect has registered, if it is still PENDING_ACTIVATION and
    /// its CA still registers certificates. Returns the outcome as a sentence, for the event log.
    #[must_use]
    pub fn run_template(&self, certificate_id: &str) -> Option<FirstConnect> {
        let ca = self.read(|registry| pending(registry, certificate_id)).filter(|ca| registers(ca))?;
        Some(self.provision_registered(&ca, certificate_id).described(certificate_id, false))
    }
}

impl Outcome {
    fn described(self, id: &str, is_new: bool) -> FirstConnect {
        let Self { progress, reason, command, warnings } = self;
        let reason = match (progress, is_new) {
            (Progress::Provisioned, false) => format!("certificate {id} was PENDING_ACTIVATION; {reason}"),
            (Progress::Waiting, _) => format!("{}; {reason}", waiting(id, is_new)),
            (Progress::Provisioned | Progress::Overtaken, true) => {
                format!("certificate {id} is registered now; {reason}")
            }
            (Progress::Overtaken, false) => reason,
        };
        FirstConnect { warnings, ..FirstConnect::refused(id, reason, command) }
    }
}

impl FirstConnect {
    fn refused(id: &str, reason: String, command: Option<String>) -> Self {
        Self {
            refusal: Refusal { certificate_id: id.to_owned(), reason, command },
            event: None,
            awaits_template: false,
            warnings: Vec::new(),
        }
    }
}

fn candidate(registry: &Registry, id: &str, certificate: &X509Certificate<'_>) -> Option<Candidate> {
    if registry.certificate(id).is_some() {
        return pending(registry, id).map(|ca| Candidate { ca, is_registered: true });
    }
    match issuer::find(registry, certificate) {
        Issuer::Known(ca) if registers(&ca) => Some(Candidate { ca, is_registered: false }),
        _ => None,
    }
}

/// Returns the CA of a certificate that is PENDING_ACTIVATION. A certificate of fleet provisioning has none.
fn pending(registry: &Registry, id: &str) -> Option<Record<CaCertificate>> {
    let certificate = registry.certificate(id)?;
    let is_pending = certificate.status == CertificateStatus::PendingActivation;
    let ca = registry.ca_certificate(certificate.ca_certificate_id.as_deref()?)?;
    is_pending.then(|| ca.clone())
}

fn registers(ca: &CaCertificate) -> bool {
    issuer::why_not_registering(ca).is_none()
}

/// Both ways need the server name of the endpoint.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/jit-provisioning.html>
///
/// # Errors
/// What is wrong, and what the client can change.
fn check_server_name(attempt: &Attempt<'_>) -> Result<(), (String, String)> {
    let command = || "connect to a host name such as localhost, not to an address".to_owned();
    match attempt.presented.server_name {
        None => Err((
            "a first connect needs a server name (SNI), and the client sends none".to_owned(),
            command(),
        )),
        Some(name) if !attempt.is_own_server_name => Err((
            format!(
                "a first connect needs the server name of the endpoint, and the client sends {name:?} (SNI)"
            ),
            command(),
        )),
        Some(_) => Ok(()),
    }
}

/// Describes a certificate that is PENDING_ACTIVATION.
fn waiting(id: &str, is_new: bool) -> String {
    let registered = if is_new { "registered now, " } else { "" };
    format!("certificate {id} is {registered}PENDING_ACTIVATION")
}
