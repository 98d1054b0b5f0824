//! The value of every variable of a policy template, for one request.

use crate::arn::FunctionArn;
use crate::client_id::ClientId;
use crate::slot_values::SlotValues;
use crate::template_text::{Segment, TemplateText};

/// The values for the variables of a template: a token's slots, and facts of the connection.
pub struct Bindings<'a> {
    slots: SlotValues<'a>,
    client_id: Option<ClientId<'a>>,
    function: FunctionArn<'a>,
    arn_prefix: String,
}

impl<'a> Bindings<'a> {
    /// Binds the slots, the admitted client id, if the request has one, and the function's ARN.
    #[must_use]
    pub fn new(slots: SlotValues<'a>, client_id: Option<ClientId<'a>>, function: FunctionArn<'a>) -> Self {
        let (partition, region, account) = (function.partition(), function.region(), function.account());
        let arn_prefix = ["arn:", partition, ":iot:", region, ":", account, ":"].concat();
        Self { slots, client_id, function, arn_prefix }
    }

    /// The admitted client id. An HTTPS publish has none.
    #[must_use]
    pub fn client_id(&self) -> Option<&'a str> {
        self.client_id.map(ClientId::as_str)
    }

    /// What a resource without `arn:` begins with.
    pub(crate) fn arn_prefix(&self) -> &str {
        &self.arn_prefix
    }

    /// How many texts a template text becomes: one, one for each item of a list slot, or zero if a value is absent.
    pub(crate) fn count(&self, text: &TemplateText) -> usize {
        // A text has at most one list slot (`TemplateText::parse`).
        let mut most = 1;
        for segment in &text.segments {
            match self.count_of(segment) {
                0 => return 0,
                count => most = count.max(most),
            }
        }
        most
    }

    /// Appends a template text with its values; `index` selects the item of a list slot.
    pub(crate) fn write(&self, text: &TemplateText, index: usize, out: &mut String) {
        for segment in &text.segments {
            let index = if self.count_of(segment) == 1 { 0 } else { index };
            out.push_str(self.value(segment, index).unwrap_or_default());
        }
    }

    fn count_of(&self, segment: &Segment) -> usize {
        match segment {
            Segment::ClientId => usize::from(self.client_id.is_some()),
            Segment::Partition | Segment::Region | Segment::Account => 1,
            segment => self.slots.count(segment),
        }
    }

    fn value<'s>(&'s self, segment: &'s Segment, index: usize) -> Option<&'s str> {
        match segment {
            Segment::ClientId => self.client_id(),
            Segment::Partition => Some(self.function.partition()),
            Segment::Region => Some(self.function.region()),
            Segment::Account => Some(self.function.account()),
            segment => self.slots.value(segment, index),
        }
    }
}
