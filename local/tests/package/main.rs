//! Packages of configurations in folders of their own, with a function that is nothing but the head of a program.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod elf;
mod plans;
mod refusals;
mod zips;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Parser;
use iot_local::package::build::Tools;
use iot_local::package::{self, PackageArgs};
use tempfile::TempDir;

/// The head of a program for x86-64 that needs no library.
const PROGRAM: [u8; 64] = {
    let mut head = [0; 64];
    let known = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01";
    let mut at = 0;
    while at < known.len() {
        head[at] = known[at];
        at += 1;
    }
    head[52] = 64;
    head
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: PackageArgs,
}

/// A configuration on disk, with its function beside the folder.
struct Deployment(TempDir);

impl Deployment {
    /// What comes with the project, tables of cases and all.
    fn example() -> Self {
        let deployment = Self(tempfile::tempdir().unwrap());
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::create_dir(deployment.path("")).unwrap();
        fs::copy(shipped.join("authorizer.toml"), deployment.path("authorizer.toml")).unwrap();
        for part in ["policies", "keys"] {
            fs::create_dir(deployment.path(part)).unwrap();
            for entry in fs::read_dir(shipped.join(part)).unwrap().flatten() {
                fs::copy(entry.path(), deployment.path(part).join(entry.file_name())).unwrap();
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

    /// Puts one text in another's place, which has to be there.
    fn edit(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(old), "{file} has no `{old}`");
        self.write(file, text.replacen(old, new, 1));
    }

    /// Names another file of keys.
    fn keys(&self, file: &str) {
        self.edit("authorizer.toml", "file:keys/users.jwks.json", &format!("file:{file}"));
    }

    fn link(&self, to: &Path, file: &str) {
        let _ = fs::remove_file(self.path(file));
        symlink(to, self.path(file)).unwrap();
    }

    /// Packs with the function beside the folder and more on the command line: what was said, and whether there was no fault.
    fn package(&self, line: &[&str]) -> (String, bool) {
        let bootstrap = self.outside("bootstrap");
        self.run(&[&["--bootstrap", bootstrap.to_str().unwrap()], line].concat())
    }

    fn run(&self, line: &[&str]) -> (String, bool) {
        let mut args = Line::try_parse_from(["package"].iter().chain(line)).unwrap().args;
        if args.config == Path::new("authorizer.toml") {
            args.config = self.path("authorizer.toml");
        }
        args.out = self.outside("out");
        let mut said = Vec::new();
        let tools = Tools { cargo: env!("CARGO"), env: &[] };
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let packed = runtime.block_on(package::run(&args, tools, at, false, &mut said));
        let mut said = String::from_utf8(said).unwrap();
        if let Err(error) = &packed {
            said.push_str(&error.to_string());
        }
        (said, packed.unwrap_or(false))
    }

    fn zip(&self) -> PathBuf {
        self.outside("out/iot-jwt-authorizer-x86_64.zip")
    }
}
