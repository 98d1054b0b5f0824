//! Builds the function. The same sources result in the same bytes, independent of their folder.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use clap::ValueEnum;
use iot_local_base::env::Env;
use serde_json::Value;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::archive::FUNCTION;
use super::packaged::Packaged;

/// An architecture of Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64
    X86_64,
    /// Graviton
    Arm64,
}

/// A build tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Builder {
    /// Cargo, for this machine's architecture
    Cargo,
    /// cargo-lambda, for both architectures; it links with Zig
    CargoLambda,
}

/// The programs for a build, and their environment.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// The cargo to build with.
    pub cargo: &'a str,
    /// The environment that builds inherit.
    pub env: &'a Env,
}

/// An error that prevents or ends a build.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A program cannot be run.
    #[error(
        "cannot run {program}: {source}\n  help: install Rust, or name a release with --bootstrap (docs/install.md)"
    )]
    Program {
        /// The program.
        program: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The sources of the function are gone. An installed program remembers where they were.
    #[error(
        "cannot build the function: {} is not the checkout of iot-jwt-authorizer any more\n  \
         help: name a release in release.toml or with --bootstrap (docs/install.md), or install cargo local again from \
         a checkout that stays",
        .0.display()
    )]
    NoCheckout(PathBuf),
    /// Cargo's output does not contain the target folder.
    #[error("`cargo metadata` failed; see above")]
    NoTarget,
    /// The compiler has no standard library for the architecture.
    #[error(
        "cannot build for {0}: Rust's standard library for {triple} is missing\n  \
         help: run `rustup target add {triple}`, or name another compiler with --rustc (docs/package.md)",
        triple = .0.triple()
    )]
    NoStandardLibrary(Architecture),
    /// Cargo can only build for this machine's architecture.
    #[error(
        "cannot build for {0} with cargo on this machine\n  \
         help: install cargo-lambda, which links with Zig: `pip install cargo-lambda ziglang` (docs/package.md)"
    )]
    NoLinker(Architecture),
    /// The build failed. Cargo has printed the reason.
    #[error("cannot build the function; see above")]
    Failed,
}

/// A build of the function that is possible on this machine.
#[derive(Debug)]
pub struct Build<'a> {
    /// The architecture of the function.
    pub architecture: Architecture,
    packaged: Packaged,
    builder: Builder,
    rustc: Option<&'a Path>,
    target: PathBuf,
    tools: Tools<'a>,
}

impl<'a> Build<'a> {
    /// Plans a build for an architecture. The default builder is cargo-lambda if it is installed, otherwise cargo.
    ///
    /// # Errors
    /// The build is not possible on this machine.
    pub async fn plan(
        packaged: Packaged,
        architecture: Architecture,
        builder: Option<Builder>,
        rustc: Option<&'a Path>,
        tools: Tools<'a>,
    ) -> Result<Self, BuildError> {
        let installed = if tools.has("cargo-lambda") { Builder::CargoLambda } else { Builder::Cargo };
        let builder = builder.unwrap_or(installed);
        let is_native = cfg!(target_os = "linux") && architecture == Architecture::host();
        if builder == Builder::Cargo && !is_native {
            return Err(BuildError::NoLinker(architecture));
        }
        let build = Self { architecture, packaged, builder, rustc, target: target(tools).await?, tools };
        if builder == Builder::CargoLambda && !build.has_standard_library().await? {
            return Err(BuildError::NoStandardLibrary(architecture));
        }
        Ok(build)
    }

    /// Plans a build for this machine with cargo.
    ///
    /// # Errors
    /// Cargo cannot be run.
    pub async fn native(packaged: Packaged, tools: Tools<'a>) -> Result<Self, BuildError> {
        let (architecture, target) = (Architecture::host(), target(tools).await?);
        Ok(Self { architecture, packaged, builder: Builder::Cargo, rustc: None, target, tools })
    }

    /// Builds the program with the release profile, with cargo's progress on standard error. Returns its path.
    ///
    /// # Errors
    /// Cargo cannot be run, or the build fails.
    pub async fn run(&self) -> Result<PathBuf, BuildError> {
        let mut command = Command::new(self.tools.cargo);
        let folder = self.target.join(self.packaged.output()).join(self.architecture.to_string());
        let binary = self.packaged.binary();
        if self.builder == Builder::CargoLambda {
            // By default cargo-lambda calls rustup to check the target, and changes the release profile.
            command.args(["lambda", "build", "--skip-target-check", "--disable-optimizations"]);
            command
                .args(["--target", self.architecture.triple(), "--flatten", binary, "--lambda-dir"])
                .arg(&folder);
        } else {
            // Cargo reports the path of the file, since the user can configure the target folder.
            command.args(["build", "--message-format=json-render-diagnostics"]);
        }
        command.args(["--release", "--locked", "--package", self.packaged.package(), "--bin", binary]);
        command.env("CARGO_ENCODED_RUSTFLAGS", flags(self.tools, &self.target));
        if let Some(rustc) = self.rustc {
            command.env("RUSTC", rustc);
        }
        let (status, executable) = run_build(command, self.tools.cargo, binary).await?;
        // cargo-lambda gives each program the name that Lambda starts.
        let executable =
            if self.builder == Builder::CargoLambda { Some(folder.join(FUNCTION)) } else { executable };
        executable.filter(|_| status.success()).ok_or(BuildError::Failed)
    }

