//! The authorizer's function: built from this workspace, or a file that is there already.

use std::path::{Path, PathBuf};

use crate::lambda::LambdaSpec;
use crate::package::build::{Build, BuildError, Tools};

/// The ARN that the function is told it was invoked by: its Region and account are those of every resource here.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:iot-jwt-authorizer";

/// Variables that the host decides about, whatever the environment says.
const NOT_INHERITED: [&str; 2] = ["LAMBDA_TASK_ROOT", "AUTHORIZER_CONFIG"];

/// Builds `bootstrap` as it is deployed, byte for byte, with cargo's progress on standard error, and returns its path.
///
/// # Errors
/// If cargo cannot be run or does not succeed.
pub async fn build(cargo: &str, env: &[(String, String)]) -> Result<PathBuf, BuildError> {
    // What runs here has to be linked for this system, and is then the package's too.
    Build::native(Tools { cargo, env }).await?.run().await
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
    fn the_package_is_the_host_s_to_choose() {
        let env =
            [("LAMBDA_TASK_ROOT".to_owned(), "/elsewhere".to_owned()), ("HOME".to_owned(), "/h".to_owned())];
        let spec = spec(PathBuf::from("bootstrap"), Path::new("/root"), None, &env, 2);
        let expected =
            [("HOME".to_owned(), "/h".to_owned()), ("LAMBDA_TASK_ROOT".to_owned(), "/root".to_owned())];
        assert_eq!(spec.env, expected);
    }
}
