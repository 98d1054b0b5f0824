//! The two programs that are deployed: the authorizer, and the provisioning functions.

use std::path::{Path, PathBuf};

use super::build::workspace;

/// A program that is built and packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaged {
    /// The authorizer.
    Authorizer,
    /// The provisioning functions. All are one program.
    Provision,
}

impl Packaged {
    /// Its package of the workspace, which is also the first part of the zip's name.
    #[must_use]
    pub const fn package(self) -> &'static str {
        match self {
            Self::Authorizer => "iot-jwt-authorizer",
            Self::Provision => "iot-provision",
        }
    }

    /// Its binary target. In the zip the program is `bootstrap` in any case.
    #[must_use]
    pub const fn binary(self) -> &'static str {
        match self {
            Self::Authorizer => "bootstrap",
            Self::Provision => "iot-provision",
        }
    }

    /// The name of its configuration in the zip.
    #[must_use]
    pub const fn config(self) -> &'static str {
        match self {
            Self::Authorizer => "authorizer.toml",
            Self::Provision => PROVISION_CONFIG,
        }
    }

    /// Folders next to the configuration whose files a user may expect in the package.
    #[must_use]
    pub(super) const fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Authorizer => &["keys", "policies"],
            // Its policies and templates are for AWS IoT.
            Self::Provision => &[],
        }
    }

    /// The folder of cargo-lambda's output, relative to the target folder and without the architecture.
    pub(super) const fn output(self) -> &'static str {
        match self {
            Self::Authorizer => "lambda",
            Self::Provision => "lambda-provision",
        }
    }
}

/// The name of the configuration of the provisioning functions.
const PROVISION_CONFIG: &str = "provision.toml";

/// Returns the configuration of the provisioning functions: `provision.toml` next to `authorizer`, or that of the
/// checkout if only the latter exists.
#[must_use]
pub fn provision_config(authorizer: &Path) -> PathBuf {
    let own = authorizer.with_file_name(PROVISION_CONFIG);
    let shipped = workspace().join("provision").join(PROVISION_CONFIG);
    if own.is_file() || !shipped.is_file() { own } else { shipped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_next_to_the_authorizer_s_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let authorizer = folder.path().join("authorizer.toml");
        assert!(provision_config(&authorizer).ends_with("provision/provision.toml"));
        std::fs::write(folder.path().join("provision.toml"), "").unwrap();
        assert_eq!(provision_config(&authorizer), folder.path().join("provision.toml"));
    }
}
