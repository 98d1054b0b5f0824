//! Packages of configurations in temporary folders. The function is only an ELF header.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod download;
mod elf;
mod errors;
mod https_server;
mod new_folder;
mod plans;
mod provision;
#[path = "../../../inspect/tests/explain/recipe_edits.rs"]
mod recipe_edits;
mod release;
mod zips;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Parser;
use iot_local::package::build::Tools;
use iot_local::package::{self, PackageArgs};
use iot_local_base::env::Env;
use tempfile::TempDir;

/// The ELF header of a program for x86-64 that requires no library.
const PROGRAM: [u8; 64] = {
    let mut header = [0; 64];
    let start = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01";
    let mut index = 0;
    while index < start.len() {
        header[index] = start[index];
        index += 1;
    }
    header[52] = 64;
    header
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: PackageArgs,
}

/// A configuration in a folder, with the function next to the folder.
struct Deployment(TempDir);

impl Deployment {
    /// The shipped configuration, including its case files.
    fn example() -> Self {
        let deployment = Self(tempfile::tempdir().unwrap());
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        fs::create_dir(deployment.path("")).unwrap();
        fs::copy(shipped.join("authorizer.toml"), deployment.path("authorizer.toml")).unwrap();
        for name in ["policies", "keys"] {
            fs::create_dir(deployment.path(name)).unwrap();
            for entry in fs::read_dir(shipped.join(name)).unwrap().flatten() {
                fs::copy(entry.path(), deployment.path(name).join(entry.file_name())).unwrap();
            }
        }
        fs::write(deployment.outside("bootstrap"), PROGRAM).unwrap();
        deployment
    }

    fn path(&self, file: &str) -> PathBuf {
        self.outside("deployment").join(file)
    }

    fn outside(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(file), bytes).unwrap();
    }

    /// Replaces a text, which must exist.
    fn edit(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(old), "{file} has no `{old}`");
        self.write(file, text.replacen(old, new, 1));
    }

    /// Sets the file of keys in the configuration.
    fn set_keys(&self, file: &str) {
        self.edit("authorizer.toml", "file:keys/users.jwks.json", &format!("file:{file}"));
    }

    fn link(&self, target: &Path, file: &str) {
        let _ = fs::remove_file(self.path(file));
        symlink(target, self.path(file)).unwrap();
    }

    /// Packages the function with additional arguments. Returns the output with the error, and whether it succeeded.
    fn package(&self, line: &[&str]) -> (String, bool) {
        let bootstrap = self.outside("bootstrap");
        self.run(&[&["--bootstrap", bootstrap.to_str().unwrap()], line].concat())
    }

    fn run(&self, line: &[&str]) -> (String, bool) {
        let mut args = Line::try_parse_from(["package"].iter().chain(line)).unwrap().args;
        args.config.get_or_insert_with(|| self.path("authorizer.toml"));
        args.out = self.outside("out");
        let mut out = Vec::new();
        let tools = Tools { cargo: env!("CARGO"), env: &Env::default() };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result = runtime.block_on(package::run(&args, tools, now, false, &mut out));
        let mut text = String::from_utf8(out).unwrap();
        if let Err(error) = &result {
            text.push_str(&error.to_string());
        }
        (text, result.unwrap_or(false))
    }

    fn zip(&self) -> PathBuf {
        self.outside("out/iot-jwt-authorizer-x86_64.zip")
    }
}
