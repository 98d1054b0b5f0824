//! The authorizer that the gateway has without the registry, and what of both is in force.

use crate::registry::{Authorizer, DefaultAuthorizer, Record, Registry};

/// An authorizer that is not in the registry: the gateway makes it at each start. One of the same name in the registry
/// replaces it.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltInAuthorizer {
    /// The authorizer.
    pub authorizer: Record<Authorizer>,
    /// Whether it is the default as long as the default was never set.
    pub is_default: bool,
}

impl Registry {
    /// Returns all authorizers, by name: those of the registry, and the built-in one unless one has its name.
    pub fn all_authorizers(&self, built_in: Option<&BuiltInAuthorizer>) -> Vec<Record<Authorizer>> {
        let own = built_in.filter(|own| self.authorizer(&own.authorizer.name).is_none());
        let own = own.map(|own| own.authorizer.clone());
        let mut all: Vec<_> = self.authorizers().cloned().chain(own).collect();
        all.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        all
    }

    /// Returns the name of the default authorizer. There may be no authorizer of this name any more: the built-in one
    /// may have had another name when it became the default.
    #[must_use]
    pub fn default_authorizer_name<'a>(&'a self, built_in: Option<&'a BuiltInAuthorizer>) -> Option<&'a str> {
        match self.default_authorizer() {
            DefaultAuthorizer::BuiltIn => {
                built_in.filter(|own| own.is_default).map(|own| own.authorizer.name.as_str())
            }
            DefaultAuthorizer::Named(name) => Some(name),
            DefaultAuthorizer::Cleared => None,
        }
    }
}
