//! The two programs that are deployed: the authorizer, and the provisioning functions.

use std::io;
use std::path::{Path, PathBuf};

use iot_local_base::files;
use iot_local_identity::deployment::STATE;

use super::build::workspace;
use crate::build_info;

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

/// The shipped configuration of the provisioning functions, and the list that it names.
const SHIPPED: [(&str, &str); 2] = [
    (PROVISION_CONFIG, include_str!("../../../../provision/provision.toml")),
    ("devices.csv", include_str!("../../../../provision/devices.csv")),
];

/// Returns the configuration of the provisioning functions: `provision.toml` next to `authorizer`, or else the shipped
/// one. That is in the checkout that this program was built from. A release has no checkout, and writes it to the state
/// folder.
///
/// # Errors
/// The state folder cannot be written.
pub fn provision_config(authorizer: &Path) -> io::Result<PathBuf> {
    find_provision_config(authorizer, build_info::RELEASES.is_none().then(workspace))
}

fn find_provision_config(authorizer: &Path, checkout: Option<&Path>) -> io::Result<PathBuf> {
    let own = authorizer.with_file_name(PROVISION_CONFIG);
    let shipped = checkout.map(|checkout| checkout.join("provision").join(PROVISION_CONFIG));
    if let Some(found) = [Some(own), shipped].into_iter().flatten().find(|path| path.is_file()) {
        return Ok(found);
    }
    let state = authorizer.with_file_name(STATE);
    let folder = state.join("provision");
    for folder in [&state, &folder] {
        files::private_folder(folder)?;
    }
    for (name, text) in SHIPPED {
        files::replace(&folder.join(name), text.as_bytes())?;
    }
    Ok(folder.join(PROVISION_CONFIG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_next_to_the_authorizer_s_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let authorizer = folder.path().join("authorizer.toml");
        let nowhere = folder.path().join("nowhere");
        let found = |checkout| find_provision_config(&authorizer, checkout).unwrap();
        let stored = folder.path().join(".iot-local/provision/provision.toml");
        assert_eq!(found(Some(workspace())), workspace().join("provision/provision.toml"));
        assert!(!stored.exists());
        for checkout in [None, Some(nowhere.as_path())] {
            assert_eq!(found(checkout), stored);
            assert!(stored.with_file_name("devices.csv").is_file(), "the list that it names");
        }
        let own = folder.path().join("provision.toml");
        std::fs::write(&own, "").unwrap();
        assert_eq!([found(None), found(Some(workspace()))], [own.clone(), own]);
    }
}
