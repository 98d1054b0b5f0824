//! From claims to a policy: which grants match, what their templates say for this token, and how that is packed.

mod actions;
mod filling;
mod packing;
mod template;
mod text;

pub use actions::Actions;
pub use packing::{MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS};
pub use template::{Effect, Resource, Statement, Template};
pub use text::{Part, Text, Vocabulary};

use serde_json::value::RawValue;

use crate::arn::FunctionArn;
use crate::client_id::ClientId;
use crate::condition::Condition;
use crate::denial::{Code, Denial};
use crate::slots::{Slot, Values};
use crate::verify::Claims;
use filling::Filling;

/// A `[[grant]]`: whoever meets the conditions gets the policy.
#[derive(Clone, Debug)]
pub struct GrantRule {
    /// Indices of the issuers whose tokens it is for.
    pub issuers: Vec<usize>,
    /// All of these hold.
    pub when: Vec<Condition>,
    /// Index of the template.
    pub template: usize,
}

/// The templates, and who gets which.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// In the order of the grants that first name them.
    pub templates: Vec<Template>,
    /// In the order of the configuration.
    pub grants: Vec<GrantRule>,
}

/// What one token's connection may do: every slot filled with a safe value, AWS's limits kept.
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
    /// The policy documents, compact, to be put into an answer.
    #[must_use]
    pub fn into_documents(self) -> Vec<Box<RawValue>> {
        self.documents
    }
}

impl Policies {
    /// The templates that a token of this issuer gets, each once, in the order of the grants.
    ///
    /// # Errors
    /// [`Code::NoGrant`] if it gets none.
    pub fn matching(&self, issuer: usize, claims: &Claims<'_>) -> Result<Vec<&Template>, Code> {
        let meets = |grant: &&GrantRule| {
            grant.issuers.contains(&issuer)
                && grant.when.iter().all(|condition| condition.holds(claims.all()))
        };
        let granted = self.grants.iter().filter(meets).filter_map(|grant| self.templates.get(grant.template));
        let mut templates: Vec<&Template> = Vec::new();
        for template in granted {
            if !templates.iter().any(|known| std::ptr::eq(*known, template)) {
                templates.push(template);
            }
        }
        if templates.is_empty() { Err(Code::NoGrant) } else { Ok(templates) }
    }

    /// Fills the templates and packs what they say.
    ///
    /// # Errors
    /// [`Code::NoGrant`] if nothing is left of them, [`Code::ClientIdNotAllowed`] if a Deny hangs on the client id and there is
    /// none, [`Code::PolicyTooLarge`].
    pub fn grant(templates: &[&Template], bindings: &Bindings<'_>) -> Result<Grant, Code> {
        let mut filling = Filling::default();
        for template in templates {
            template.fill(bindings, &mut filling)?;
        }
        if filling.is_empty() {
            return Err(Code::NoGrant);
        }
        Ok(Grant { documents: packing::pack(filling.statements())? })
    }
}

/// What stands for each variable of a template: one token's slots, and facts of the connection.
pub struct Bindings<'a> {
    slots: &'a [Slot],
    values: Vec<Option<Values<'a>>>,
    client_id: Option<ClientId<'a>>,
    issuer: &'a str,
    function: FunctionArn<'a>,
    arn_prefix: String,
}

impl<'a> Bindings<'a> {
    /// Nothing filled yet, and no client id.
    #[must_use]
    pub fn new(slots: &'a [Slot], issuer: &'a str, function: FunctionArn<'a>) -> Self {
        let (partition, region, account) = (function.partition(), function.region(), function.account());
        let arn_prefix = ["arn:", partition, ":iot:", region, ":", account, ":"].concat();
        Self { slots, values: vec![None; slots.len()], client_id: None, issuer, function, arn_prefix }
    }

    /// Reads the slots that `used` names, in the order of `[claims]`.
    ///
    /// # Errors
    /// As [`Slot::read`].
    pub fn fill(&mut self, used: &Used, claims: &'a Claims<'_>) -> Result<(), Denial> {
        for (index, (slot, values)) in self.slots.iter().zip(&mut self.values).enumerate() {
            if values.is_none() && used.contains(index) {
                *values = slot.read(claims)?;
            }
        }
        Ok(())
    }

    /// The client id that was admitted.
    #[must_use]
    pub fn client_id(&self) -> Option<&'a str> {
        self.client_id.map(ClientId::as_str)
    }

    /// Takes the client id that was admitted.
    pub fn set_client_id(&mut self, id: ClientId<'a>) {
        self.client_id = Some(id);
    }

    /// How many values a part has: one for most, that of a list slot's items, none where nothing stands for it.
    pub(crate) fn count(&self, part: &Part) -> usize {
        match part {
            Part::Slot(index) => self.slot(*index).map_or(0, Values::count),
            Part::ClientId => usize::from(self.client_id.is_some()),
            _ => 1,
        }
    }

    /// The value of a part; `at` tells those of a list slot apart.
    pub(crate) fn text<'s>(&'s self, part: &'s Part, at: usize) -> Option<&'s str> {
        match part {
            Part::Literal(text) => Some(text),
            Part::Slot(index) => self.slot(*index).and_then(|values| values.get(at)),
            Part::ClientId => self.client_id.map(ClientId::as_str),
            Part::Issuer => Some(self.issuer),
            Part::Partition => Some(self.function.partition()),
            Part::Region => Some(self.function.region()),
            Part::Account => Some(self.function.account()),
        }
    }

    fn slot(&self, index: usize) -> Option<&Values<'a>> {
        self.values.get(index).and_then(Option::as_ref)
    }

    /// What a resource without `arn:` begins with.
    pub(crate) fn arn_prefix(&self) -> &str {
        &self.arn_prefix
    }
}

/// Which slots something uses, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used(Vec<usize>);

impl Used {
    /// Adds the slots of a text.
    pub fn add(&mut self, text: &Text) {
        for part in &text.parts {
            if let Part::Slot(index) = part
                && !self.contains(*index)
            {
                self.0.push(*index);
            }
        }
    }

    /// Whether the slot of that index is among them.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.0.contains(&index)
    }
}
