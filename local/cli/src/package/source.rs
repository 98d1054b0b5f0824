//! Where a function comes from: a file, a release, or the checkout.

use std::path::{Path, PathBuf};

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
    /// The address of its releases, if it was built as one.
    releases: Option<&'a str>,
}

impl FunctionSource {
    /// Finds the source of a function. `bootstrap` is the value of `--bootstrap`: a file, the folder of a release, or a
    /// version. Without it, the release of `release.toml` next to the configuration is used, or else the release that
    /// this program is, or else the checkout that it was built from. A release does not look for a checkout: its path
    /// was that of another machine.
    ///
    /// # Errors
    /// `release.toml` is invalid, a folder is not that of a release, or a version is given without an address.
    pub fn find(bootstrap: Option<&Path>, config: &Path) -> Result<Self, ReleaseError> {
        Program::this().find(bootstrap, config)
    }
}

/// Returns the release for the `release.toml` of a new folder: that in a folder, or that of this program's version at
/// an address. Without either it is the release that this program is, if it is one.
///
/// # Errors
/// The folder is not that of a release, or the address is invalid.
pub(crate) fn release_of_programs(named: Option<&str>) -> Result<Option<ReleaseSettings>, ReleaseError> {
    Program::this().settings(named)
}

impl Program<'static> {
    fn this() -> Self {
        Self { version: build_info::VERSION, releases: build_info::RELEASES }
    }
}

impl Program<'_> {
    fn find(&self, bootstrap: Option<&Path>, config: &Path) -> Result<FunctionSource, ReleaseError> {
        let release = match bootstrap {
            Some(path) if path.is_dir() => in_folder(path, config)?,
            Some(path) => match path.to_str().and_then(Version::parse).filter(|_| !path.exists()) {
                Some(version) => self.numbered(version, config)?,
                None => return Ok(FunctionSource::File(path.to_owned())),
            },
            None => match ReleaseSettings::beside(config)?.or_else(|| self.own()) {
                Some(settings) => Release::of_settings(&settings, config)?,
                None => return Ok(FunctionSource::Checkout),
            },
        };
        Ok(FunctionSource::Release(release))
    }

    /// The release with a version. The user's `release.toml` says where releases are, or else this program does.
    fn numbered(&self, version: Version, config: &Path) -> Result<Release, ReleaseError> {
        let settings = ReleaseSettings::beside(config)?.or_else(|| self.own());
        match settings {
            Some(settings) => Release::of_settings(&ReleaseSettings { version, ..settings }, config),
            None => Err(ReleaseError::NoAddress(version)),
        }
    }

    /// What a new folder's `release.toml` has.
    fn settings(&self, named: Option<&str>) -> Result<Option<ReleaseSettings>, ReleaseError> {
        let Some(named) = named else { return Ok(self.own()) };
        let folder = Path::new(named);
        if folder.is_dir() {
            let version = in_folder(folder, Path::new(""))?.version().clone();
            // The new folder may be anywhere.
            let from =
                std::path::absolute(folder).map_or(named.to_owned(), |path| path.display().to_string());
            return Ok(Some(ReleaseSettings { version, from }));
        }
        if !named.contains("://") {
            return Err(ReleaseError::NotRelease(folder.to_owned()));
        }
        let settings = Program { version: self.version, releases: Some(named) }.own();
        let Some(settings) = settings else { return Ok(None) };
        Release::of_settings(&settings, Path::new("")).map(|_| Some(settings))
    }

    /// The release that this program is.
    fn own(&self) -> Option<ReleaseSettings> {
        let (version, from) = (Version::parse(self.version)?, self.releases?.to_owned());
        Some(ReleaseSettings { version, from })
    }
}

