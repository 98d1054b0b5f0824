//! The functions to pack: one for each architecture.

use std::fs;
use std::path::PathBuf;

use super::build::{Architecture, Build, Tools};
use super::release::{Release, ReleaseError};
use super::source::FunctionSource;
use super::{Architectures, PackageArgs, PackageError, elf, read};

/// A function to pack.
pub(super) struct Function {
    pub(super) architecture: Architecture,
    /// Its file, or that of the zip that has it.
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Returns the functions, and the release that they are from. Before the first is built, it is known that all can be
/// built.
pub(super) async fn functions(
    args: &PackageArgs,
    tools: Tools<'_>,
) -> Result<(Vec<Function>, Option<Release>), PackageError> {
    if args.arch == Some(Architectures::Both) && args.into.is_some() {
        return Err(PackageError::BothInto);
    }
    match args.source()? {
        FunctionSource::File(path) => Ok((vec![of_file(args, path)?], None)),
        FunctionSource::Release(release) => Ok((of_release(args, &release).await?, Some(release))),
        FunctionSource::Checkout => Ok((built(args, tools).await?, None)),
    }
}

fn wanted(args: &PackageArgs) -> Vec<Architecture> {
    match args.arch {
        None => vec![Architecture::host()],
        Some(Architectures::X86_64) => vec![Architecture::X86_64],
        Some(Architectures::Arm64) => vec![Architecture::Arm64],
        Some(Architectures::Both) => vec![Architecture::X86_64, Architecture::Arm64],
    }
}

/// A built function. Its own architecture is the default.
fn of_file(args: &PackageArgs, path: PathBuf) -> Result<Function, PackageError> {
    if args.arch == Some(Architectures::Both) {
        return Err(PackageError::BothBootstrap);
    }
    let bytes = fs::read(&path).map_err(|error| ReleaseError::NoFunction { path: path.clone(), error })?;
    let found = elf::architecture(&bytes).map_err(|error| PackageError::Elf { path: path.clone(), error })?;
    let wanted = wanted(args).into_iter().next().filter(|_| args.arch.is_some());
    Ok(Function { architecture: wanted.unwrap_or(found), path, bytes })
}

async fn of_release(args: &PackageArgs, release: &Release) -> Result<Vec<Function>, PackageError> {
    let mut functions = Vec::new();
    for architecture in wanted(args) {
        let bytes = release.program(args.packaged(), architecture).await?;
        let path = PathBuf::from(release.zip_name(args.packaged(), architecture));
        functions.push(Function { architecture, path, bytes });
    }
    Ok(functions)
}

async fn built(args: &PackageArgs, tools: Tools<'_>) -> Result<Vec<Function>, PackageError> {
    let mut builds = Vec::new();
    for architecture in wanted(args) {
        builds.push(
            Build::plan(args.packaged(), architecture, args.builder, args.rustc.as_deref(), tools).await?,
        );
    }
    let mut functions = Vec::new();
    for build in builds {
        let path = build.run().await?;
        functions.push(Function { architecture: build.architecture, bytes: read(&path)?, path });
    }
    Ok(functions)
}
