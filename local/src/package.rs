//! `cargo local package`: the zip that Lambda runs, from a configuration that has passed `check`.
//!
//! It holds what the function reads and nothing else, and the same files make the same bytes. docs/package.md.

pub mod archive;
pub mod build;
pub mod contents;
pub mod elf;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use iot_jwt_authorizer::config::{Config, Faults};
use thiserror::Error;

use crate::check::{self, CheckArgs};
use build::{Architecture, Build, Builder, Tools};
use contents::Contents;

/// `cargo local package`
#[derive(Args, Clone, Debug)]
pub struct PackageArgs {
    /// Configuration to ship, which becomes the zip's `authorizer.toml`, with `policies/` and `keys/` beside it
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
    /// Architecture of the Lambda function [default: this machine's]
    #[arg(long)]
    pub arch: Option<Architectures>,
    /// Folder of the zips
    #[arg(long, value_name = "FOLDER", default_value = "target/package")]
    pub out: PathBuf,
    /// Write the files themselves to this folder and no zip, as `sam build` wants them
    #[arg(long, value_name = "FOLDER", conflicts_with = "out")]
    pub into: Option<PathBuf>,
    /// What builds [default: cargo-lambda where it is installed, else cargo]
    #[arg(long)]
    pub builder: Option<Builder>,
    /// Build with this compiler
    #[arg(long, value_name = "PATH")]
    pub rustc: Option<PathBuf>,
    /// Use this bootstrap instead of building it
    #[arg(long, value_name = "PATH", conflicts_with_all = ["builder", "rustc"])]
    pub bootstrap: Option<PathBuf>,
}

/// Which zips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Architectures {
    /// Lambda on x86-64
    #[value(name = "x86_64")]
    X86_64,
    /// Lambda on Graviton
    #[value(name = "arm64")]
    Arm64,
    /// A zip for each
    #[value(name = "both")]
    Both,
}

/// Why there is no package.
#[derive(Debug, Error)]
pub enum PackageError {
    /// What came of the check cannot be told.
    #[error("cannot write: {0}")]
    Out(#[from] io::Error),
    /// The configuration changed between the check and the packing.
    #[error("the configuration has faults:\n{0}")]
    Faults(#[from] Faults),
    /// A file that cannot be shipped.
    #[error(transparent)]
    Contents(#[from] contents::Refusals),
    /// The function cannot be built.
    #[error(transparent)]
    Build(#[from] build::BuildError),
    /// What was built would not run in Lambda.
    #[error("{}: {error}", path.display())]
    Elf {
        /// The function.
        path: PathBuf,
        /// Why not.
        error: elf::Unfit,
    },
    /// A file that cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The zip cannot be made.
    #[error("the zip cannot be made: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// `--into` takes one set of files.
    #[error("--into takes the files of one architecture: give --arch x86_64 or --arch arm64")]
    BothInto,
    /// `--bootstrap` is of one architecture.
    #[error("--bootstrap is one architecture's: leave --arch both out")]
    BothGiven,
}

/// Checks, builds and packs. Returns whether there was no fault in the configuration; with one nothing is built.
///
/// # Errors
/// See [`PackageError`].
pub async fn run(
    args: &PackageArgs,
    tools: Tools<'_>,
    at: SystemTime,
    is_styled: bool,
    out: &mut dyn Write,
) -> Result<bool, PackageError> {
    let variable = |name: &str| tools.variable(name).map(str::to_owned);
    let examined = CheckArgs { config: args.config.clone(), deny_warnings: false, json: false };
    if !check::run(&examined, &variable, at, is_styled, out)? {
        writeln!(out, "not packaged: fix the errors first")?;
        return Ok(false);
    }
    let contents = Contents::gather(&args.config, &Config::load(&args.config, &variable)?.files)?;
    for name in &contents.left_out {
        writeln!(out, "left out: {name}, which {} does not name", args.config.display())?;
    }
    for (architecture, bootstrap) in functions(args, tools).await? {
        let bytes = read(&bootstrap)?;
        let needs = elf::fit(&bytes, architecture)
            .map_err(|error| PackageError::Elf { path: bootstrap.clone(), error })?;
        let package = contents.clone().with_function(bytes);
        match &args.into {
            Some(folder) => unpacked(&package, folder, &needs, out)?,
            None => zipped(&package, architecture, &args.out, &needs, out)?,
        }
    }
    Ok(true)
}

/// The functions to pack, each for its architecture; all are known to be possible before the first is built.
async fn functions(
    args: &PackageArgs,
    tools: Tools<'_>,
) -> Result<Vec<(Architecture, PathBuf)>, PackageError> {
    let wanted = match args.arch {
        None => vec![Architecture::of_host()],
        Some(Architectures::X86_64) => vec![Architecture::X86_64],
        Some(Architectures::Arm64) => vec![Architecture::Arm64],
        Some(Architectures::Both) if args.into.is_some() => return Err(PackageError::BothInto),
        Some(Architectures::Both) if args.bootstrap.is_some() => return Err(PackageError::BothGiven),
        Some(Architectures::Both) => vec![Architecture::X86_64, Architecture::Arm64],
    };
    if let Some(bootstrap) = &args.bootstrap {
        let of = elf::architecture(&read(bootstrap)?);
        let of = of.map_err(|error| PackageError::Elf { path: bootstrap.clone(), error })?;
        let wanted = if args.arch.is_some() { wanted } else { vec![of] };
        return Ok(wanted.into_iter().map(|architecture| (architecture, bootstrap.clone())).collect());
    }
    let mut builds = Vec::new();
    for architecture in wanted {
        builds.push(Build::plan(architecture, args.builder, args.rustc.as_deref(), tools).await?);
    }
    let mut built = Vec::new();
    for build in builds {
        built.push((build.architecture, build.run().await?));
    }
    Ok(built)
}

fn zipped(
    package: &Contents,
    architecture: Architecture,
    folder: &Path,
    needs: &elf::Needs,
    out: &mut dyn Write,
) -> Result<(), PackageError> {
    let path = folder.join(format!("iot-jwt-authorizer-{architecture}.zip"));
    let zip = archive::zip(package.files())?;
    write(&path, &zip)?;
    let hash = digest(&SHA256, &zip);
    list(package, needs, out)?;
    writeln!(out, "{}: {} bytes", path.display(), zip.len())?;
    writeln!(out, "  SHA-256     {}", hex(hash.as_ref()))?;
    writeln!(out, "  CodeSha256  {}", STANDARD.encode(hash.as_ref()))?;
    Ok(())
}

fn unpacked(
    package: &Contents,
    folder: &Path,
    needs: &elf::Needs,
    out: &mut dyn Write,
) -> Result<(), PackageError> {
    for file in package.files() {
        let path = folder.join(&file.name);
        write(&path, &file.bytes)?;
        archive::permit(&path, file).map_err(|error| PackageError::File { path, error })?;
    }
    list(package, needs, out)?;
    writeln!(out, "{}: written", folder.display())?;
    Ok(())
}

fn list(package: &Contents, needs: &elf::Needs, out: &mut dyn Write) -> io::Result<()> {
    for file in package.files() {
        let what = if file.is_function() { format!("  ({needs})") } else { String::new() };
        writeln!(out, "  {:>9}  {}{what}", file.bytes.len(), file.name)?;
    }
    Ok(())
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
