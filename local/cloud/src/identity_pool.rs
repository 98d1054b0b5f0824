//! The identity pool: which logins give which identity, and which role it has.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/identity-pools.html>
//!
//! ```text
//! ID token -> LoginProvider -> Login { sub, claims } -> identity id (derived), role (mapping, trust policy)
//!          -> Credentials::issue (enhanced flow)
//!          -> IdentityToken -> AssumeRoleWithWebIdentity -> Credentials::issue (classic flow)
//! ```
//!
//! Nothing is stored: an identity's id is derived from the pool, the issuer and the subject, so that it is the same
//! after a restart, and policies can be attached to it beforehand. Who can reach this gateway can log in as anyone, as
//! at the development issuer.

mod identity;
mod mapping;
mod token;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use serde_json::{Map, Value};

pub use self::mapping::{Comparison, MappingRule};
pub(crate) use self::token::{IdentityToken, InvalidIdentityToken, TokenKey};
use crate::credentials::CognitoIdentity;
use crate::role::Role;

/// The issuer of identity tokens, and the principal of trust policies.
pub(crate) const ISSUER: &str = "cognito-identity.amazonaws.com";

/// What verifies the ID tokens of one issuer.
pub trait LoginProvider: Send + Sync {
    /// Returns the name of the provider, which is the key in `Logins`: the issuer without its scheme.
    fn name(&self) -> &str;

    /// Verifies an ID token.
    ///
    /// # Errors
    /// Why the token is denied.
    fn verify(&self, token: &str, now: SystemTime) -> Result<Login, LoginDenial>;
}

/// A verified login. Not `Debug`: claims are personal.
#[derive(Clone)]
pub struct Login {
    /// The subject. Never empty.
    pub sub: String,
    /// The claims of the ID token.
    pub claims: Map<String, Value>,
}

/// Why a login is denied. Neither text holds a part of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginDenial {
    /// AWS's text for the client.
    pub message: String,
    /// The reason for the operator.
    pub reason: String,
}

/// An identity pool.
#[derive(Clone)]
pub struct IdentityPool {
    /// The id, such as `us-east-1:00000000-0000-4000-8000-000000000001`.
    pub id: String,
    /// The login providers.
    pub providers: Vec<Arc<dyn LoginProvider>>,
    /// All roles, by name.
    pub roles: BTreeMap<String, Arc<Role>>,
    /// The name of the role of identities that no rule maps to another.
    pub role: String,
    /// The rules, of which the first that matches decides.
    pub mapping: Vec<MappingRule>,
    /// Whether the classic flow is allowed: GetOpenIdToken and AssumeRoleWithWebIdentity.
    pub classic: bool,
    /// Whether people get an identity without a login.
    pub guests: bool,
}

impl IdentityPool {
    /// Returns the identity of a login.
    pub(crate) fn identity(&self, provider: &dyn LoginProvider, login: &Login) -> CognitoIdentity {
        CognitoIdentity {
            id: identity::of_login(&self.id, provider.name(), &login.sub),
            pool: self.id.clone(),
            is_authenticated: true,
            amr: vec!["authenticated".to_owned(), provider.name().to_owned()],
        }
    }

    /// Returns the identity of a guest, if the id is one that [`IdentityPool::new_guest`] made.
    pub(crate) fn guest(&self, id: &str) -> Option<CognitoIdentity> {
        identity::is_guest(&self.id, id).then(|| CognitoIdentity {
            id: id.to_owned(),
            pool: self.id.clone(),
            is_authenticated: false,
            amr: vec!["unauthenticated".to_owned()],
        })
    }

    /// Makes the id of a guest.
    pub(crate) fn new_guest(&self) -> String {
        identity::new_guest(&self.id)
    }

    /// Returns the role of a login, or of a guest.
    pub(crate) fn role_of(&self, login: Option<&Login>) -> Option<&Arc<Role>> {
        let rules = || self.mapping.iter();
        let mapped = login.and_then(|login| rules().find(|rule| rule.matches(&login.claims)));
        self.roles.get(mapped.map_or(&self.role, |rule| &rule.role))
    }

    pub(crate) fn provider(&self, name: &str) -> Option<&dyn LoginProvider> {
        self.providers.iter().find(|provider| provider.name() == name).map(AsRef::as_ref)
    }
}

/// The identity pool of a control plane, and the key that signs its tokens.
#[derive(Default)]
pub(crate) struct PoolState {
    pool: RwLock<Option<Arc<IdentityPool>>>,
    key: OnceLock<TokenKey>,
}

impl PoolState {
    pub(crate) fn set(&self, pool: Option<Arc<IdentityPool>>) {
        *self.pool.write().unwrap_or_else(PoisonError::into_inner) = pool;
    }

    pub(crate) fn get(&self) -> Option<Arc<IdentityPool>> {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the key that signs identity tokens. It is made when it is needed first, and never stored: tokens live
    /// ten minutes.
    pub(crate) fn key(&self) -> Option<&TokenKey> {
        if self.key.get().is_none() {
            let key = TokenKey::generate()?;
            return Some(self.key.get_or_init(|| key));
        }
        self.key.get()
    }
}
