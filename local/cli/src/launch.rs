//! Prepares the function of `serve`, `demo` and `invoke`, with its configuration and environment.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_base::env_file::{self, EnvFileError};
use iot_local_base::names::is_name;
use iot_local_cloud::Account;
use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_identity::workspace::{self, PrepareError, Workspace};
use iot_local_inspect::deployment::{self, DeploymentError};
use iot_local_lambda::{Endpoint, InvokeTarget, LambdaSpec, NotAnEndpoint};
use thiserror::Error;

use crate::function::{self, FunctionError};
use crate::package::packaged::Packaged;
use crate::package::source::FunctionSource;

/// The arguments for the function.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Function")]
pub struct FunctionArgs {
    /// Configuration of the authorizer
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
    /// Use the key sources of the configuration, and log in at its real issuers: the gateway then mints no tokens, and
    /// fetches of keys are in its event log
    #[arg(long)]
    pub keep_keys: bool,
    /// Use a built function, or those of a release: its folder or its version [default: release.toml, or else a build]
    #[arg(long, value_name = "FILE|RELEASE")]
    pub bootstrap: Option<PathBuf>,
    /// Run another authorizer
    ///
    /// A command that uses the Lambda Runtime API, or the URL of a Lambda invoke endpoint.
    #[arg(long, value_name = "COMMAND|URL", conflicts_with = "bootstrap")]
    pub function: Option<String>,
    /// ARN of the function; all resources have its Region and account
    ///
    /// The default is in us-east-1 and account 123456789012; with a URL 012345678912, as in AWS's emulator.
    #[arg(long, value_name = "ARN", hide_short_help = true)]
    pub function_arn: Option<String>,
    /// Add the NAME=VALUE lines of a file to the function's environment
    #[arg(long, value_name = "FILE")]
    pub env: Option<PathBuf>,
    /// The configuration next to which `release.toml` is, if `config` is a copy of it
    #[arg(skip)]
    pub original: Option<PathBuf>,
}

impl FunctionArgs {
    /// Returns where a program comes from. A file of `--bootstrap` is the authorizer.
    ///
    /// # Errors
    /// As [`FunctionSource::find`].
    pub(crate) fn source(&self, packaged: Packaged) -> Result<FunctionSource, FunctionError> {
        let bootstrap = self.bootstrap.as_deref();
        let bootstrap = bootstrap.filter(|path| packaged == Packaged::Authorizer || !path.is_file());
        Ok(FunctionSource::find(bootstrap, self.original.as_ref().unwrap_or(&self.config))?)
    }
}

/// The ARN that AWS's Runtime Interface Emulator, and so SAM, passes to a function.
const EMULATOR_ARN: &str = "arn:aws:lambda:us-east-1:012345678912:function:test_function";

/// An error while the function is prepared.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The file of `--env` is invalid.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// The configuration cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The configuration has errors, and the function would not start.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// There is no program of the function.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The URL of `--function` is invalid.
    #[error("--function: {0}")]
    Endpoint(#[from] NotAnEndpoint),
    /// The URL of a `--lambda` is invalid.
    #[error("--lambda {name}: {source}")]
    FurtherEndpoint {
        /// The name of the function.
        name: String,
        /// What is wrong with the URL.
        source: NotAnEndpoint,
    },
    /// The shipped configuration of the provisioning functions cannot be written.
    #[error("cannot write the shipped provision.toml to the state folder: {0}")]
    ProvisionConfig(std::io::Error),
    /// The working directory is unknown.
    #[error("cannot determine the working directory: {0}")]
    WorkingDirectory(std::io::Error),
}

/// How the function is built and run.
#[derive(Debug, Clone)]
pub struct LaunchSettings {
    /// The cargo that builds it.
    pub cargo: String,
    /// The environment that it inherits.
    pub env: Env,
    /// The number of its processes.
    pub sandboxes: usize,
}

