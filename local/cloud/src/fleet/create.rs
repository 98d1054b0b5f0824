//! Certificates that wait to be provisioned, each with its ownership token.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::fill;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_local_base::hex;
use serde_json::{Map, Value, json};

use super::{Caller, Rejection};
use crate::cloud::Cloud;
use crate::error::ErrorKind;
use crate::issuer::NOT_AFTER;
use crate::operations::certificates::{Keys, sign_keys, sign_request};
use crate::registry::{Certificate, CertificateStatus, Change, OwnershipToken};

/// How long a token is valid, in milliseconds.
const TOKEN_LIFETIME: i64 = 60 * 60 * 1000;

const TOKEN_BYTES: usize = 32;

impl Cloud {
    /// Creates a key and a certificate for it, PENDING_ACTIVATION. The private key and the token are in the answer and
    /// nowhere else.
    ///
    /// # Errors
    /// The certificate of the connection is no longer valid, or the change cannot be stored.
    pub fn create_fleet_keys(&self, caller: &Caller) -> Result<Value, Rejection> {
        self.read(|registry| caller.check(registry, self.now()))?;
        let keys = Keys::generate()?;
        let certificate = sign_keys(self, &keys, CertificateStatus::PendingActivation, NOT_AFTER)?;
        let mut answer = self.register_pending(caller, certificate)?;
        if let Some(members) = answer.as_object_mut() {
            members.insert("privateKey".to_owned(), keys.private_pem().into());
        }
        Ok(answer)
    }

    /// Creates a certificate for the key of the member `certificateSigningRequest`, PENDING_ACTIVATION. The token is in
    /// the answer and nowhere else.
    ///
    /// # Errors
    /// The request is missing or invalid; or as [`Cloud::create_fleet_keys`].
    pub fn create_fleet_certificate(
        &self,
        caller: &Caller,
        payload: &Map<String, Value>,
    ) -> Result<Value, Rejection> {
        self.read(|registry| caller.check(registry, self.now()))?;
        let request = payload.get("certificateSigningRequest").and_then(Value::as_str);
        let request = request.ok_or_else(|| {
            Rejection::request("certificateSigningRequest is missing or not a text".to_owned())
        })?;
        let signed = sign_request(self, request, CertificateStatus::PendingActivation);
        let certificate = signed.map_err(|error| match error.kind {
            ErrorKind::InvalidRequest => Rejection::request(error.message),
            _ => error.into(),
        })?;
        self.register_pending(caller, certificate)
    }

    fn register_pending(&self, caller: &Caller, certificate: Certificate) -> Result<Value, Rejection> {
        let token = new_token()?;
        let now = self.now();
        let kept = OwnershipToken {
            sha256: sha256(&token),
            certificate_id: certificate.id.clone(),
            principal: caller.principal.clone(),
            expires: now.saturating_add(TOKEN_LIFETIME),
        };
        let answer = json!({
            "certificateId": certificate.id,
            "certificatePem": certificate.pem,
            "certificateOwnershipToken": token,
        });
        self.write(|registry| {
            let mut changes = registry.expired(now);
            let checked = caller.check(registry, now);
            if checked.is_ok() {
                changes.push(Change::PutCertificate(certificate.into()));
                changes.push(Change::PutOwnershipToken(kept.into()));
            }
            Ok((changes, checked.map(|()| answer)))
        })?
    }
}

fn new_token() -> Result<String, Rejection> {
    let mut bytes = [0; TOKEN_BYTES];
    fill(&mut bytes).map_err(|_| Rejection::internal("no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns what is kept of a token: its SHA-256, hexadecimal.
pub(super) fn sha256(token: &str) -> String {
    hex::encode(digest(&SHA256, token.as_bytes()).as_ref())
}
