//! What the commands that run the function have in common: which function, with which configuration and environment.

use std::path::{Path, PathBuf};

use clap::Args;
use iot_jwt_authorizer::config::{Config, Faults};
use thiserror::Error;

use crate::env_file::{self, EnvFileError};
use crate::function::{self, FUNCTION_ARN};
use crate::lambda::{Endpoint, Function, LambdaSpec, NotAnEndpoint};
use crate::package::build::BuildError;
use crate::workspace::{self, PrepareError, Workspace};

/// Which function, as the command line has it.
#[derive(Debug, Clone, Args)]
pub struct FunctionArgs {
    /// Configuration of the authorizer
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub config: PathBuf,
    /// Keep the configuration's own key sources, for tokens of its real issuers
    #[arg(long)]
    pub keep_keys: bool,
    /// Use this bootstrap instead of building it
    #[arg(long, value_name = "PATH")]
    pub bootstrap: Option<PathBuf>,
    /// Run another authorizer: a command that speaks the Lambda Runtime API, or the URL of a Lambda invoke endpoint
    #[arg(long, value_name = "COMMAND|URL", conflicts_with = "bootstrap")]
    pub function: Option<String>,
    /// ARN that the function is invoked by; its Region and account are those of every resource [default: of us-east-1 and
    /// 123456789012, behind a URL 012345678912, which AWS's emulator names]
    #[arg(long, value_name = "ARN")]
    pub function_arn: Option<String>,
    /// Add the NAME=VALUE lines of a file to the function's environment
    #[arg(long, value_name = "FILE")]
    pub env: Option<PathBuf>,
}

/// The ARN that the Runtime Interface Emulator, and SAM with it, tells a function.
const EMULATOR_ARN: &str = "arn:aws:lambda:us-east-1:012345678912:function:test_function";

/// Why there is nothing to run.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The file of `--env`.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// The configuration cannot be made ready.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The function would not start with the configuration as it is; every fault is named.
    #[error("{} has faults, with which the function would not start:\n{}", config.display(), faults.to_string().trim_end())]
    Faults {
        /// The user's file.
        config: PathBuf,
        /// What is wrong with it and with what it names.
        faults: Faults,
    },
    /// There is no function at the path that was given.
    #[error("cannot read {}: {source}; build it, or leave --bootstrap out", path.display())]
    Bootstrap {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The function cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The URL of `--function`.
    #[error("--function: {0}")]
    Endpoint(#[from] NotAnEndpoint),
    /// Where a command of `--function` would run.
    #[error("the working directory cannot be found: {0}")]
    Here(std::io::Error),
}

/// The surroundings that a function is launched in.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The cargo to build with.
    pub cargo: String,
    /// The environment that the function inherits.
    pub env: Vec<(String, String)>,
    /// How many processes of the function.
    pub sandboxes: usize,
}

/// Makes configuration and function ready, and builds the function if need be.
///
/// # Errors
/// See [`LaunchError`].
pub async fn launch(
    args: &FunctionArgs,
    around: &Surroundings,
) -> Result<(Workspace, Function), LaunchError> {
    let mut env = around.env.clone();
    if let Some(path) = &args.env {
        let added = env_file::read(path)?;
        env.retain(|(name, _)| added.iter().all(|(new, _)| new != name));
        env.extend(added);
    }
    let environment =
        |name: &str| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    if let Some(other) = &args.function {
        // Another authorizer has a configuration of its own; ours, if there is one, is where tokens are minted for.
        let workspace = match args.config.exists() {
            true => workspace::prepare(&args.config, &environment)?,
            false => workspace::bare(&args.config)?,
        };
        return Ok((workspace, another(other, args.function_arn.as_deref(), &env, around.sandboxes)?));
    }
    let workspace = match args.keep_keys {
        true => workspace::bare(&args.config)?,
        false => workspace::prepare(&args.config, &environment)?,
    };
    // The user's own files are what will be deployed, so it is they that have to be right. The copy that the function
    // runs on has other keys, and would not show what is wrong with theirs.
    if let Err(faults) = Config::load(&workspace.original, &environment) {
        return Err(LaunchError::Faults { config: workspace.original, faults });
    }
    let program = match &args.bootstrap {
        Some(path) => {
            path.canonicalize().map_err(|source| LaunchError::Bootstrap { path: path.clone(), source })?
        }
        None => function::build(&around.cargo, &around.env).await?,
    };
    let (root, config) = match args.keep_keys {
        true => (workspace.original.parent().unwrap_or(Path::new("/")), &workspace.original),
        false => (workspace.root.as_path(), &workspace.config),
    };
    let mut spec = function::spec(program, root, Some(config), &env, around.sandboxes);
    if let Some(arn) = &args.function_arn {
        spec.function_arn.clone_from(arn);
    }
    Ok((workspace, spec.into()))
}

