//! Roles of IAM, as far as this gateway has them: who may have a role, and what it allows.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html>

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use iot_local_policy::{Access, Arn, RolePolicy, TrustPolicy, Verdict};
use serde_json::Value;

use crate::account::Account;

/// The members of the document of a role.
const MEMBERS: [&str; 2] = ["trust", "policy"];

/// The letters of an id of IAM.
const ID_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The length of the unique id of a role.
const ID_LENGTH: usize = 21;

/// An IAM role.
#[derive(Debug, Clone)]
pub struct Role {
    /// The name, such as `app`.
    pub name: String,
    policy: Arc<RolePolicy>,
    trust: TrustPolicy,
}

impl Role {
    /// Reads a role from `{ "trust": …, "policy": … }`: its trust policy and its policy, as IAM writes them.
    ///
    /// # Errors
    /// All errors of both documents.
    pub fn parse(name: &str, document: &Value, account: &Account) -> Result<Self, Vec<String>> {
        const FORM: &str = "expected {\"trust\": …, \"policy\": …}";
        let arn: Arn = account.arn("role").parse().map_err(|_| vec!["invalid account".to_owned()])?;
        let members = document.as_object().ok_or_else(|| vec![format!("not a JSON object; {FORM}")])?;
        let mut errors: Vec<String> = members
            .keys()
            .filter(|member| !MEMBERS.contains(&member.as_str()))
            .map(|member| format!("unknown member {member}; {FORM}"))
            .collect();
        let mut member = |member: &str| {
            let found = members.get(member);
            if found.is_none() {
                errors.push(format!("missing member {member}; {FORM}"));
            }
            found
        };
        let (trust, policy) = (member("trust"), member("policy"));
        let trust = trust.and_then(|trust| keep(TrustPolicy::parse(name, trust, &arn), &mut errors));
        let policy = policy.and_then(|policy| keep(RolePolicy::parse(name, policy, &arn), &mut errors));
        match (trust, policy) {
            (Some(trust), Some(policy)) if errors.is_empty() => {
                Ok(Self { name: name.to_owned(), policy: Arc::new(policy), trust })
            }
            _ => Err(errors),
        }
    }

    /// Returns the ARN, such as `arn:aws:iam::123456789012:role/app`.
    #[must_use]
    pub fn arn(&self, account: &Account) -> String {
        format!("arn:aws:iam::{}:role/{}", account.id(), self.name)
    }

    /// Returns the unique id, as AWS makes one for each role. Here it is made of the name, so that it stays the same.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
    #[must_use]
    pub fn id(&self) -> String {
        let hash = digest(&SHA256, self.name.as_bytes());
        let letter = |byte: &u8| ID_LETTERS.get(usize::from(byte & 31)).copied().map(char::from);
        "AROA".chars().chain(hash.as_ref().iter().filter_map(letter)).take(ID_LENGTH).collect()
    }

    /// Returns the policy, which decides what the role allows.
    #[must_use]
    pub fn policy(&self) -> &Arc<RolePolicy> {
        &self.policy
    }

    /// Decides an action of any service by the policy alone.
    #[must_use]
    pub fn decide(&self, access: &Access<'_>) -> Verdict {
        self.policy.decide(access)
    }

    /// Returns the trust policy, which decides who may have the role.
    #[must_use]
    pub fn trust(&self) -> &TrustPolicy {
        &self.trust
    }
}

/// Returns the value, or appends the errors.
fn keep<T>(result: Result<T, Vec<String>>, errors: &mut Vec<String>) -> Option<T> {
    result.map_err(|found| errors.extend(found)).ok()
}
