//! The control plane of `serve`: its Region and account, and its registry.

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use iot_local_base::env::Env;
use iot_local_base::{clock, files};
use iot_local_cloud::{Account, Cloud, CloudOptions};
use iot_local_gateway::certificate::SERVER_NAME;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_identity::workspace::Workspace;
use iot_local_lambda::InvokeTarget;

use super::{ServeError, ServeOptions};
use crate::local_settings::LocalSettings;

/// The folder of a registry in `.iot-local/ACCOUNT/REGION/`.
pub(super) const REGISTRY: &str = "registry";

/// The variable that names the endpoint of all AWS services.
const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL";

/// Returns the Region and the account: of the options, else of `local.toml`, else of `--function-arn`, else the
/// defaults. The environment has no influence.
pub(super) fn account(options: &ServeOptions) -> Result<Account, ServeError> {
    let settings = LocalSettings::beside(&options.function.config)?;
    let arn = options.function.function_arn.as_deref().unwrap_or(FUNCTION_ARN);
    let mut parts = arn.split(':').skip(3);
    let mut of_arn = || parts.next().unwrap_or_default().to_owned();
    let (arn_region, arn_account) = (of_arn(), of_arn());
    let region = options.endpoint.region.clone().or(settings.region).unwrap_or(arn_region);
    let id = options.endpoint.account.clone().or(settings.account).unwrap_or(arn_account);
    Ok(Account::new(&region, &id)?)
}

/// Opens the registry of an account in the state folder.
pub(super) fn open(
    options: &ServeOptions,
    workspace: &Workspace,
    account: Account,
) -> Result<Cloud, ServeError> {
    let folder = registry_folder(&workspace.root, &account)
        .map_err(|(path, source)| ServeError::StateFile { path, source })?;
    if options.endpoint.fresh {
        Cloud::move_away(&folder)?;
    }
    let cloud = Cloud::open(CloudOptions {
        account,
        folder: Some(folder),
        private: Some(workspace.root.join("private")),
        endpoint: SERVER_NAME.to_owned(),
        clock: clock::now,
    })?;
    if let Some(every) = options.endpoint.throttle.and_then(NonZeroU32::new) {
        cloud.set_throttle(every);
    }
    Ok(cloud)
}

/// Returns `.iot-local/ACCOUNT/REGION/registry`. Its parents are private.
fn registry_folder(root: &Path, account: &Account) -> Result<PathBuf, (PathBuf, io::Error)> {
    let mut folder = root.to_owned();
    for name in [account.id(), account.region()] {
        folder.push(name);
        files::private_folder(&folder).map_err(|error| (folder.clone(), error))?;
    }
    Ok(folder.join(REGISTRY))
}

/// Adapts a function to the gateway. Its ARN gets the Region and account of the registry, unless `--function-arn` sets
/// it. Returns whether it no longer has an `AWS_ENDPOINT_URL` that names this gateway: it would look for all services
/// here, such as Secrets Manager.
pub(super) fn adapt_function(
    function: &mut InvokeTarget,
    options: &ServeOptions,
    account: &Account,
    ports: &[u16],
) -> bool {
    let Some(spec) = function.spec_mut() else { return false };
    if options.function.function_arn.is_none() {
        let name = FUNCTION_ARN.rsplit(':').next().unwrap_or_default();
        spec.function_arn = format!("arn:aws:lambda:{}:{}:function:{name}", account.region(), account.id());
    }
    remove_endpoint(function, ports)
}

/// Removes an `AWS_ENDPOINT_URL` that names this gateway from a function's environment. Returns whether it was there.
pub(super) fn remove_endpoint(function: &mut InvokeTarget, ports: &[u16]) -> bool {
    let Some(spec) = function.spec_mut() else { return false };
    let is_own = names_gateway(&spec.env, ports);
    if is_own {
        spec.env.remove(ENDPOINT_VARIABLE);
    }
    is_own
}

/// What is said when the variable is removed.
pub(super) const ENDPOINT_REMOVED: &str = "AWS_ENDPOINT_URL names this gateway, so it is removed from the environment of \
    functions; help: set AWS_ENDPOINT_URL_IOT, which leaves other services where they are";

fn names_gateway(env: &Env, ports: &[u16]) -> bool {
    let Some(url) = env.get(ENDPOINT_VARIABLE) else { return false };
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let authority = rest.unwrap_or(url).split(['/', '?']).next().unwrap_or_default();
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    let is_local = matches!(host, "127.0.0.1" | "localhost" | "[::1]") || host.ends_with(".localhost");
    is_local && port.parse().is_ok_and(|port| ports.contains(&port))
}

#[cfg(test)]
mod tests {
    use iot_local_lambda::LambdaSpec;

    use super::*;
    use crate::serve::tests::options;

