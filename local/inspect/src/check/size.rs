//! The size proof: the largest response to any token of an issuer.
//!
//! AWS IoT accepts ten documents of 2,048 characters
//! (<https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>), and the function denies a token
//! whose policy does not fit. Whether that can happen follows from the configuration alone.
//!
//! # Why the bound holds
//!
//! The statements of a response depend on which grants match, which optional slots have a value, and whether there is a
//! client id: a *case*. In each case the templates are filled with the longest values that the slots allow, lists with
//! `max_items`, in the longest Region and partition, and then packed as the function packs.
//!
//! Let a *position* be a document and the characters in it; an earlier document is an earlier position. The function
//! writes one resource after another. Each goes into the open document or, if it does not fit, begins the next one.
//! Suppose that one writer is at no later position than another, and writes a resource that is no longer, or none. Then
//! it is still at no later position: if both stay in their document or both begin a new one, that is plain. If only the
//! other begins one, the other is a document ahead. If only the first begins one, the other was a document ahead
//! before, and is behind a whole resource with the same frame or a longer one. By induction no token of the case ends
//! at a later position than the filled templates.
//!
//! This needs the same statements in the same order. Merging moves and joins statements, and two resources may be equal
//! for some values only. If two statements of a case could be merged for some values and not for others, the order is
//! unknown, and the bound is a sum: with `C` characters for statements in a document, `W` the longest frame with one
//! resource, `F` the longest frame, and `T` all statements unmerged, each document but the last holds more than `C -
//! W`, and each but the first repeats at most one frame. So there are at most `T / (C - W - F)` documents, rounded up.
//! Merging only shortens `T`: it drops a frame, and keeps or drops resources.
//!
//! A claim may be a list and so meet two conditions at once. Two grants exclude each other only if they require
//! different values of a claim that cannot be a list: `sub`, or a claim that fills a slot without `list` in a policy of
//! one of them.

pub(super) mod cases;
mod longest;
mod packing;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::policy::{MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS};

use packing::PackedSize;

/// The upper bound of the response to any token of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// The issuer's index in the configuration.
    pub issuer_index: usize,
    /// The issuer's short name.
    pub issuer: String,
    /// Documents; AWS IoT accepts ten.
    pub documents: usize,
    /// Characters up to the end of the last document. Each document before it counts as 2,048, since nothing more is
    /// added to it.
    pub characters: usize,
    /// The policies of the largest response.
    pub policies: Vec<String>,
    /// Whether a token can reach the bound, if its claims can have the values. Otherwise it is a sum that may be too
    /// high.
    pub is_exact: bool,
    /// The longest document that a single resource may need, if that is more than AWS IoT accepts.
    pub oversized: Option<usize>,
}

impl Size {
    /// Whether every response fits.
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

/// The bound of each issuer that has a grant.
#[must_use]
pub fn sizes(authorizer: &Authorizer) -> Vec<Size> {
    (0..authorizer.issuers.len()).filter_map(|issuer| size(authorizer, issuer)).collect()
}

fn size(authorizer: &Authorizer, issuer_index: usize) -> Option<Size> {
    let issuer = authorizer.issuers.get(issuer_index)?;
    let mut largest: Option<Size> = None;
    let mut max_oversized = None;
    for case in cases::cases(authorizer, issuer_index) {
        let statements = longest::statements(issuer, &case);
        if statements.is_empty() {
            continue;
        }
        let exact = if case.is_single { packing::exact(statements.clone(), issuer) } else { None };
        let is_exact = exact.is_some();
        let PackedSize { documents, characters, oversized } =
            exact.unwrap_or_else(|| packing::upper_bound(&statements));
        max_oversized = max_oversized.max(oversized);
        if largest.as_ref().is_none_or(|known| (documents, characters) > (known.documents, known.characters))
        {
            let policies = case.templates.iter().map(|template| template.name.to_string()).collect();
            let issuer = issuer.id.to_string();
            largest = Some(Size {
                issuer_index,
                issuer,
                documents,
                characters,
                policies,
                is_exact,
                oversized: None,
            });
        }
    }
    largest.map(|largest| Size { oversized: max_oversized, ..largest })
}