    /// Whether the compiler has a standard library for the architecture.
    async fn has_standard_library(&self) -> Result<bool, BuildError> {
        let rustc = self.rustc.map(|rustc| rustc.display().to_string());
        let rustc = rustc.or_else(|| self.tools.env.get("RUSTC").map(str::to_owned));
        let rustc = rustc.unwrap_or_else(|| "rustc".to_owned());
        let mut command = Command::new(&rustc);
        command
            .args(["--print", "target-libdir", "--target", self.architecture.triple()])
            .current_dir(workspace());
        let output =
            command.output().await.map_err(|source| BuildError::Program { program: rustc, source })?;
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let mut files = fs::read_dir(folder).into_iter().flatten().flatten();
        Ok(files.any(|file| file.file_name().to_string_lossy().starts_with("libcore-")))
    }
}

/// Runs a build. Returns its status and the path of the program, if cargo reported it.
async fn run_build(
    mut command: Command,
    cargo: &str,
    binary: &str,
) -> Result<(ExitStatus, Option<PathBuf>), BuildError> {
    let failed = |source| BuildError::Program { program: cargo.to_owned(), source };
    command.current_dir(workspace()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let mut executable = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            executable = program_path(&line, binary).or(executable);
        }
    }
    Ok((child.wait().await.map_err(failed)?, executable))
}

/// Compiler flags that keep the machine's folders out of the function. They replace the user's flags, since a function
/// is built for Lambda's processors and not for this one.
fn flags(tools: Tools<'_>, target: &Path) -> String {
    let home = tools.env.get("HOME").unwrap_or_default();
    let registry = tools.env.get("CARGO_HOME").map_or_else(|| Path::new(home).join(".cargo"), PathBuf::from);
    let mut folders = [(registry.as_path(), "/cargo"), (workspace(), "/build"), (target, "/build/target")];
    // A folder may be inside another, and the last match counts.
    folders.sort_by_key(|(folder, _)| folder.as_os_str().len());
    folders.map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display())).join("\x1f")
}

/// The function's sources, if they are still there.
fn checkout(folder: &Path) -> Result<&Path, BuildError> {
    let is_here = folder.join("Cargo.toml").is_file() && folder.join("src").is_dir();
    is_here.then_some(folder).ok_or_else(|| BuildError::NoCheckout(folder.to_owned()))
}

/// Cargo's target folder.
async fn target(tools: Tools<'_>) -> Result<PathBuf, BuildError> {
    let checkout = checkout(workspace())?;
    let mut command = Command::new(tools.cargo);
    command
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(checkout)
        .stderr(Stdio::inherit());
    let failed = |source| BuildError::Program { program: tools.cargo.to_owned(), source };
    let output = command.output().await.map_err(failed)?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| BuildError::NoTarget)?;
    metadata.get("target_directory").and_then(Value::as_str).map(PathBuf::from).ok_or(BuildError::NoTarget)
}

/// Returns the root of the workspace that this program was built from.
#[must_use]
pub fn workspace() -> &'static Path {
    // This package is `local/cli`.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// The path of a program, if a line of cargo's output contains it.
fn program_path(line: &str, binary: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_program =
        message.get("reason")? == "compiler-artifact" && message.get("target")?.get("name")? == binary;
    let executable = message.get("executable")?.as_str()?;
    is_program.then(|| PathBuf::from(executable))
}

impl Tools<'_> {
    fn has(&self, program: &str) -> bool {
        let folders = self.env.get("PATH").unwrap_or_default();
        std::env::split_paths(folders).any(|folder| folder.join(program).is_file())
    }
}

impl Architecture {
    /// Returns the architecture of this machine.
    #[must_use]
    pub const fn host() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86_64 }
    }

    /// Returns Rust's target triple for Amazon Linux on this architecture.
    #[must_use]
    pub const fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

/// Lambda's name of the architecture.
impl fmt::Display for Architecture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_read_from_cargo_s_output() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"bootstrap"},"executable":"/t/release/bootstrap"}"#;
        let bootstrap_path = |line| program_path(line, "bootstrap");
        assert_eq!(bootstrap_path(line), Some(PathBuf::from("/t/release/bootstrap")));
        assert_eq!(program_path(line, "iot-provision"), None);
        let library = r#"{"reason":"compiler-artifact","target":{"name":"bootstrap"},"executable":null}"#;
        assert_eq!(bootstrap_path(library), None);
        assert_eq!(bootstrap_path("warning: not JSON"), None);
    }

    #[test]
    fn a_checkout_that_is_gone_is_an_error_with_a_hint() {
        assert!(checkout(workspace()).is_ok());
        let gone = tempfile::tempdir().unwrap();
        for folder in [gone.path().to_owned(), gone.path().join("deleted")] {
            let error = checkout(&folder).unwrap_err().to_string();
            assert!(error.contains("is not the checkout") && error.contains("--bootstrap"), "{error}");
        }
    }

    #[test]
    fn flags_remap_the_user_s_cargo_home() {
        let cases = [
            (Env::from([("HOME", "/h")]), "/h/.cargo"),
            (Env::from([("HOME", "/h"), ("CARGO_HOME", "/elsewhere")]), "/elsewhere"),
        ];
        for (env, home) in cases {
            let flags = flags(Tools { cargo: "cargo", env: &env }, Path::new("/t"));
            let mut flags: Vec<&str> = flags.split('\x1f').collect();
            assert!(flags.is_sorted_by_key(|flag| flag.split('=').nth(1).unwrap().len()), "{flags:?}");
            flags.sort_unstable();
            let workspace = format!("{}=/build", workspace().display());
            let mut expected = [format!("{home}=/cargo"), "/t=/build/target".to_owned(), workspace];
            expected.sort();
            assert_eq!(flags, expected.map(|folders| format!("--remap-path-prefix={folders}")));
        }
    }
}