    #[test]
    fn region_and_account_are_of_options_then_the_file_then_the_function() {
        const ARN: &str = "arn:aws:lambda:eu-north-1:111111111111:function:f";
        const FILE: &str = "region = \"eu-west-1\"\naccount = \"222222222222\"\n";
        let folder = tempfile::tempdir().unwrap();
        for (region, account_option, file, arn, expected) in [
            (None, None, "", None, Ok("us-east-1 123456789012")),
            (None, None, "", Some(ARN), Ok("eu-north-1 111111111111")),
            (None, None, FILE, Some(ARN), Ok("eu-west-1 222222222222")),
            (None, None, "region = \"eu-west-1\"", Some(ARN), Ok("eu-west-1 111111111111")),
            (Some("ap-east-1"), None, FILE, Some(ARN), Ok("ap-east-1 222222222222")),
            (Some("ap-east-1"), Some("333333333333"), FILE, None, Ok("ap-east-1 333333333333")),
            (Some("../x"), None, "", None, Err("invalid Region")),
            (Some(""), None, "", None, Err("invalid Region")),
            (None, Some("12"), "", None, Err("invalid account")),
            (None, None, "account = \"../../etc/xx\"", None, Err("invalid account")),
            (None, None, "account = 222222222222", None, Err("local.toml:1: account is of type integer")),
            (None, None, "profile = \"x\"", None, Err("unknown member \"profile\"")),
        ] {
            std::fs::write(folder.path().join("local.toml"), file).unwrap();
            let mut options = options(folder.path());
            options.endpoint.region = region.map(str::to_owned);
            options.endpoint.account = account_option.map(str::to_owned);
            options.function.function_arn = arn.map(str::to_owned);
            match (account(&options), expected) {
                (Ok(account), Ok(expected)) => {
                    assert_eq!(format!("{} {}", account.region(), account.id()), expected, "{file}");
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{region:?} {file}: {:?}", found.is_ok()),
            }
        }
    }

    #[test]
    fn a_registry_is_opened_again_and_a_fresh_one_keeps_the_earlier() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = iot_local_identity::workspace::bare(&folder.path().join("authorizer.toml")).unwrap();
        let mut options = options(folder.path());
        let open = |options: &ServeOptions| open(options, &workspace, account(options).unwrap());
        let first = open(&options).unwrap();
        let registry = workspace.root.join("123456789012/us-east-1/registry");
        assert!(registry.is_dir());
        // A second gateway is kept out, also one with --fresh.
        for is_fresh in [false, true] {
            options.endpoint.fresh = is_fresh;
            let error = open(&options).err().unwrap().to_string();
            assert!(error.contains("another process uses this registry"), "{error}");
        }
        drop(first);
        std::fs::write(registry.join("mark"), "x").unwrap();
        options.endpoint.fresh = false;
        drop(open(&options).unwrap());
        assert!(registry.join("mark").exists());
        options.endpoint.fresh = true;
        drop(open(&options).unwrap());
        assert!(!registry.join("mark").exists());
        assert!(registry.with_file_name("registry.old").join("mark").exists());
    }

    #[test]
    fn a_function_has_the_region_of_the_registry_and_its_own_endpoints() {
        let folder = tempfile::tempdir().unwrap();
        let spec = |url: &str| {
            let env = Env::from([(ENDPOINT_VARIABLE, url), ("AWS_ENDPOINT_URL_IOT", url)]);
            InvokeTarget::Processes(LambdaSpec {
                program: PathBuf::from("bootstrap"),
                args: Vec::new(),
                env,
                current_dir: folder.path().to_owned(),
                sandboxes: 1,
                function_arn: FUNCTION_ARN.to_owned(),
            })
        };
        let account = Account::new("eu-west-1", "111122223333").unwrap();
        for (url, arn, is_removed, expected) in [
            (
                "http://127.0.0.1:8080",
                None,
                true,
                "arn:aws:lambda:eu-west-1:111122223333:function:iot-jwt-authorizer",
            ),
            (
                "http://127.0.0.1:4566",
                None,
                false,
                "arn:aws:lambda:eu-west-1:111122223333:function:iot-jwt-authorizer",
            ),
            ("http://127.0.0.1:8080", Some(FUNCTION_ARN), true, FUNCTION_ARN),
        ] {
            let mut options = options(folder.path());
            options.function.function_arn = arn.map(str::to_owned);
            let mut function = spec(url);
            assert_eq!(adapt_function(&mut function, &options, &account, &[8080]), is_removed);
            assert_eq!(function.arn(), expected);
            let InvokeTarget::Processes(spec) = function else { panic!("an endpoint") };
            assert_eq!(spec.env.get(ENDPOINT_VARIABLE).is_none(), is_removed);
            assert_eq!(spec.env.get("AWS_ENDPOINT_URL_IOT"), Some(url));
        }
    }

    #[test]
    fn only_an_endpoint_of_this_gateway_is_removed() {
        for (url, expected) in [
            (Some("http://127.0.0.1:8080"), true),
            (Some("http://localhost:8080/"), true),
            (Some("https://localhost:8443"), true),
            (Some("http://iot.localhost:8080"), true),
            (Some("http://127.0.0.1:4566"), false),
            (Some("http://127.0.0.1"), false),
            (Some("https://example.com:8080"), false),
            (Some("http://localhost.example:8080"), false),
            (Some(""), false),
            (None, false),
        ] {
            let mut env = Env::default();
            if let Some(url) = url {
                env.set(ENDPOINT_VARIABLE, url);
            }
            assert_eq!(names_gateway(&env, &[8080, 8443]), expected, "{url:?}");
        }
    }
}
