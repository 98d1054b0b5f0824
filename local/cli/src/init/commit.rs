//! The repository and the commit that this program was built from, for the workflow of a new folder.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::build_info::{self, is_commit};
use crate::package::build::workspace;

/// What the workflow installs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The address of the repository; [`UNKNOWN_REPOSITORY`] if unknown.
    pub(super) repository: String,
    /// The full commit; [`UNKNOWN_COMMIT`] if unknown.
    pub(super) commit: String,
}

/// Stands for the repository. The workflow's first step fails on it.
const UNKNOWN_REPOSITORY: &str = "https://github.com/OWNER/iot-jwt-authorizer";
/// Stands for the commit. The workflow's first step fails on it.
const UNKNOWN_COMMIT: &str = "SET_THE_COMMIT";

impl Source {
    /// Whether a user has to set one of them.
    pub(super) fn is_unknown(&self) -> bool {
        self.commit == UNKNOWN_COMMIT || self.repository == UNKNOWN_REPOSITORY
    }

    /// Reads the commit from the build, or else both from the checkout.
    pub(super) fn find() -> Self {
        let built = build_info::COMMIT.map(str::to_owned);
        let commit = built.or_else(|| checkout_commit(workspace())).filter(|commit| is_commit(commit));
        let repository = git(workspace(), &["remote", "get-url", "origin"]).filter(|url| is_repository(url));
        Self {
            repository: repository.unwrap_or_else(|| UNKNOWN_REPOSITORY.to_owned()),
            commit: commit.unwrap_or_else(|| UNKNOWN_COMMIT.to_owned()),
        }
    }
}

/// The commit of a folder that is the top of a checkout. A folder inside another repository has none.
fn checkout_commit(folder: &Path) -> Option<String> {
    let output = git(folder, &["rev-parse", "--show-toplevel", "HEAD"])?;
    let (top, commit) = output.split_once('\n')?;
    let is_top = Path::new(top).canonicalize().ok()? == folder.canonicalize().ok()?;
    is_top.then(|| commit.to_owned())
}

/// The output of git, if it succeeds.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").arg("-C").arg(folder).args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim().to_owned())
}

/// Whether an address can be written into a file that others read: https, without a user.
fn is_repository(url: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./_~-".contains(&byte);
    url.strip_prefix("https://").is_some_and(|rest| rest.contains('/') && rest.bytes().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_written() {
        for (url, expected) in [
            ("https://github.com/owner/iot-jwt-authorizer", true),
            ("https://github.com/owner/iot-jwt-authorizer.git", true),
            ("https://user:secret@github.com/owner/x", false),
            ("https://github.com:8443/owner/x", false),
            ("http://github.com/owner/x", false),
            ("git@github.com:owner/x", false),
            ("/home/ana/x", false),
            ("https://github.com/owner/x\ny", false),
        ] {
            assert_eq!(is_repository(url), expected, "{url}");
        }
    }

    #[test]
    fn a_folder_inside_another_repository_has_no_commit() {
        assert_eq!(checkout_commit(&workspace().join("local")), None);
        assert_eq!(checkout_commit(Path::new("/nowhere")), None);
    }
}
