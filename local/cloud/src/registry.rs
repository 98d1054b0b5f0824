//! The registry as data: certificates, policies, things, and what is attached to what. No I/O, no clock.

mod change;

use serde::{Deserialize, Serialize};

pub use self::change::Change;

/// All that one account has registered in one Region. Changed only by [`Registry::apply`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Registry {}

impl Registry {
    /// Makes a change. A change that does not fit, such as one of a missing thing, does nothing.
    pub fn apply(&mut self, _change: &Change) {}
}
