//! Where a function comes from: a file, a release, or the checkout.

use std::path::{Path, PathBuf};

use super::build;
use super::release::settings::ReleaseSettings;
use super::release::{CHECKSUMS, Release, ReleaseError, Version};
use crate::build_info;

/// Where a function comes from.
#[derive(Clone, Debug)]
pub enum FunctionSource {
    /// A built function.
    File(PathBuf),
    /// A release.
    Release(Release),
    /// The checkout that this program was built from.
    Checkout,
}

/// What this program knows without a user's files.
struct Program<'a> {
    /// Its version.
    version: &'a str,
    /// The address of its releases, if it is one.
    releases: Option<&'a str>,
    /// Whether the checkout that it was built from is there.
    has_checkout: bool,
}

impl FunctionSource {
    /// Finds the source of a function. `bootstrap` is the value of `--bootstrap`: a file, the folder of a release, or a
    /// version. Without it, the release of `release.toml` next to the configuration is used, or else the checkout. A
    /// program that was built as a release and has no checkout uses its own release.
    ///
    /// # Errors
    /// `release.toml` is invalid, a folder is not that of a release, or a version is given without an address.
    pub fn find(bootstrap: Option<&Path>, config: &Path) -> Result<Self, ReleaseError> {
        let program = Program {
            version: build_info::VERSION,
            releases: build_info::RELEASES,
            has_checkout: build::has_checkout(),
        };
        program.find(bootstrap, config)
    }
}

impl Program<'_> {
    fn find(&self, bootstrap: Option<&Path>, config: &Path) -> Result<FunctionSource, ReleaseError> {
        let release = match bootstrap {
            Some(path) if path.is_dir() => self.in_folder(path, config)?,
            Some(path) => match path.to_str().and_then(Version::parse).filter(|_| !path.exists()) {
                Some(version) => self.numbered(version, config)?,
                None => return Ok(FunctionSource::File(path.to_owned())),
            },
            None => match ReleaseSettings::beside(config)? {
                Some(settings) => Release::of_settings(&settings, config)?,
                None if self.has_checkout => return Ok(FunctionSource::Checkout),
                None => match self.own() {
                    Some(settings) => Release::of_settings(&settings, config)?,
                    // The build names the checkout that is missing.
                    None => return Ok(FunctionSource::Checkout),
                },
            },
        };
        Ok(FunctionSource::Release(release))
    }

    fn in_folder(&self, folder: &Path, config: &Path) -> Result<Release, ReleaseError> {
        if !folder.join(CHECKSUMS).exists() {
            return Err(ReleaseError::NotRelease(folder.to_owned()));
        }
        Release::in_folder(folder, config)
    }

    /// The release with a version. The user's `release.toml` says where releases are, or else this program does.
    fn numbered(&self, version: Version, config: &Path) -> Result<Release, ReleaseError> {
        let settings = ReleaseSettings::beside(config)?.or_else(|| self.own());
        match settings {
            Some(settings) => Release::of_settings(&ReleaseSettings { version, ..settings }, config),
            None => Err(ReleaseError::NoAddress(version)),
        }
    }

    /// The release that this program is.
    fn own(&self) -> Option<ReleaseSettings> {
        let (version, from) = (Version::parse(self.version)?, self.releases?.to_owned());
        Some(ReleaseSettings { version, from })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const OWN: Option<&str> = Some("https://own.example/v{version}");

    fn found(
        folder: &Path,
        bootstrap: Option<&str>,
        releases: Option<&str>,
        has_checkout: bool,
    ) -> Result<String, String> {
        let program = Program { version: "0.9.0", releases, has_checkout };
        let bootstrap = bootstrap.map(|name| match Version::parse(name) {
            Some(_) => PathBuf::from(name),
            None => folder.join(name),
        });
        let found = program.find(bootstrap.as_deref(), &folder.join("authorizer.toml"));
        let shown = found.map_err(|error| error.to_string()).map(|source| match source {
            FunctionSource::File(path) => format!("file {}", path.display()),
            FunctionSource::Release(release) => release.to_string(),
            FunctionSource::Checkout => "checkout".to_owned(),
        });
        let shorten = |text: String| text.replace(&folder.display().to_string(), "~");
        shown.map(shorten).map_err(shorten)
    }

    #[test]
    fn the_first_of_option_file_checkout_and_own_release_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("built"), "").unwrap();
        for name in ["empty", "release"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let line = format!("{}  iot-jwt-authorizer-0.3.0-arm64.zip\n", "0".repeat(64));
        fs::write(path.join("release/SHA256SUMS"), line).unwrap();
        for (bootstrap, releases, has_checkout, expected) in [
            (Some("built"), OWN, true, Ok("file ~/built")),
            (Some("absent"), OWN, true, Ok("file ~/absent")),
            (Some("release"), None, false, Ok("0.3.0 of ~/release")),
            (Some("0.2.0"), OWN, true, Ok("0.2.0 of https://own.example/v0.2.0")),
            (
                Some("0.2.0"),
                None,
                true,
                Err("unknown address of release 0.2.0\n  help: name it in release.toml"),
            ),
            (Some("empty"), OWN, true, Err("~/empty: no SHA256SUMS")),
            (None, OWN, true, Ok("checkout")),
            (None, OWN, false, Ok("0.9.0 of https://own.example/v0.9.0")),
            (None, None, false, Ok("checkout")),
            (
                None,
                Some("http://own.example"),
                false,
                Err("http://own.example: invalid address; expected https"),
            ),
        ] {
            match (found(path, bootstrap, releases, has_checkout), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{bootstrap:?}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{bootstrap:?}: {found}"),
                (found, _) => panic!("{bootstrap:?}: {found:?}"),
            }
        }
        let settings = "version = \"0.5.0\"\nfrom = \"https://mirror.example/{version}\"";
        fs::write(path.join("release.toml"), settings).unwrap();
        for (bootstrap, has_checkout, expected) in [
            (None, true, "0.5.0 of https://mirror.example/0.5.0"),
            (None, false, "0.5.0 of https://mirror.example/0.5.0"),
            (Some("0.6.0"), true, "0.6.0 of https://mirror.example/0.6.0"),
            (Some("release"), true, "0.3.0 of ~/release"),
            (Some("built"), true, "file ~/built"),
        ] {
            assert_eq!(found(path, bootstrap, OWN, has_checkout).as_deref(), Ok(expected), "{bootstrap:?}");
        }
        fs::write(path.join("release.toml"), "version").unwrap();
        assert!(found(path, None, OWN, true).unwrap_err().contains("release.toml:1: "));
        assert!(found(path, Some("0.6.0"), OWN, true).unwrap_err().contains("release.toml:1: "));
        assert_eq!(found(path, Some("built"), OWN, true).as_deref(), Ok("file ~/built"));
    }
}
