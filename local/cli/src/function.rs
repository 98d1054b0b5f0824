//! The authorizer's function: how it is built and run.

use std::path::{Path, PathBuf};

use iot_local_base::env::Env;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_lambda::LambdaSpec;

use crate::package::build::{Build, BuildError, Tools};
use crate::package::packaged::Packaged;

/// Variables that the gateway sets, so that inherited values have no effect.
const NOT_INHERITED: [&str; 3] = ["LAMBDA_TASK_ROOT", "AUTHORIZER_CONFIG", "_HANDLER"];

/// Builds the same program as `package`, with cargo's progress on standard error. Returns its path.
///
/// # Errors
/// See [`BuildError`].
pub(crate) async fn build(packaged: Packaged, cargo: &str, env: &Env) -> Result<PathBuf, BuildError> {
    // It runs here, so it must be linked for this system.
    Build::native(packaged, Tools { cargo, env }).await?.run().await
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
