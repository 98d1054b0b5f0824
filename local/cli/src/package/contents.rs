//! The contents of the package: the files that the function reads, and no others.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Component, Path};

use iot_jwt_authorizer::keys::{KeyFileError, private_key};

use super::archive::{FUNCTION, PackageFile};
use super::packaged::Packaged;

/// The files of a package, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    files: BTreeMap<String, PackageFile>,
    /// Files of the authorizer's `policies/` and `keys/` that the configuration does not name. Case files and Markdown files are not
    /// listed.
    pub skipped: Vec<String>,
}

/// One error for each named file that cannot be packaged. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentsError(pub Vec<String>);

impl fmt::Display for ContentsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not packaged:\n{}", self.0.join("\n"))
    }
}

impl std::error::Error for ContentsError {}

impl Contents {
    /// Reads the configuration of a program and the files that it names, from
    /// [`Config::files`](iot_jwt_authorizer::config::Config::files).
    ///
    /// # Errors
    /// All files that are outside of the configuration's folder, contain a private key, have the name of another file,
    /// or cannot be read.
    pub fn read(packaged: Packaged, config: &Path, named: &[String]) -> Result<Self, ContentsError> {
        let folder = config.parent().unwrap_or(Path::new("."));
        let (mut files, mut errors) = (BTreeMap::new(), Vec::new());
        let config = Path::new(config.file_name().unwrap_or_default());
        for (path, name) in std::iter::once((config, Ok(packaged.config().to_owned())))
            .chain(named.iter().map(Path::new).map(|path| (path, packaged_name(path, packaged))))
        {
            match name.and_then(|name| Ok(PackageFile { bytes: read_checked(folder, path)?, name })) {
                Ok(file) => {
                    files.insert(file.name.clone(), file);
                }
                Err(what) => errors.push(format!("{}: {what}", path.display())),
            }
        }
        let skipped = skipped(folder, packaged.folders(), &files);
        if errors.is_empty() { Ok(Self { files, skipped }) } else { Err(ContentsError(errors)) }
    }

    /// Adds the function.
    #[must_use]
    pub fn with_function(mut self, bytes: Vec<u8>) -> Self {
        self.files.insert(FUNCTION.to_owned(), PackageFile { name: FUNCTION.to_owned(), bytes });
        self
    }

    /// Iterates over the files, sorted by name.
    pub fn files(&self) -> impl Iterator<Item = &PackageFile> {
        self.files.values()
    }
}

/// The path of a file in the package, which is the same as in the configuration.
fn packaged_name(path: &Path, packaged: Packaged) -> Result<String, String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => {
                parts.push(part.to_str().ok_or("the name is not UTF-8\n  help: rename the file")?);
            }
            Component::CurDir => {}
            _ => return Err("not inside the configuration's folder\n  help: move the file there".to_owned()),
        }
    }
    let name = parts.join("/");
    if name == packaged.config() || name == FUNCTION {
        return Err(
            "the name is that of another file of the package\n  help: move the file to a folder, such as `keys/`"
                .to_owned(),
        );
    }
    Ok(name)
}

/// Reads a file that is inside the folder and contains no private key.
fn read_checked(folder: &Path, path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot read the file: {}", error.kind());
    // A link may lead to any file of the machine.
    let real = fs::canonicalize(folder.join(path)).map_err(unreadable)?;
    // The folder of a plain file name is the empty path, which cannot be resolved.
    if !real.starts_with(fs::canonicalize(Path::new(".").join(folder)).map_err(unreadable)?) {
        return Err(
            "a link that leads out of the configuration's folder\n  help: replace the link by the file"
                .to_owned(),
        );
    }
    let bytes = fs::read(real).map_err(unreadable)?;
    if !private_key::is_in_bytes(&bytes) {
        return Ok(bytes);
    }
    let error = KeyFileError::Private;
    Err(match error.hint() {
        Some(hint) => format!("{error}\n  help: {hint}"),
        None => error.to_string(),
    })
}

/// The files that a user may expect in the package.
fn skipped(folder: &Path, folders: &[&str], files: &BTreeMap<String, PackageFile>) -> Vec<String> {
    let entries = |name: &str| {
        let entries = fs::read_dir(folder.join(name)).into_iter().flatten().flatten();
        entries.map(|entry| format!("{name}/{}", entry.file_name().to_string_lossy())).collect::<Vec<_>>()
    };
    let is_documentation = |name: &String| name.ends_with(".cases.json") || name.ends_with(".md");
    let mut names: Vec<String> = folders
        .iter()
        .flat_map(|name| entries(name))
        .filter(|name| !is_documentation(name) && !files.contains_key(name))
        .collect();
    names.sort();
    names
}
