//! Building the function: the same bytes from the same sources, in whatever folder they lie.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use clap::ValueEnum;
use serde_json::Value;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The processors that Lambda has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64
    X86_64,
    /// Graviton
    Arm64,
}

/// What runs the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Builder {
    /// Cargo alone, for this machine's architecture
    Cargo,
    /// cargo-lambda, for either; it links with Zig
    CargoLambda,
}

/// The programs that there are.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// The cargo to build with.
    pub cargo: &'a str,
    /// The environment that builds inherit.
    pub env: &'a [(String, String)],
}

/// Why nothing was built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A program cannot be run.
    #[error("cannot run {program}: {source}; install Rust, or give a built bootstrap with --bootstrap")]
    Program {
        /// What was to be run.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Cargo does not say where it builds.
    #[error("cargo does not tell its target folder; see above")]
    NoTarget,
    /// This machine has no standard library of Rust for the architecture.
    #[error(
        "cannot build for {0}: there is no standard library of Rust for {triple}; `rustup target add {triple}` brings it, or name a compiler \
         that has it with --rustc (docs/package.md)",
        triple = .0.triple()
    )]
    NoStandardLibrary(Architecture),
    /// This machine's own linker makes other programs.
    #[error(
        "cannot build for {0} with cargo alone on this machine: cargo-lambda can, with Zig to link (`pip install cargo-lambda ziglang`, \
         docs/package.md)"
    )]
    NoLinker(Architecture),
    /// The build failed; cargo has said why.
    #[error("the function could not be built; see above")]
    Failed,
}

/// A build of the function that this machine can do.
#[derive(Debug)]
pub struct Build<'a> {
    /// For which processor.
    pub architecture: Architecture,
    builder: Builder,
    rustc: Option<&'a Path>,
    target: PathBuf,
    tools: Tools<'a>,
}

impl<'a> Build<'a> {
    /// Finds out how to build for an architecture; without `builder` cargo-lambda is taken where it is installed.
    ///
    /// # Errors
    /// This machine cannot, and how to fix it.
    pub async fn plan(
        architecture: Architecture,
        builder: Option<Builder>,
        rustc: Option<&'a Path>,
        tools: Tools<'a>,
    ) -> Result<Self, BuildError> {
        let installed = if tools.has("cargo-lambda") { Builder::CargoLambda } else { Builder::Cargo };
        let builder = builder.unwrap_or(installed);
        let is_native = cfg!(target_os = "linux") && architecture == Architecture::of_host();
        if builder == Builder::Cargo && !is_native {
            return Err(BuildError::NoLinker(architecture));
        }
        let build = Self { architecture, builder, rustc, target: target(tools).await?, tools };
        if builder == Builder::CargoLambda && !build.has_standard_library().await? {
            return Err(BuildError::NoStandardLibrary(architecture));
        }
        Ok(build)
    }

    /// The build of this machine's own programs, which needs nothing but cargo.
    ///
    /// # Errors
    /// If cargo cannot be asked.
    pub async fn native(tools: Tools<'a>) -> Result<Self, BuildError> {
        let target = target(tools).await?;
        Ok(Self {
            architecture: Architecture::of_host(),
            builder: Builder::Cargo,
            rustc: None,
            target,
            tools,
        })
    }

    /// Builds `bootstrap` as it is deployed, with cargo's progress on standard error, and returns its path.
    ///
    /// # Errors
    /// If cargo cannot be run or does not succeed.
    pub async fn run(&self) -> Result<PathBuf, BuildError> {
        let mut command = Command::new(self.tools.cargo);
        let placed = self.target.join("lambda").join(self.architecture.to_string());
        if self.builder == Builder::CargoLambda {
            // Without its own check cargo-lambda would call rustup, and its own options would change the profile.
            command.args(["lambda", "build", "--skip-target-check", "--disable-optimizations"]);
            command
                .args(["--target", self.architecture.triple(), "--flatten", "bootstrap", "--lambda-dir"])
                .arg(&placed);
        } else {
            // Cargo is asked where the file is, since the user may keep it anywhere.
            command.args(["build", "--message-format=json-render-diagnostics"]);
        }
        command.args(["--release", "--locked", "--package", "iot-jwt-authorizer", "--bin", "bootstrap"]);
        command.env("CARGO_ENCODED_RUSTFLAGS", flags(self.tools, &self.target));
        if let Some(rustc) = self.rustc {
            command.env("RUSTC", rustc);
        }
        let (status, executable) = watch(command, self.tools.cargo).await?;
        let executable =
            if self.builder == Builder::CargoLambda { Some(placed.join("bootstrap")) } else { executable };
        executable.filter(|_| status.success()).ok_or(BuildError::Failed)
    }

