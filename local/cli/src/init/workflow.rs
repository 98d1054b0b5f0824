//! The workflow of a new folder: it installs `cargo local` from a release, or builds it from a commit.

use super::commit::Source;
use crate::package::release::settings::ReleaseSettings;

/// What the workflow installs, and where the functions come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The release of `release.toml`.
    Release(ReleaseSettings),
    /// A commit, which needs a compiler.
    Commit(Source),
}

const WORKFLOW: &str = include_str!("folder/workflow.yml");

/// The parts of the workflow that depend on the origin, by their places.
const OF_RELEASE: [(&str, &str); 4] = [
    ("{settings}\n", ""),
    ("{check_settings}\n", ""),
    ("{install}\n", include_str!("folder/release/install.yml")),
    ("{package}\n", include_str!("folder/release/package.yml")),
];
const OF_COMMIT: [(&str, &str); 4] = [
    ("{settings}\n", include_str!("folder/commit/settings.yml")),
    ("{check_settings}\n", include_str!("folder/commit/check_settings.yml")),
    ("{install}\n", include_str!("folder/commit/install.yml")),
    ("{package}\n", include_str!("folder/commit/package.yml")),
];

impl Origin {
    /// The text of the workflow.
    pub(super) fn workflow(&self) -> String {
        let parts = match self {
            Self::Release(_) => OF_RELEASE,
            Self::Commit(_) => OF_COMMIT,
        };
        let text = parts.iter().fold(WORKFLOW.to_owned(), |text, (place, part)| text.replace(place, part));
        match self {
            Self::Release(_) => text,
            Self::Commit(Source { repository, commit }) => {
                text.replace("{repository}", repository).replace("{commit}", commit)
            }
        }
    }

    /// The release, if there is one.
    pub(super) const fn release(&self) -> Option<&ReleaseSettings> {
        match self {
            Self::Release(settings) => Some(settings),
            Self::Commit(_) => None,
        }
    }

    /// The commit, if it is installed.
    pub(super) const fn source(&self) -> Option<&Source> {
        match self {
            Self::Release(_) => None,
            Self::Commit(source) => Some(source),
        }
    }
}
