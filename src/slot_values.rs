//! The slots of one token, filled as far as this request needs them.

use crate::claims::Claims;
use crate::denial::Denial;
use crate::slots::{Slot, Values};
use crate::template_text::{Segment, UsedSlots};

/// The values of an issuer's slots for one token.
pub struct SlotValues<'a> {
    slots: &'a [Slot],
    values: Vec<Option<Values<'a>>>,
    issuer: &'a str,
}

impl<'a> SlotValues<'a> {
    /// Slots without values yet. `issuer` is the issuer's short name.
    #[must_use]
    pub fn new(slots: &'a [Slot], issuer: &'a str) -> Self {
        Self { slots, values: vec![None; slots.len()], issuer }
    }

    /// Reads the slots in `used`, in the order of `[claims]`. A slot that is never used is never read, so its claim
    /// cannot deny anyone.
    ///
    /// # Errors
    /// As [`Slot::read`].
    pub fn fill(&mut self, used: &UsedSlots, claims: &'a Claims<'_>) -> Result<(), Denial> {
        for (index, (slot, values)) in self.slots.iter().zip(&mut self.values).enumerate() {
            if values.is_none() && used.contains(index) {
                *values = slot.read(claims)?;
            }
        }
        Ok(())
    }

    /// How many values a segment has: the items of a list slot, zero for an absent slot, else one. Segments that no
    /// slot and no configuration fills have none.
    pub(crate) fn count(&self, segment: &Segment) -> usize {
        match segment {
            Segment::Literal(_) | Segment::Issuer => 1,
            Segment::Slot(index) => self.values_of(*index).map_or(0, Values::count),
            Segment::ClientId | Segment::Partition | Segment::Region | Segment::Account => 0,
        }
    }

    /// A value of a segment; `index` selects the item of a list slot.
    pub(crate) fn value<'s>(&'s self, segment: &'s Segment, index: usize) -> Option<&'s str> {
        match segment {
            Segment::Literal(text) => Some(text),
            Segment::Issuer => Some(self.issuer),
            Segment::Slot(slot) => self.values_of(*slot).and_then(|values| values.get(index)),
            Segment::ClientId | Segment::Partition | Segment::Region | Segment::Account => None,
        }
    }

    fn values_of(&self, slot: usize) -> Option<&Values<'a>> {
        self.values.get(slot).and_then(Option::as_ref)
    }
}