    /// Whether the compiler has a standard library for the architecture.
    async fn has_standard_library(&self) -> Result<bool, BuildError> {
        let rustc = self.rustc.map(|rustc| rustc.display().to_string());
        let rustc = rustc.or_else(|| self.tools.variable("RUSTC").map(str::to_owned));
        let rustc = rustc.unwrap_or_else(|| "rustc".to_owned());
        let mut command = Command::new(&rustc);
        command
            .args(["--print", "target-libdir", "--target", self.architecture.triple()])
            .current_dir(workspace());
        let said = command.output().await.map_err(|source| BuildError::Program { program: rustc, source })?;
        let folder = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let mut files = fs::read_dir(folder).into_iter().flatten().flatten();
        Ok(files.any(|file| file.file_name().to_string_lossy().starts_with("libcore-")))
    }
}

/// Runs a build to its end. What it says of its progress goes on to standard error.
async fn watch(mut command: Command, cargo: &str) -> Result<(ExitStatus, Option<PathBuf>), BuildError> {
    let failed = |source| BuildError::Program { program: cargo.to_owned(), source };
    command.current_dir(workspace()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let mut executable = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            executable = artifact(&line).or(executable);
        }
    }
    Ok((child.wait().await.map_err(failed)?, executable))
}

/// Compiler flags that keep the machine's folders out of the function. They take the place of any that the user has set: a function is
/// built for Lambda's processors, not for this one.
fn flags(tools: Tools<'_>, target: &Path) -> String {
    let home = tools.variable("HOME").unwrap_or_default();
    let registry = tools.variable("CARGO_HOME").map_or_else(|| Path::new(home).join(".cargo"), PathBuf::from);
    let mut folders = [(registry.as_path(), "/cargo"), (workspace(), "/build"), (target, "/build/target")];
    // One may lie in another, and the last that fits counts.
    folders.sort_by_key(|(folder, _)| folder.as_os_str().len());
    folders.map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display())).join("\x1f")
}

/// The folder that cargo builds in.
async fn target(tools: Tools<'_>) -> Result<PathBuf, BuildError> {
    let mut command = Command::new(tools.cargo);
    command
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(workspace())
        .stderr(Stdio::inherit());
    let failed = |source| BuildError::Program { program: tools.cargo.to_owned(), source };
    let said = command.output().await.map_err(failed)?;
    let said: Value = serde_json::from_slice(&said.stdout).map_err(|_| BuildError::NoTarget)?;
    said.get("target_directory").and_then(Value::as_str).map(PathBuf::from).ok_or(BuildError::NoTarget)
}

/// The root of the workspace that this program was built from.
#[must_use]
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The path of `bootstrap`, if the line of cargo's output names it.
fn artifact(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_bootstrap =
        message.get("reason")? == "compiler-artifact" && message.get("target")?.get("name")? == "bootstrap";
    let executable = message.get("executable")?.as_str()?;
    is_bootstrap.then(|| PathBuf::from(executable))
}

impl Tools<'_> {
    /// A variable of the environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, program: &str) -> bool {
        let folders = self.variable("PATH").unwrap_or_default();
        std::env::split_paths(folders).any(|folder| folder.join(program).is_file())
    }
}

impl Architecture {
    /// That of this machine.
    #[must_use]
    pub const fn of_host() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86_64 }
    }

    /// Rust's name for Amazon Linux on it.
    #[must_use]
    pub const fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

/// As Lambda calls it.
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
    fn cargo_s_output_names_the_file() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"bootstrap"},"executable":"/t/release/bootstrap"}"#;
        assert_eq!(artifact(line), Some(PathBuf::from("/t/release/bootstrap")));
        let library = r#"{"reason":"compiler-artifact","target":{"name":"bootstrap"},"executable":null}"#;
        assert_eq!(artifact(library), None);
        assert_eq!(artifact("warning: not JSON"), None);
    }

    #[test]
    fn the_user_s_cargo_home_is_kept_out_wherever_it_is() {
        let env = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let cases = [
            (env(&[("HOME", "/h")]), "/h/.cargo"),
            (env(&[("HOME", "/h"), ("CARGO_HOME", "/elsewhere")]), "/elsewhere"),
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
