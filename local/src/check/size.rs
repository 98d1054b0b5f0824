//! The size proof: the largest answer that any token of an issuer can buy.
//!
//! AWS IoT takes ten documents of 2,048 characters
//! (<https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>), and the function refuses what does not fit. Whether that can
//! happen follows from the configuration alone.
//!
//! # Why the bound holds
//!
//! What statements there are depends on which grants match, which optional slots are there, and whether there is a client id: a *case*. In
//! each case the templates are filled with values as long as the slots let them be, lists with as many items, in the longest Region
//! and partition, and then packed as the function packs.
//!
//! Let a *position* be a document and the characters in it, the earlier document first. The function writes resource after resource; each
//! goes into the open document or, if it does not fit, begins the next. If a writer stands at no later position than another, and is given a resource that is
//! no longer, or none, it stands at no later position afterwards: if both stay or both turn the page that is plain; if only the other turns, it is a
//! document ahead; if only the first turns, the other was a document ahead before, and stands behind a whole resource of the same
//! frame or a longer one. So by induction no token of the case ends at a later position than the filled templates do.
//!
//! That needs the same statements in the same order. Merging moves and joins statements, and two resources may be alike by their values
//! alone. Where two statements of a case could be joined by some values and not by others, nothing of the order is assumed, and the
//! bound is made of sums: with `C` characters for statements in a document, `W` the longest frame with one resource, `F` the longest frame, and `T` all
//! statements unmerged, each but the last document holds more than `C - W`, and each but the first repeats one frame at most, so there are
//! no more than `T / (C - W - F)` documents, rounded up. Merging only ever shortens `T`: it drops a frame and keeps or drops resources.
//!
//! A claim may be a list and so meet two conditions at once. Two grants exclude each other only where they demand different values of a claim that
//! cannot be a list: `sub`, or one that fills a slot without `list` in a policy of one of the two.

pub(super) mod cases;
mod packing;
mod widest;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::policy::{MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS};

use packing::Packed;

/// What the largest answer to a token of one issuer cannot pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// The issuer's short name.
    pub issuer: String,
    /// Documents; AWS IoT takes ten.
    pub documents: usize,
    /// Characters up to the end of the last document, each before it counted as 2,048: a closed document takes nothing more.
    pub characters: usize,
    /// The policies of that answer.
    pub policies: Vec<String>,
    /// Whether some token can come to it, but for what its claims may say together. Else it is a sum that nothing passes.
    pub is_exact: bool,
    /// The longest document that one resource alone may need, where that is more than a document takes.
    pub oversized: Option<usize>,
}

impl Size {
    /// Whether no token's answer is too large.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.documents <= MAX_DOCUMENTS && self.oversized.is_none()
    }

    /// Characters that are left.
    #[must_use]
    pub fn slack(&self) -> usize {
        MAX_DOCUMENTS.saturating_mul(MAX_DOCUMENT_CHARACTERS).saturating_sub(self.characters)
    }
}

/// The bound for each issuer that has a grant.
#[must_use]
pub fn sizes(authorizer: &Authorizer) -> Vec<Size> {
    (0..authorizer.issuers.len()).filter_map(|issuer| size(authorizer, issuer)).collect()
}

fn size(authorizer: &Authorizer, index: usize) -> Option<Size> {
    let issuer = authorizer.issuers.get(index)?;
    let mut worst: Option<Size> = None;
    let mut longest = None;
    for case in cases::cases(authorizer, index) {
        let statements = widest::statements(issuer, &case);
        if statements.is_empty() {
            continue;
        }
        let certain = if case.is_fixed { packing::packed(statements.clone(), issuer) } else { None };
        let is_exact = certain.is_some();
        let Packed { documents, characters, oversized } =
            certain.unwrap_or_else(|| packing::at_most(&statements));
        longest = longest.max(oversized);
        if worst.as_ref().is_none_or(|worst| (documents, characters) > (worst.documents, worst.characters)) {
            let policies = case.templates.iter().map(|template| template.name.to_string()).collect();
            let issuer = issuer.id.to_string();
            worst = Some(Size { issuer, documents, characters, policies, is_exact, oversized: None });
        }
    }
    worst.map(|worst| Size { oversized: longest, ..worst })
}
