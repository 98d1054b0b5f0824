//! `package`: checks a configuration, builds the function, and packs both as a zip for Lambda.
//!
//! The zip contains only what the function reads, and the same files result in the same bytes: docs/package.md.

pub mod archive;
pub mod build;
pub mod contents;
pub mod elf;
mod functions;
pub mod packaged;
pub mod release;
pub mod source;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use iot_jwt_authorizer::config::{Config, ConfigErrors};
use iot_local_base::hex;
use iot_local_identity::deployment::STATE;
use iot_local_inspect::check::{self, CheckReport};
use iot_local_inspect::findings::Severity;
use iot_local_inspect::provision;
use serde_json::{Value, json};
use thiserror::Error;

use build::{Architecture, Builder, Tools};
use contents::Contents;
use functions::Function;
use packaged::{Packaged, provision_config};
use release::{Release, ReleaseError};
use source::FunctionSource;

/// The arguments of the command.
#[derive(Args, Clone, Debug)]
pub struct PackageArgs {
    /// Package the provisioning functions instead of the authorizer
    #[arg(long)]
    pub provision: bool,
    /// Configuration to package, with the files that it names next to it
    ///
    /// The default is authorizer.toml; with --provision it is provision.toml, or else the shipped one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Architecture of the Lambda function [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architectures>,
    /// Folder for the zips
    #[arg(long, value_name = "FOLDER", default_value = "target/package")]
    pub out: PathBuf,
    /// Write the files to this folder instead of a zip, as `sam build` requires
    #[arg(long, value_name = "FOLDER", conflicts_with = "out")]
    pub into: Option<PathBuf>,
    /// Build tool [default: cargo-lambda if it is installed, otherwise cargo]
    #[arg(long)]
    pub builder: Option<Builder>,
    /// Compiler to build with
    #[arg(long, value_name = "PATH")]
    pub rustc: Option<PathBuf>,
    /// Use a built function, or those of a release: its folder or its version [default: release.toml, or else a build]
    #[arg(long, value_name = "FILE|RELEASE", conflicts_with_all = ["builder", "rustc"])]
    pub bootstrap: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl PackageArgs {
    /// The program to package.
    fn packaged(&self) -> Packaged {
        if self.provision { Packaged::Provision } else { Packaged::Authorizer }
    }

    /// Where the function comes from. A build tool is named to build.
    fn source(&self) -> Result<FunctionSource, ReleaseError> {
        if self.builder.is_some() || self.rustc.is_some() {
            return Ok(FunctionSource::Checkout);
        }
        let authorizer = Path::new(Packaged::Authorizer.config());
        FunctionSource::find(self.bootstrap.as_deref(), self.config.as_deref().unwrap_or(authorizer))
    }

    /// Its configuration.
    fn config(&self) -> Result<PathBuf, PackageError> {
        let authorizer = Path::new(Packaged::Authorizer.config());
        match &self.config {
            Some(config) => Ok(config.clone()),
            None if self.provision => provision_config(authorizer)
                .map_err(|error| PackageError::File { path: PathBuf::from(STATE), error }),
            None => Ok(authorizer.to_owned()),
        }
    }
}

/// The architectures to package for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Architectures {
    /// Lambda on x86-64
    #[value(name = "x86_64")]
    X86_64,
    /// Lambda on Graviton
    #[value(name = "arm64")]
    Arm64,
    /// One zip for each
    #[value(name = "both")]
    Both,
}

