//! The revocation list as a document that tools edit, and what `check` says about it. The function's own reader decides
//! whether a list is valid.

mod check;
pub mod edit;

pub use check::findings;

use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::revocation::{ListOrigin, Revocation, RevocationList};

/// What the function would know about revoked tokens if it read the list now. A list elsewhere than in a file counts as
/// none, since nothing here opens a socket.
pub(crate) fn present(config: &Config) -> Revocation {
    let Some(source) = &config.revocation else { return Revocation::Off };
    let ListOrigin::File { path, .. } = &source.origin else { return Revocation::Off };
    let list = std::fs::read(path).ok().and_then(|text| RevocationList::parse(&text).ok());
    list.map_or(Revocation::Stale(source.when_stale), |list| Revocation::List(list.into()))
}
