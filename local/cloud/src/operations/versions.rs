//! The versions of policies and of provisioning templates: at most five, whose numbers are not used twice.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{ApiError, ErrorKind};

/// How many versions there are at most.
const MAX_VERSIONS: usize = 5;

/// Adds a version to those of an owner, such as `policy sensor`, and returns its number. `last` is the number of the
/// newest version that ever was.
///
/// # Errors
/// VersionsLimitExceeded.
pub(super) fn add<V>(
    owner: fmt::Arguments<'_>,
    versions: &mut BTreeMap<u32, V>,
    last: &mut u32,
    version: V,
) -> Result<u32, ApiError> {
    if versions.len() >= MAX_VERSIONS {
        let message =
            format!("{owner} has {MAX_VERSIONS} versions; help: delete one that is not the default");
        return Err(ApiError::new(ErrorKind::VersionsLimitExceeded, message));
    }
    *last = last.saturating_add(1);
    versions.insert(*last, version);
    Ok(*last)
}