/// Prepares the configuration, and builds the function if necessary.
///
/// # Errors
/// See [`LaunchError`].
pub async fn launch(
    args: &FunctionArgs,
    settings: &LaunchSettings,
) -> Result<(Workspace, InvokeTarget), LaunchError> {
    let env = env_file::extended(&settings.env, args.env.as_deref())?;
    if let Some(function) = &args.function {
        // Another authorizer does not read this configuration. If there is one, tokens can still be minted for it.
        let workspace = match args.config.exists() {
            true => workspace::prepare(&args.config, &env)?,
            false => workspace::bare(&args.config)?,
        };
        let target = other_function(function, args.function_arn.as_deref(), &env, settings.sandboxes)?;
        return Ok((workspace, target));
    }
    // The user's files will be deployed, so they must be valid. The copy has other keys and cannot show errors in
    // theirs. It is written after the check, since an earlier function may still run on it. A missing file is an error
    // of `prepare`.
    let original = std::path::absolute(&args.config).map_err(LaunchError::WorkingDirectory)?;
    if args.keep_keys || original.exists() {
        deployment::load(&original, &env).map_err(|errors| DeploymentError::new(&args.config, errors))?;
    }
    let workspace = match args.keep_keys {
        true => workspace::bare(&args.config)?,
        false => workspace::prepare(&args.config, &env)?,
    };
    let source = args.source(Packaged::Authorizer)?;
    let program = function::program(&source, Packaged::Authorizer, &settings.cargo, &settings.env).await?;
    let (root, config) = match args.keep_keys {
        true => (workspace.original.parent().unwrap_or(Path::new("/")), &workspace.original),
        false => (workspace.root.as_path(), &workspace.config),
    };
    let mut spec = function::spec(program, root, Some(config), &env, settings.sandboxes);
    if let Some(arn) = &args.function_arn {
        spec.function_arn.clone_from(arn);
    }
    Ok((workspace, spec.into()))
}

/// The function of `--function`. A command runs in the working directory, which is also its package.
fn other_function(
    function: &str,
    arn: Option<&str>,
    env: &Env,
    sandboxes: usize,
) -> Result<InvokeTarget, LaunchError> {
    if function.starts_with("http://") || function.starts_with("https://") {
        return Ok(InvokeTarget::Endpoint(Endpoint::new(function, arn.unwrap_or(EMULATOR_ARN).to_owned())?));
    }
    let directory = std::path::absolute(Path::new(".")).map_err(LaunchError::WorkingDirectory)?;
    let spec = function::spec(PathBuf::from("sh"), &directory, None, env, sandboxes);
    let args = vec!["-c".to_owned(), function.to_owned()];
    let function_arn = arn.unwrap_or(FUNCTION_ARN).to_owned();
    Ok(InvokeTarget::Processes(LambdaSpec { args, function_arn, ..spec }))
}

/// A function with the name of its ARN: `NAME=COMMAND` or `NAME=URL`.
#[derive(Debug, Clone)]
pub struct NamedFunction {
    /// The name.
    pub name: String,
    /// The command, or the URL of an invoke endpoint.
    pub function: String,
}

impl FromStr for NamedFunction {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, function)) if is_name(name, "_-", 1..=140) && !function.is_empty() => {
                Ok(Self { name: name.to_owned(), function: function.to_owned() })
            }
            _ => Err("expected NAME=COMMAND or NAME=URL, with a NAME of letters, digits, `-` and `_`"),
        }
    }
}

