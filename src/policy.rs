//! From claims to a policy: which grants match, what their templates say for this token, and how that is packed.

mod actions;
mod packing;
mod substitution;
mod template;

pub use actions::Actions;
pub use packing::{MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS};
pub use template::{ConditionEntry, Effect, Resource, Statement, Template};

use serde_json::value::RawValue;

use crate::bindings::Bindings;
use crate::claims::Claims;
use crate::condition::Condition;
use crate::denial::{Code, Denial};
use substitution::Substitution;

/// A `[[grant]]`: a token that meets the conditions gets the policy.
#[derive(Clone, Debug)]
pub struct GrantRule {
    /// Indices of the issuers whose tokens the rule is for.
    pub issuers: Vec<usize>,
    /// Conditions that must all hold.
    pub when: Vec<Condition>,
    /// Index of the template.
    pub template: usize,
}

/// The templates, and the rules that say who gets which.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// In the order of the grants that first name them.
    pub templates: Vec<Template>,
    /// In the order of the configuration.
    pub grants: Vec<GrantRule>,
}

/// What the connection of one token may do: every slot filled with a safe value, within AWS's limits.
///
/// Only [`Policies::grant`] makes one:
///
/// ```compile_fail
/// let wide = iot_jwt_authorizer::policy::Grant { documents: vec![] };
/// ```
#[must_use]
pub struct Grant {
    documents: Vec<Box<RawValue>>,
}

impl Grant {
    /// The policy documents, as compact JSON.
    #[must_use]
    pub fn into_documents(self) -> Vec<Box<RawValue>> {
        self.documents
    }
}

impl Policies {
    /// The templates that a token of the issuer at index `issuer` gets, each once, in the order of the grants.
    ///
    /// # Errors
    /// [`Code::NoGrant`] if there are none.
    pub fn matching(&self, issuer: usize, claims: &Claims<'_>) -> Result<Vec<&Template>, Code> {
        let matches = |grant: &&GrantRule| {
            grant.issuers.contains(&issuer)
                && grant.when.iter().all(|condition| condition.holds(claims.all()))
        };
        let granted =
            self.grants.iter().filter(matches).filter_map(|grant| self.templates.get(grant.template));
        let mut templates: Vec<&Template> = Vec::new();
        for template in granted {
            if !templates.iter().any(|known| std::ptr::eq(*known, template)) {
                templates.push(template);
            }
        }
        if templates.is_empty() { Err(Code::NoGrant) } else { Ok(templates) }
    }

    /// Fills the templates and packs the result into documents.
    ///
    /// # Errors
    /// [`Code::NoGrant`] if no statement remains, [`Code::ClientIdNotAllowed`] if a Deny needs the client id and the
    /// request has no client id, [`Code::PolicyTooLarge`].
    pub fn grant(templates: &[&Template], bindings: &Bindings<'_>) -> Result<Grant, Denial> {
        let mut substitution = Substitution::default();
        for template in templates {
            template.fill(bindings, &mut substitution)?;
        }
        if substitution.is_empty() {
            return Err(Code::NoGrant.into());
        }
        Ok(Grant { documents: packing::pack(substitution.statements())? })
    }
}
