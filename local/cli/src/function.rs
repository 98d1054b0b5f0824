//! A function: where its program comes from, and how it is run.

use std::path::{Path, PathBuf};

use iot_local_base::env::Env;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_lambda::LambdaSpec;

use thiserror::Error;

use crate::package::build::{Build, BuildError, Tools};
use crate::package::packaged::Packaged;
use crate::package::release::ReleaseError;
use crate::package::source::FunctionSource;

/// Variables that the gateway sets, so that inherited values have no effect.
const NOT_INHERITED: [&str; 3] = ["LAMBDA_TASK_ROOT", "AUTHORIZER_CONFIG", "_HANDLER"];

/// Why there is no program to run.
#[derive(Debug, Error)]
pub enum FunctionError {
    /// The function cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The file or the release cannot be used.
    #[error(transparent)]
    Release(#[from] ReleaseError),
}

/// Returns the path of a program that runs here. It is the same program as `package` packs. A build shows cargo's
/// progress on standard error.
///
/// # Errors
/// See [`FunctionError`].
pub(crate) async fn program(
    source: &FunctionSource,
    packaged: Packaged,
    cargo: &str,
    env: &Env,
) -> Result<PathBuf, FunctionError> {
    Ok(match source {
        FunctionSource::File(path) => {
            path.canonicalize().map_err(|error| ReleaseError::NoFunction { path: path.clone(), error })?
        }
        FunctionSource::Release(release) => release.executable(packaged).await?,
        // It must be linked for this system.
        FunctionSource::Checkout => Build::native(packaged, Tools { cargo, env }).await?.run().await?,
    })
}

/// Returns how to run a program as the function, with `root` as its package.
#[must_use]
pub(crate) fn spec(
    program: PathBuf,
    root: &Path,
    config: Option<&Path>,
    env: &Env,
    sandboxes: usize,
) -> LambdaSpec {
    let mut env = env.clone();
    NOT_INHERITED.iter().for_each(|name| env.remove(name));
    env.set("LAMBDA_TASK_ROOT", root.display().to_string());
    if let Some(config) = config {
        env.set("AUTHORIZER_CONFIG", config.display().to_string());
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
    fn package_and_configuration_are_not_inherited() {
        let env =
            Env::from([("LAMBDA_TASK_ROOT", "/elsewhere"), ("AUTHORIZER_CONFIG", "/other"), ("HOME", "/h")]);
        let spec = spec(PathBuf::from("bootstrap"), Path::new("/root"), None, &env, 2);
        let expected = Env::from([("HOME", "/h"), ("LAMBDA_TASK_ROOT", "/root")]);
        assert_eq!(spec.env, expected);
    }
}
