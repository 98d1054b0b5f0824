//! The files beside `authorizer.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::keys::sources::Sources;
use crate::keys::{KeyFault, KeyFile};

/// The deployment's folder, and what was found in it.
pub(super) struct Package {
    root: PathBuf,
    /// What was read.
    pub(super) read: BTreeSet<PathBuf>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
    /// Where each issuer's keys come from, in the order of the issuers.
    pub(super) sources: Vec<Sources>,
}

impl Package {
    pub(super) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            read: BTreeSet::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// A file's text; without it, what to say.
    pub(super) fn text(&mut self, name: &str) -> Result<String, String> {
        let path = self.root.join(name);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot be read ({})", error.kind()));
        self.read.insert(path);
        text
    }

    /// A private key is a fault even if nothing uses it: what lies in `keys/` is shipped.
    pub(super) fn refuse_private_keys(&mut self) {
        let Ok(folder) = std::fs::read_dir(self.root.join("keys")) else { return };
        let mut others: Vec<PathBuf> =
            folder.flatten().map(|entry| entry.path()).filter(|path| !self.read.contains(path)).collect();
        others.sort();
        for path in others {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if let Err(fault @ KeyFault::Private) = KeyFile::parse(&text) {
                let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
                self.faults.push(Fault::of_file(&format!("keys/{name}"), fault.to_string()));
            }
        }
    }
}
