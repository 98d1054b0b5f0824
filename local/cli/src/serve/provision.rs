//! The provisioning functions: known by their names from the start, and built or fetched at their first invocation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iot_local_base::env_file;
use iot_local_cloud::Account;
use iot_local_lambda::{InvokeTarget, LazyTarget};
use iot_provision::function::Trigger;
use tokio::sync::OnceCell;

use super::ServeOptions;
use crate::function;
use crate::launch::LaunchError;
use crate::package::packaged::{Packaged, provision_config};

/// The user's own credentials, with which the functions could not call this gateway: it gives them the operator's.
const CREDENTIALS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// Returns the provisioning functions, but those that `--lambda` replaces. All are one program, which is built or
/// fetched once; the handler says which of them it is.
///
/// # Errors
/// The file of `--env` or `release.toml` is invalid, or the working directory is unknown.
pub(super) fn targets(options: &ServeOptions, account: &Account) -> Result<Vec<InvokeTarget>, LaunchError> {
    let launch = &options.launch;
    let mut env = env_file::extended(&launch.env, options.function.env.as_deref())?;
    CREDENTIALS.iter().for_each(|name| env.remove(name));
    let config = provision_config(&options.function.config).map_err(LaunchError::ProvisionConfig)?;
    let config = std::path::absolute(config).map_err(LaunchError::WorkingDirectory)?;
    let root = config.parent().unwrap_or(Path::new("/"));
    let source = Arc::new(options.function.source(Packaged::Provision)?);
    let found = Arc::new(OnceCell::<PathBuf>::new());
    let is_replaced = |name: &str| options.lambdas.iter().any(|named| named.name == name);
    let names = Trigger::ALL.map(Trigger::name).into_iter().filter(|name| !is_replaced(name));
    Ok(names
        .map(|name| {
            let mut spec = function::spec(PathBuf::new(), root, None, &env, launch.sandboxes);
            spec.env.set("_HANDLER", name);
            spec.function_arn = function_arn(account, name);
            let (found, source, launch) = (Arc::clone(&found), Arc::clone(&source), launch.clone());
            InvokeTarget::Lazy(LazyTarget::new(spec, move || {
                let (found, source, launch) = (Arc::clone(&found), Arc::clone(&source), launch.clone());
                async move {
                    let find = || function::program(&source, Packaged::Provision, &launch.cargo, &launch.env);
                    let program = found.get_or_try_init(find).await;
                    program.cloned().map_err(|error| error.to_string())
                }
            }))
        })
        .collect())
}

fn function_arn(account: &Account, name: &str) -> String {
    format!("arn:aws:lambda:{}:{}:function:{name}", account.region(), account.id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::options;

    /// The names of the functions, with the folder of their configuration.
    fn found(folder: &Path, replaced: &[&str]) -> Vec<(String, PathBuf)> {
        let account = Account::new("eu-west-1", "111122223333").unwrap();
        let mut options = options(folder);
        options.lambdas = replaced.iter().map(|name| format!("{name}=./{name}").parse().unwrap()).collect();
        let targets = targets(&options, &account).unwrap();
        targets
            .into_iter()
            .map(|mut target| {
                let arn = target.arn().to_owned();
                let name = arn.strip_prefix("arn:aws:lambda:eu-west-1:111122223333:function:").unwrap();
                let env = &target.spec_mut().unwrap().env;
                assert_eq!(env.get("_HANDLER"), Some(name));
                (name.to_owned(), env.get("LAMBDA_TASK_ROOT").unwrap().into())
            })
            .collect()
    }

    #[test]
    fn all_functions_are_known_but_those_that_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let names = |replaced| {
            let found = found(folder.path(), replaced);
            found.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["jitr", "claim", "hook", "attach"]);
        assert_eq!(names(&["hook", "other"]), ["jitr", "claim", "attach"]);
    }

    #[test]
    fn the_configuration_is_next_to_the_authorizer_s_or_the_shipped_one() {
        let folder = tempfile::tempdir().unwrap();
        let shipped = crate::package::build::workspace().join("provision");
        assert!(found(folder.path(), &[]).iter().all(|(_, root)| *root == shipped));
        std::fs::write(folder.path().join("provision.toml"), "").unwrap();
        assert!(found(folder.path(), &[]).iter().all(|(_, root)| root == folder.path()));
    }
}
