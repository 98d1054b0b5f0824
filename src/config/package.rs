//! The files beside `authorizer.toml`.

use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::keys::sources::Sources;
use crate::keys::{KeyFault, KeyFile};

/// The deployment's folder, and what was found in it.
pub(super) struct Package {
    root: PathBuf,
    /// The files that were named, and read.
    pub(super) read: Vec<String>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
    /// Where each issuer's keys come from, in the order of the issuers.
    pub(super) sources: Vec<Sources>,
}

impl Package {
    pub(super) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            read: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// A file's text; without it, what to say.
    pub(super) fn text(&mut self, name: &str) -> Result<String, String> {
        self.read.push(name.to_owned());
        std::fs::read_to_string(self.root.join(name))
            .map_err(|error| format!("cannot be read ({})", error.kind()))
    }

    /// A private key is a fault even if nothing uses it: what lies in `keys/` is shipped.
    pub(super) fn refuse_private_keys(&mut self) {
        let Ok(folder) = std::fs::read_dir(self.root.join("keys")) else { return };
        let name = |entry: std::fs::DirEntry| format!("keys/{}", entry.file_name().to_string_lossy());
        let mut others: Vec<String> =
            folder.flatten().map(name).filter(|name| !self.read.contains(name)).collect();
        others.sort();
        for name in others {
            let Ok(text) = std::fs::read_to_string(self.root.join(&name)) else { continue };
            if let Err(fault @ KeyFault::Private) = KeyFile::parse(&text) {
                self.faults.push(Fault::of_file(&name, fault.to_string()));
            }
        }
    }
}
