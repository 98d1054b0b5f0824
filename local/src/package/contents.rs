//! What belongs into the package: the files that the function will read, and no others.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Component, Path};

use iot_jwt_authorizer::keys::{KeyFault, KeyFile};

use super::archive::{FUNCTION, File};

/// The name that the function looks for when no variable names another.
const CONFIG: &str = "authorizer.toml";

/// The files of a package, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    files: BTreeMap<String, File>,
    /// Policies and keys that lie beside the configuration and that it does not name, but for tables of cases and pages to read.
    pub left_out: Vec<String>,
}

/// Files that are named and cannot be shipped. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals(pub Vec<String>);

impl fmt::Display for Refusals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not packaged:\n{}", self.0.join("\n"))
    }
}

impl std::error::Error for Refusals {}

impl Contents {
    /// Reads the configuration and the files that it names, as [`Config::files`](iot_jwt_authorizer::config::Config::files) tells them.
    ///
    /// # Errors
    /// Every file that is outside of the configuration's folder, holds a private key, has another's name, or cannot be read.
    pub fn gather(config: &Path, named: &[String]) -> Result<Self, Refusals> {
        let folder = config.parent().unwrap_or(Path::new("."));
        let (mut files, mut refused) = (BTreeMap::new(), Vec::new());
        let own = Path::new(config.file_name().unwrap_or_default());
        for (path, name) in std::iter::once((own, Ok(CONFIG.to_owned())))
            .chain(named.iter().map(Path::new).map(|path| (path, name(path))))
        {
            match name.and_then(|name| Ok(File { bytes: shipped(folder, path)?, name })) {
                Ok(file) => {
                    files.insert(file.name.clone(), file);
                }
                Err(why) => refused.push(format!("{}: {why}", path.display())),
            }
        }
        let left_out = left_out(folder, &files);
        if refused.is_empty() { Ok(Self { files, left_out }) } else { Err(Refusals(refused)) }
    }

    /// The package with its function.
    #[must_use]
    pub fn with_function(mut self, bytes: Vec<u8>) -> Self {
        self.files.insert(FUNCTION.to_owned(), File { name: FUNCTION.to_owned(), bytes });
        self
    }

    /// All files, sorted by name.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }
}

/// A file's name in the package, by which the function will find it again.
fn name(path: &Path) -> Result<String, String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().ok_or("its name is not UTF-8: rename it")?),
            Component::CurDir => {}
            _ => return Err("is not under the configuration's folder: move it there".to_owned()),
        }
    }
    let name = parts.join("/");
    if name == CONFIG || name == FUNCTION {
        return Err("its name is that of another file of the package: move it to `keys/`".to_owned());
    }
    Ok(name)
}

/// What a file holds, if the public may see it.
fn shipped(folder: &Path, path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read ({})", error.kind());
    // A link may point anywhere, and whoever packs sees a file beside the configuration.
    let real = fs::canonicalize(folder.join(path)).map_err(unreadable)?;
    // A configuration named without a folder has the empty path for one, which the system does not know.
    if !real.starts_with(fs::canonicalize(Path::new(".").join(folder)).map_err(unreadable)?) {
        return Err("is a link out of the configuration's folder: put the file itself there".to_owned());
    }
    let bytes = fs::read(real).map_err(unreadable)?;
    match KeyFile::parse(&String::from_utf8_lossy(&bytes)) {
        Err(fault @ KeyFault::Private) => Err(fault.to_string()),
        _ => Ok(bytes),
    }
}

/// What a user might miss in the package.
fn left_out(folder: &Path, files: &BTreeMap<String, File>) -> Vec<String> {
    let in_folder = |part: &'static str| {
        let entries = fs::read_dir(folder.join(part)).into_iter().flatten().flatten();
        entries.map(move |entry| format!("{part}/{}", entry.file_name().to_string_lossy()))
    };
    let is_help = |name: &String| name.ends_with(".cases.json") || name.ends_with(".md");
    let mut names: Vec<String> = ["keys", "policies"]
        .into_iter()
        .flat_map(in_folder)
        .filter(|name| !is_help(name) && !files.contains_key(name))
        .collect();
    names.sort();
    names
}