fn in_folder(folder: &Path, config: &Path) -> Result<Release, ReleaseError> {
    if !folder.join(CHECKSUMS).exists() {
        return Err(ReleaseError::NotRelease(folder.to_owned()));
    }
    Release::in_folder(folder, config)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const OWN: Option<&str> = Some("https://own.example/v{version}");

    fn found(folder: &Path, bootstrap: Option<&str>, releases: Option<&str>) -> Result<String, String> {
        let program = Program { version: "0.9.0", releases };
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
    fn a_new_folder_has_the_named_release_or_that_of_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("empty")).unwrap();
        let line = format!("{}  iot-jwt-authorizer-0.3.0-arm64.zip\n", "0".repeat(64));
        fs::write(path.join("SHA256SUMS"), line).unwrap();
        let (release, empty) = (path.display().to_string(), path.join("empty").display().to_string());
        for (named, releases, expected) in [
            (None, None, Ok(None)),
            (None, OWN, Ok(Some(("0.9.0", "https://own.example/v{version}")))),
            (
                Some("https://mirror.example/{version}"),
                OWN,
                Ok(Some(("0.9.0", "https://mirror.example/{version}"))),
            ),
            (Some(release.as_str()), OWN, Ok(Some(("0.3.0", release.as_str())))),
            (Some("http://mirror.example/{version}"), OWN, Err("invalid address; expected https")),
            (Some("https://mirror.example/{tag}"), None, Err("unknown placeholder")),
            (Some(empty.as_str()), OWN, Err("empty: no SHA256SUMS")),
            (Some("/nowhere"), OWN, Err("/nowhere: no SHA256SUMS")),
            (Some("0.2.0"), OWN, Err("0.2.0: no SHA256SUMS")),
        ] {
            let found = Program { version: "0.9.0", releases }.settings(named);
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    let found = found.map(|settings| (settings.version.to_string(), settings.from));
                    let found = found.as_ref().map(|(version, from)| (version.as_str(), from.as_str()));
                    assert_eq!(found, expected, "{named:?}");
                }
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, _) => panic!("{named:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_first_of_option_file_own_release_and_checkout_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("built"), "").unwrap();
        for name in ["empty", "release"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let line = format!("{}  iot-jwt-authorizer-0.3.0-arm64.zip\n", "0".repeat(64));
        fs::write(path.join("release/SHA256SUMS"), line).unwrap();
        for (bootstrap, releases, expected) in [
            (Some("built"), OWN, Ok("file ~/built")),
            (Some("absent"), OWN, Ok("file ~/absent")),
            (Some("release"), None, Ok("0.3.0 of ~/release")),
            (Some("0.2.0"), OWN, Ok("0.2.0 of https://own.example/v0.2.0")),
            (Some("0.2.0"), None, Err("unknown address of release 0.2.0\n  help: name it in release.toml")),
            (Some("empty"), OWN, Err("~/empty: no SHA256SUMS")),
            (None, OWN, Ok("0.9.0 of https://own.example/v0.9.0")),
            (None, None, Ok("checkout")),
            (None, Some("http://own.example"), Err("http://own.example: invalid address; expected https")),
        ] {
            match (found(path, bootstrap, releases), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{bootstrap:?}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{bootstrap:?}: {found}"),
                (found, _) => panic!("{bootstrap:?}: {found:?}"),
            }
        }
        let settings = "version = \"0.5.0\"\nfrom = \"https://mirror.example/{version}\"";
        fs::write(path.join("release.toml"), settings).unwrap();
        for (bootstrap, expected) in [
            (None, "0.5.0 of https://mirror.example/0.5.0"),
            (Some("0.6.0"), "0.6.0 of https://mirror.example/0.6.0"),
            (Some("release"), "0.3.0 of ~/release"),
            (Some("built"), "file ~/built"),
        ] {
            assert_eq!(found(path, bootstrap, OWN).as_deref(), Ok(expected), "{bootstrap:?}");
        }
        fs::write(path.join("release.toml"), "version").unwrap();
        assert!(found(path, None, OWN).unwrap_err().contains("release.toml:1: "));
        assert!(found(path, Some("0.6.0"), OWN).unwrap_err().contains("release.toml:1: "));
        assert_eq!(found(path, Some("built"), OWN).as_deref(), Ok("file ~/built"));
    }
}
