//! Deployments: the folders under `tests/deployments/`, and the shipped example, with keys made for this run.

use std::fs;
use std::path::PathBuf;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config::{Config, ConfigErrors};
use iot_jwt_authorizer::revocation::{Revocation, RevocationList};
use serde_json::json;
use tempfile::TempDir;

use super::root;
use super::signer::Signer;

/// A deployment in a temporary folder.
pub struct Deployment {
    folder: TempDir,
}

impl Deployment {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A copy of `tests/deployments/NAME`, or of the shipped one for the name `example`. Each `keys/NAME.signers`
    /// becomes a key set of the signers that it lists, one on a line. The example's signers are `rs256` and `es256`.
    pub fn named(name: &str) -> Self {
        let deployment = Self::empty();
        let root = root();
        let source = if name == "example" { root } else { root.join("tests/deployments").join(name) };
        deployment.write("authorizer.toml", fs::read_to_string(source.join("authorizer.toml")).unwrap());
        for policy in fs::read_dir(source.join("policies")).unwrap().map(|entry| entry.unwrap().path()) {
            let file = policy.file_name().unwrap().to_str().unwrap();
            deployment.write(&format!("policies/{file}"), fs::read(&policy).unwrap());
        }
        if let Ok(list) = fs::read(source.join("revoked.json")) {
            deployment.write("revoked.json", list);
        }
        if name == "example" {
            deployment.keys("keys/users.jwks.json", &["rs256", "es256"]);
            return deployment;
        }
        for list in fs::read_dir(source.join("keys")).unwrap().map(|entry| entry.unwrap().path()) {
            let signers = fs::read_to_string(&list).unwrap();
            let signers: Vec<&str> = signers.lines().collect();
            let stem = list.file_stem().unwrap().to_str().unwrap();
            deployment.keys(&format!("keys/{stem}.jwks.json"), &signers);
        }
        deployment
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a key set of these signers' public halves; `bare NAME` is one without `kid`, `alg` and `use`.
    pub fn keys(&self, name: &str, signers: &[&str]) {
        let key = |name: &&str| match name.strip_prefix("bare ") {
            Some(name) => Signer::named(name).bare_jwk(),
            None => Signer::named(name).jwk(),
        };
        let keys: Vec<_> = signers.iter().map(key).collect();
        self.write(name, json!({ "keys": keys }).to_string());
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads the deployment as the function does.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(&self.path("authorizer.toml"), &|_| None)
    }

    /// The authorizer of a deployment without errors, with its revocation list if it has one.
    pub fn authorizer(&self) -> Authorizer {
        let mut authorizer = self.load().unwrap_or_else(|errors| panic!("{errors}")).authorizer;
        if let Ok(list) = fs::read(self.path("revoked.json")) {
            authorizer.revocation = Revocation::List(RevocationList::parse(&list).unwrap().into());
        }
        authorizer
    }
}
