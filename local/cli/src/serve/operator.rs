//! The operator's key pair. As in an AWS account, it is that of all Regions: gateways that run on one state folder
//! share it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use iot_local_base::files;
use iot_local_cloud::credentials::KeyPair;
use iot_local_identity::workspace::Workspace;

use super::ServeError;
use super::control::REGISTRY;

/// Makes the operator's key pair of this run, and writes it as an AWS credentials file. While another gateway runs on
/// the state folder, its pair is used. The caller holds the lock of the folder until it has opened its registry.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn operator(workspace: &Workspace) -> Result<KeyPair, ServeError> {
    let path = workspace.root.join("private").join("operator");
    let failed = |source| ServeError::StateFile { path: path.clone(), source };
    if has_running_gateway(&workspace.root)
        && let Some(pair) = fs::read_to_string(&path).ok().as_deref().and_then(parse)
    {
        return Ok(pair);
    }
    let pair = KeyPair::random("AKIA").map_err(|error| failed(io::Error::other(error)))?;
    let KeyPair { access_key_id, secret_access_key } = &pair;
    let content = format!(
        "[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n"
    );
    files::replace(&path, content.as_bytes()).map_err(failed)?;
    Ok(pair)
}

/// Reads a file that [`operator`] has written.
fn parse(content: &str) -> Option<KeyPair> {
    let value = |name: &str| {
        let mut pairs = content.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    Some(KeyPair {
        access_key_id: value("aws_access_key_id")?,
        secret_access_key: value("aws_secret_access_key")?,
    })
}

/// Whether a process has locked a registry `.iot-local/ACCOUNT/REGION/registry` of a state folder.
fn has_running_gateway(root: &Path) -> bool {
    let folders =
        |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    folders(root).flat_map(|account| folders(&account)).any(|region| {
        let lock = File::open(region.join(REGISTRY).join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    })
}

#[cfg(test)]
mod tests {
    use iot_local_identity::workspace;

    use super::*;
    use crate::serve::control;
    use crate::serve::tests::options;

    #[test]
    fn the_operator_has_a_new_private_key_pair_at_each_start() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace::bare(&folder.path().join("authorizer.toml")).unwrap();
        let keys: Vec<_> = (0..2).map(|_| operator(&workspace).unwrap().access_key_id).collect();
        assert_ne!(keys[0], keys[1]);
        let path = workspace.root.join("private/operator");
        let content = fs::read_to_string(&path).unwrap();
        assert!(content.starts_with(&format!("[default]\naws_access_key_id = {}\n", keys[1])));
        let secret = content.trim_end().rsplit(' ').next().unwrap();
        assert_eq!((keys[1].len(), secret.len()), (20, 40));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn gateways_that_run_at_once_share_the_key_pair() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace::bare(&folder.path().join("authorizer.toml")).unwrap();
        let open = |region: &str| {
            let mut options = options(folder.path());
            options.endpoint.region = Some(region.to_owned());
            control::open(&options, &workspace, control::account(&options).unwrap()).unwrap()
        };
        let pair = || {
            let KeyPair { access_key_id, secret_access_key } = operator(&workspace).unwrap();
            (access_key_id, secret_access_key)
        };
        let first = pair();
        let cloud = open("eu-west-1");
        assert!(pair() == first, "another pair while a gateway runs");
        let other = open("ap-northeast-1");
        drop(cloud);
        assert!(pair() == first, "another pair while the other gateway runs");
        fs::write(workspace.root.join("private/operator"), "[default]\naws_access_key_id = AKIA\n").unwrap();
        let second = pair();
        assert!(second != first && pair() == second, "an incomplete file is replaced");
        drop(other);
        assert!(pair() != second, "no new pair after the last gateway ended");
    }
}
