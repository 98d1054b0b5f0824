//! Fleet provisioning: ownership tokens of certificates, and claims of trusted users. Both expire.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CertificateStatus, Change, Record, Registry};

/// The ownership token of a certificate that waits to be provisioned. The token itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnershipToken {
    /// The SHA-256 of the token, 64 hexadecimal digits.
    pub sha256: String,
    /// The certificate.
    pub certificate_id: String,
    /// The principal that received the token, and that alone can use it.
    pub principal: String,
    /// When it expires, milliseconds since 1970.
    pub expires: i64,
}

/// The claim of a trusted user: a certificate that is not listed, with which devices use one template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisioningClaim {
    /// The certificate's id.
    pub certificate_id: String,
    /// The template's name.
    pub template: String,
    /// When it expires, milliseconds since 1970.
    pub expires: i64,
}

/// What a registry holds of fleet provisioning.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FleetRecords {
    /// By their SHA-256.
    tokens: BTreeMap<String, Record<OwnershipToken>>,
    /// By certificate id.
    claims: BTreeMap<String, Record<ProvisioningClaim>>,
    // Derived from the records above.
    token_of_certificate: BTreeMap<String, String>,
    tokens_by_expiry: BTreeSet<(i64, String)>,
    claims_by_expiry: BTreeSet<(i64, String)>,
}

impl FleetRecords {
    fn put_token(&mut self, token: &Record<OwnershipToken>) {
        self.remove_token(&token.sha256);
        // A certificate has one token.
        self.remove_token_of(&token.certificate_id);
        self.token_of_certificate.insert(token.certificate_id.clone(), token.sha256.clone());
        self.tokens_by_expiry.insert((token.expires, token.sha256.clone()));
        self.tokens.insert(token.sha256.clone(), token.clone());
    }

    fn remove_token(&mut self, sha256: &str) {
        if let Some(removed) = self.tokens.remove(sha256) {
            self.token_of_certificate.remove(&removed.certificate_id);
            self.tokens_by_expiry.remove(&(removed.expires, sha256.to_owned()));
        }
    }

    /// Removes the token of a certificate, if it has one.
    pub(super) fn remove_token_of(&mut self, certificate_id: &str) {
        if let Some(sha256) = self.token_of_certificate.get(certificate_id).cloned() {
            self.remove_token(&sha256);
        }
    }

    fn put_claim(&mut self, claim: &Record<ProvisioningClaim>) {
        self.remove_claim(&claim.certificate_id);
        self.claims_by_expiry.insert((claim.expires, claim.certificate_id.clone()));
        self.claims.insert(claim.certificate_id.clone(), claim.clone());
    }

    fn remove_claim(&mut self, certificate_id: &str) {
        if let Some(removed) = self.claims.remove(certificate_id) {
            self.claims_by_expiry.remove(&(removed.expires, certificate_id.to_owned()));
        }
    }

    /// Removes the claims of a template. They live for minutes, so there are few.
    pub(super) fn remove_claims_of(&mut self, template: &str) {
        let claims = self.claims.values().filter(|claim| claim.template == template);
        let ids: Vec<_> = claims.map(|claim| claim.certificate_id.clone()).collect();
        ids.iter().for_each(|id| self.remove_claim(id));
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        let tokens = self.tokens.values().cloned().map(Change::PutOwnershipToken);
        tokens.chain(self.claims.values().cloned().map(Change::PutProvisioningClaim))
    }
}

/// Fleet provisioning.
impl Registry {
    /// Returns an ownership token by its SHA-256, expired or not.
    #[must_use]
    pub fn ownership_token(&self, sha256: &str) -> Option<&Record<OwnershipToken>> {
        self.fleet.tokens.get(sha256)
    }

    /// Returns the claim of a certificate, expired or not.
    #[must_use]
    pub fn provisioning_claim(&self, certificate_id: &str) -> Option<&Record<ProvisioningClaim>> {
        self.fleet.claims.get(certificate_id)
    }

    /// Returns the changes that remove what has expired: claims, tokens, and certificates that were never provisioned.
    /// `now` is in milliseconds since 1970.
    #[must_use]
    pub fn expired(&self, now: i64) -> Vec<Change> {
        let is_expired = move |(expires, _): &&(i64, String)| *expires <= now;
        let tokens = self.fleet.tokens_by_expiry.iter().take_while(is_expired);
        let tokens = tokens.filter_map(|(_, sha256)| self.fleet.tokens.get(sha256));
        let claims = self.fleet.claims_by_expiry.iter().take_while(is_expired);
        let claims = claims.map(|(_, id)| Change::RemoveProvisioningClaim { certificate_id: id.clone() });
        tokens.map(|token| self.expired_token(token)).chain(claims).collect()
    }

    /// A certificate that an operator has activated or revoked stays.
    fn expired_token(&self, token: &OwnershipToken) -> Change {
        let certificate = self.certificates.get(&token.certificate_id);
        let is_unused =
            certificate.is_some_and(|certificate| certificate.status == CertificateStatus::PendingActivation);
        match is_unused {
            true => Change::RemoveCertificate { id: token.certificate_id.clone() },
            false => Change::RemoveOwnershipToken { sha256: token.sha256.clone() },
        }
    }

    pub(super) fn apply_to_fleet(&mut self, change: &Change) {
        match change {
            Change::PutOwnershipToken(token) if self.certificates.contains_key(&token.certificate_id) => {
                self.fleet.put_token(token);
            }
            Change::RemoveOwnershipToken { sha256 } => self.fleet.remove_token(sha256),
            Change::PutProvisioningClaim(claim)
                if self.provisioning_templates.contains_key(&claim.template) =>
            {
                self.fleet.put_claim(claim);
            }
            Change::RemoveProvisioningClaim { certificate_id } => self.fleet.remove_claim(certificate_id),
            _ => {}
        }
    }
}
