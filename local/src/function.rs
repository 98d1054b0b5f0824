//! The authorizer's function: built from this workspace, or a file that is there already.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::lambda::LambdaSpec;

/// The ARN that the function is told it was invoked by: its Region and account are those of every resource here.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:iot-jwt-authorizer";

/// Variables that the host decides about, whatever the environment says.
const NOT_INHERITED: [&str; 2] = ["LAMBDA_TASK_ROOT", "AUTHORIZER_CONFIG"];

/// Why there is no function to run.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo cannot be run.
    #[error("cannot run {cargo}: {source}; install Rust, or give a built bootstrap with --bootstrap")]
    Cargo {
        /// What was to be run.
        cargo: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The build failed; cargo has said why.
    #[error("the function could not be built; see above")]
    Failed,
}

/// Builds `bootstrap` as it is deployed, with cargo's progress on standard error, and returns its path.
///
/// # Errors
/// If cargo cannot be run or does not succeed.
pub async fn build(cargo: &str) -> Result<PathBuf, BuildError> {
    let failed = |source| BuildError::Cargo { cargo: cargo.to_owned(), source };
    let mut child = Command::new(cargo)
        .args(["build", "--release", "--package", "iot-jwt-authorizer", "--bin", "bootstrap"])
        // Cargo is asked where the file is, since the user may keep it anywhere.
        .arg("--message-format=json-render-diagnostics")
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let mut executable = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            executable = artifact(&line).or(executable);
        }
    }
    let status = child.wait().await.map_err(failed)?;
    executable.filter(|_| status.success()).ok_or(BuildError::Failed)
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

/// How to run the function with `root` as its package, in the environment that this program was started in.
#[must_use]
pub fn spec(
    program: PathBuf,
    root: &Path,
    config: Option<&Path>,
    env: &[(String, String)],
    sandboxes: usize,
) -> LambdaSpec {
    let mut env: Vec<_> =
        env.iter().filter(|(name, _)| !NOT_INHERITED.contains(&name.as_str())).cloned().collect();
    env.push(("LAMBDA_TASK_ROOT".to_owned(), root.display().to_string()));
    if let Some(config) = config {
        env.push(("AUTHORIZER_CONFIG".to_owned(), config.display().to_string()));
    }
    LambdaSpec {
        program,
        args: Vec::new(),
        env,
        current_dir: root.to_owned(),
        sandboxes,
        function_arn: FUNCTION_ARN.to_owned(),
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
    fn the_package_is_the_host_s_to_choose() {
        let env =
            [("LAMBDA_TASK_ROOT".to_owned(), "/elsewhere".to_owned()), ("HOME".to_owned(), "/h".to_owned())];
        let spec = spec(PathBuf::from("bootstrap"), Path::new("/root"), None, &env, 2);
        let expected =
            [("HOME".to_owned(), "/h".to_owned()), ("LAMBDA_TASK_ROOT".to_owned(), "/root".to_owned())];
        assert_eq!(spec.env, expected);
    }
}