/// An error while the package is created.
#[derive(Debug, Error)]
pub enum PackageError {
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Out(#[from] io::Error),
    /// The configuration changed after the check and has errors now.
    #[error("the configuration has errors:\n{0}")]
    Configuration(#[from] ConfigErrors),
    /// A file cannot be packaged.
    #[error(transparent)]
    Contents(#[from] contents::ContentsError),
    /// The function cannot be built.
    #[error(transparent)]
    Build(#[from] build::BuildError),
    /// The release cannot be used.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The function would not run in Lambda.
    #[error("{}: {error}", path.display())]
    Elf {
        /// The function.
        path: PathBuf,
        /// What is wrong with it.
        error: elf::ElfError,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The zip cannot be created.
    #[error("cannot create the zip: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// `--into` with `--arch both`.
    #[error("--into takes a single architecture; expected --arch x86_64 or --arch arm64")]
    BothInto,
    /// `--bootstrap` with `--arch both`.
    #[error("--bootstrap FILE is for a single architecture; omit --arch both\n  help: a release has both")]
    BothBootstrap,
}

/// Checks, builds and packs. Returns whether the configuration has no errors. If it has, nothing is built.
///
/// # Errors
/// See [`PackageError`].
pub async fn run(
    args: &PackageArgs,
    tools: Tools<'_>,
    now: SystemTime,
    is_styled: bool,
    out: &mut dyn Write,
) -> Result<bool, PackageError> {
    let (packaged, path) = (args.packaged(), args.config()?);
    let report = match packaged {
        Packaged::Authorizer => check::examine(&path, tools.env, now),
        Packaged::Provision => provision::examine(&path, tools.env),
    };
    if !args.json {
        out.write_all(report.text(is_styled).as_bytes())?;
    }
    if report.count(Severity::Error) > 0 {
        match args.json {
            true => writeln!(out, "{:#}", to_json(&report, None, &[], None, &[]))?,
            false => writeln!(out, "not packaged because of the errors above")?,
        }
        return Ok(false);
    }
    let (files, hash) = match packaged {
        Packaged::Authorizer => {
            let config = Config::load(&path, &tools.env.lookup())?;
            (config.files, Some(config.hash))
        }
        Packaged::Provision => (provision::load(&path, tools.env)?.files, None),
    };
    let contents = Contents::read(packaged, &path, &files)?;
    let mut packages = Vec::new();
    let (functions, release) = functions::functions(args, tools).await?;
    for Function { architecture, path, bytes } in functions {
        let requirements =
            elf::check(&bytes, architecture).map_err(|error| PackageError::Elf { path, error })?;
        let package = contents.clone().with_function(bytes);
        packages.push(match &args.into {
            Some(folder) => write_files(&package, folder, architecture, requirements)?,
            None => {
                let zip = args.out.join(format!("{}-{architecture}.zip", packaged.package()));
                write_zip(&package, architecture, zip, requirements)?
            }
        });
    }
    if args.json {
        let json = to_json(&report, hash.as_deref(), &contents.skipped, release.as_ref(), &packages);
        writeln!(out, "{json:#}")?;
        return Ok(true);
    }
    for name in &contents.skipped {
        writeln!(out, "skipped: {name}, which {} does not name", path.display())?;
    }
    if let Some(hash) = hash {
        writeln!(out, "configuration {hash}: `config` in the function's log")?;
    }
    if let Some(release) = release {
        writeln!(out, "release {release}: SHA-256 verified")?;
    }
    packages.iter().try_for_each(|package| package.write(out))?;
    Ok(true)
}

/// The result for programs.
fn to_json(
    report: &CheckReport,
    hash: Option<&str>,
    skipped: &[String],
    release: Option<&Release>,
    packages: &[Package],
) -> Value {
    let packages: Vec<Value> = packages.iter().map(Package::json).collect();
    json!({
        "ok": !packages.is_empty(),
        "check": report.json(),
        "config": hash,
        "skipped": skipped,
        "release": release.map(|release| release.version().to_string()),
        "packages": packages,
    })
}

/// A package that was written.
struct Package {
    /// The zip, or the folder of `--into`.
    path: PathBuf,
    architecture: Architecture,
    requirements: elf::Requirements,
    /// Name and size in bytes of each file, and whether it is the function.
    files: Vec<(String, usize, bool)>,
    /// Size in bytes and SHA-256 of the zip.
    zip: Option<(usize, Vec<u8>)>,
}

impl Package {
    fn new(
        contents: &Contents,
        path: PathBuf,
        architecture: Architecture,
        requirements: elf::Requirements,
    ) -> Self {
        let files =
            contents.files().map(|file| (file.name.clone(), file.bytes.len(), file.is_function())).collect();
        Self { path, architecture, requirements, files, zip: None }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, size, is_function) in &self.files {
            let note = if *is_function { format!("  ({})", self.requirements) } else { String::new() };
            writeln!(out, "  {size:>9}  {name}{note}")?;
        }
        let Some((size, hash)) = &self.zip else { return writeln!(out, "{}: written", self.path.display()) };
        writeln!(out, "{}: {size} bytes", self.path.display())?;
        writeln!(out, "  SHA-256     {}", hex::encode(hash))?;
        writeln!(out, "  CodeSha256  {}", STANDARD.encode(hash))
    }

    fn json(&self) -> Value {
        let files: Vec<Value> =
            self.files.iter().map(|(name, size, _)| json!({ "name": name, "bytes": size })).collect();
        json!({
            "path": self.path,
            "architecture": self.architecture.to_string(),
            "files": files,
            "bytes": self.zip.as_ref().map(|(size, _)| size),
            "sha256": self.zip.as_ref().map(|(_, hash)| hex::encode(hash)),
            "codeSha256": self.zip.as_ref().map(|(_, hash)| STANDARD.encode(hash)),
        })
    }
}

fn write_zip(
    contents: &Contents,
    architecture: Architecture,
    path: PathBuf,
    requirements: elf::Requirements,
) -> Result<Package, PackageError> {
    let zip = archive::zip(contents.files())?;
    write(&path, &zip)?;
    let hash = digest(&SHA256, &zip).as_ref().to_vec();
    Ok(Package { zip: Some((zip.len(), hash)), ..Package::new(contents, path, architecture, requirements) })
}

fn write_files(
    contents: &Contents,
    folder: &Path,
    architecture: Architecture,
    requirements: elf::Requirements,
) -> Result<Package, PackageError> {
    for file in contents.files() {
        let path = folder.join(&file.name);
        write(&path, &file.bytes)?;
        archive::set_mode(&path, file).map_err(|error| PackageError::File { path, error })?;
    }
    Ok(Package::new(contents, folder.to_owned(), architecture, requirements))
}

fn read(path: &Path) -> Result<Vec<u8>, PackageError> {
    fs::read(path).map_err(|error| PackageError::File { path: path.to_owned(), error })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PackageError> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(path, bytes)
    };
    write().map_err(|error| PackageError::File { path: path.to_owned(), error })
}