/// The function of `--function`. A command runs where the user is, with that as its package.
fn another(
    function: &str,
    arn: Option<&str>,
    env: &[(String, String)],
    sandboxes: usize,
) -> Result<Function, LaunchError> {
    if function.starts_with("http://") || function.starts_with("https://") {
        return Ok(Function::Endpoint(Endpoint::new(function, arn.unwrap_or(EMULATOR_ARN).to_owned())?));
    }
    let here = std::path::absolute(Path::new(".")).map_err(LaunchError::Here)?;
    let spec = function::spec(PathBuf::from("sh"), &here, None, env, sandboxes);
    let args = vec!["-c".to_owned(), function.to_owned()];
    let function_arn = arn.unwrap_or(FUNCTION_ARN).to_owned();
    Ok(Function::Processes(LambdaSpec { args, function_arn, ..spec }))
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

    /// Launches by a command line in an empty folder, with `A=inherited` and `B=inherited` around.
    async fn launched(line: &[&str], env: &str) -> Result<(Workspace, Function), LaunchError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("env"), env).unwrap();
        let mut args = Line::try_parse_from(["serve"].iter().chain(line)).unwrap().args;
        args.config = folder.path().join("authorizer.toml");
        args.env = Some(folder.path().join("env"));
        let env = ["A", "B"].map(|name| (name.to_owned(), "inherited".to_owned())).into();
        launch(&args, &Surroundings { cargo: "cargo".to_owned(), env, sandboxes: 3 }).await
    }

    #[tokio::test]
    async fn a_command_is_run_by_the_shell_with_the_variables_of_both() {
        let (workspace, function) =
            launched(&["--function", "node a.js --x"], "B='of file'\nC=3").await.unwrap();
        let Function::Processes(spec) = function else { panic!("an endpoint") };
        assert_eq!((spec.program.to_str(), spec.sandboxes), (Some("sh"), 3));
        assert_eq!(spec.args, ["-c", "node a.js --x"]);
        let expected = [("A", "inherited"), ("B", "of file"), ("C", "3")];
        let own = spec.env.iter().filter(|(name, _)| name.len() == 1);
        assert!(own.eq(&expected.map(|(name, value)| (name.to_owned(), value.to_owned()))), "{:?}", spec.env);
        assert!(!spec.env.iter().any(|(name, _)| name == "AUTHORIZER_CONFIG"));
        assert_eq!((spec.function_arn.as_str(), workspace.issuers.len()), (FUNCTION_ARN, 0));
    }

    #[tokio::test]
    async fn a_url_is_an_endpoint_in_the_emulator_s_account() {
        let url = "http://127.0.0.1:9000/2015-03-31/functions/function/invocations";
        let (_, function) = launched(&["--function", url], "").await.unwrap();
        assert!(matches!(function, Function::Endpoint(_)));
        assert_eq!(function.arn(), EMULATOR_ARN);
        let own = "arn:aws:lambda:eu-west-1:111122223333:function:f";
        for function in [url, "./command"] {
            let (_, function) = launched(&["--function", function, "--function-arn", own], "").await.unwrap();
            assert_eq!(function.arn(), own);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_launched_says_what_to_mend() {
        for (line, env, expected) in [
            (&[][..], "", "name the configuration with --config"),
            (&["--function", "x"], "A", "env:1: write it as NAME=VALUE"),
            (&["--function", "https://x/"], "", "--function: write the function's URL as"),
        ] {
            let error = launched(line, env).await.err().unwrap().to_string();
            assert!(error.contains(expected), "{line:?}: {error}");
        }
        assert!(Line::try_parse_from(["serve", "--function", "x", "--bootstrap", "y"]).is_err());
    }
}