/// Prepares a further function of an account.
///
/// # Errors
/// The file of `--env` or the URL is invalid.
pub(crate) fn further_function(
    named: &NamedFunction,
    account: &Account,
    args: &FunctionArgs,
    settings: &LaunchSettings,
) -> Result<InvokeTarget, LaunchError> {
    let env = env_file::extended(&settings.env, args.env.as_deref())?;
    let arn = format!("arn:aws:lambda:{}:{}:function:{}", account.region(), account.id(), named.name);
    let mut target = other_function(&named.function, Some(&arn), &env, settings.sandboxes).map_err(
        |error| match error {
            LaunchError::Endpoint(source) => {
                LaunchError::FurtherEndpoint { name: named.name.clone(), source }
            }
            error => error,
        },
    )?;
    if let Some(spec) = target.spec_mut() {
        // A program with several handlers, such as that of the provisioning functions, runs the one of its name.
        spec.env.set("_HANDLER", &named.name);
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: FunctionArgs,
    }

    /// Launches with arguments in an empty folder, with `A=inherited` and `B=inherited` in the environment.
    async fn launched(line: &[&str], env: &str) -> Result<(Workspace, InvokeTarget), LaunchError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("env"), env).unwrap();
        let mut args = Line::try_parse_from(["serve"].iter().chain(line)).unwrap().args;
        args.config = folder.path().join("authorizer.toml");
        args.env = Some(folder.path().join("env"));
        let env = Env::from([("A", "inherited"), ("B", "inherited")]);
        launch(&args, &LaunchSettings { cargo: "cargo".to_owned(), env, sandboxes: 3 }).await
    }

    #[tokio::test]
    async fn a_shell_runs_a_command_with_inherited_and_added_variables() {
        let (workspace, function) =
            launched(&["--function", "node a.js --x"], "B='of file'\nC=3").await.unwrap();
        let InvokeTarget::Processes(spec) = function else { panic!("an endpoint") };
        assert_eq!((spec.program.to_str(), spec.sandboxes), (Some("sh"), 3));
        assert_eq!(spec.args, ["-c", "node a.js --x"]);
        let expected = [("A", "inherited"), ("B", "of file"), ("C", "3")];
        let variables = spec.env.iter().filter(|(name, _)| name.len() == 1);
        assert!(variables.eq(expected), "{:?}", spec.env);
        assert_eq!(spec.env.get("AUTHORIZER_CONFIG"), None);
        assert_eq!((spec.function_arn.as_str(), workspace.issuers.len()), (FUNCTION_ARN, 0));
    }

    #[tokio::test]
    async fn a_url_is_an_endpoint_with_the_emulator_s_arn() {
        let url = "http://127.0.0.1:9000/2015-03-31/functions/function/invocations";
        let (_, function) = launched(&["--function", url], "").await.unwrap();
        assert!(matches!(function, InvokeTarget::Endpoint(_)));
        assert_eq!(function.arn(), EMULATOR_ARN);
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:f";
        for function in [url, "./command"] {
            let (_, function) = launched(&["--function", function, "--function-arn", arn], "").await.unwrap();
            assert_eq!(function.arn(), arn);
        }
    }

    #[test]
    fn a_further_function_has_the_arn_of_its_name() {
        let account = Account::new("eu-west-1", "111122223333").unwrap();
        let args = Line::try_parse_from(["serve"]).unwrap().args;
        let settings = LaunchSettings { cargo: "cargo".to_owned(), env: Env::default(), sandboxes: 3 };
        let further = |text: &str| further_function(&text.parse().unwrap(), &account, &args, &settings);
        let InvokeTarget::Processes(spec) = further("hook_1=./hook --mode=a").unwrap() else {
            panic!("an endpoint")
        };
        assert_eq!(spec.function_arn, "arn:aws:lambda:eu-west-1:111122223333:function:hook_1");
        assert_eq!(spec.env.get("_HANDLER"), Some("hook_1"));
        assert_eq!((&spec.args[1], spec.sandboxes), (&"./hook --mode=a".to_owned(), 3));
        let error = further("hook=https://x/").err().unwrap().to_string();
        assert!(error.contains("--lambda hook: invalid URL"), "{error}");
        for text in ["", "hook", "hook=", "=command", "a b=command", "a:live=command"] {
            assert!(text.parse::<NamedFunction>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn errors_have_a_hint() {
        for (line, env, expected) in [
            (&[][..], "", "authorizer.toml: no such file"),
            (&["--function", "x"], "A", "env:1: missing `=`; expected NAME=VALUE"),
            (&["--function", "https://x/"], "", "--function: invalid URL; expected http(s)://HOST"),
        ] {
            let error = launched(line, env).await.err().unwrap().to_string();
            assert!(error.contains(expected), "{line:?}: {error}");
        }
        assert!(Line::try_parse_from(["serve", "--function", "x", "--bootstrap", "y"]).is_err());
    }
}
