//! `cargo local`: AWS IoT Core on one machine, and tools for a configuration. Each command has a file with its
//! arguments, calls and output.
//!
//! ```text
//! arguments -> run -> serve, demo, invoke                (launch -> package::source, gateway)
//!                  -> token, certificate, snippet        (identity, gateway; control)
//!                  -> explain, can, diff, check, keys    (inspect, key_fetch; control)
//!                  -> schema                            (inspect)
//!                  -> revoke                            (inspect; a file, or Secrets Manager)
//!                  -> health                             (control)
//!                  -> kit                               (keys and requests of many devices)
//!                  -> package                            (check, package)
//!                  -> storm                              (storm; serve and real clients in a rehearsal)
//!                  -> init                               (the files of docs/recipes)
//! ```

pub mod arguments;

mod help;

mod local_settings;
mod serve;

mod demo;
pub mod invoke;

mod function;
pub mod launch;

mod certificate;
mod kit;
mod token;

mod completions;
mod snippet;

mod storm;

mod can;
mod check;
mod diff;
mod explain;
mod keys;
mod revoke;
mod schema;

mod control;
mod health;
mod https;
mod key_fetch;
mod lines;
mod shell;

mod build_info;

mod init;

pub mod package;

use std::error::Error;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use iot_local_base::clock;
use iot_local_base::env::Env;

use crate::can::CanArgs;
use crate::certificate::CertificateArgs;
use crate::check::CheckArgs;
use crate::completions::CompletionsArgs;
use crate::demo::{DemoArgs, DemoError};
use crate::diff::DiffArgs;
use crate::explain::ExplainArgs;
use crate::health::HealthArgs;
use crate::init::InitArgs;
use crate::invoke::InvokeArgs;
use crate::keys::KeysArgs;
use crate::kit::KitArgs;
use crate::launch::LaunchSettings;
use crate::package::build::Tools;
use crate::package::{PackageArgs, PackageError};
use crate::revoke::{RevokeArgs, RevokedArgs, UnrevokeArgs};
use crate::schema::SchemaArgs;
use crate::serve::ServeArgs;
use crate::snippet::SnippetArgs;
use crate::storm::StormArgs;
use crate::token::TokenError;

/// AWS IoT Core on your own machine
#[derive(Parser)]
#[command(
    name = "cargo local",
    bin_name = "cargo local",
    version = build_info::TEXT.as_str(),
    args_conflicts_with_subcommands = true,
    after_long_help = help::TOP,
    max_term_width = 120
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Start the local gateway and print its event log (the default)
    #[command(after_long_help = help::SERVE)]
    Serve(Box<ServeArgs>),
    /// Run a whole flow once with real MQTT clients
    ///
    /// Shows which actions are allowed or denied, and why. Exits with 0 only if each had the expected result.
    #[command(after_long_help = help::DEMO)]
    Demo(DemoArgs),
    /// Write a folder with a configuration of your own, for your provider; exits 2 if nothing was written
    Init(Box<InitArgs>),
    /// Mint a development token and print it on one line
    #[command(after_long_help = help::TOKEN)]
    Token(token::TokenArgs),
    /// Print the commands that connect a client to the running gateway
    #[command(after_long_help = help::SNIPPET)]
    Snippet(SnippetArgs),
    /// Call the authorizer once, as `aws iot test-invoke-authorizer` does
    ///
    /// Exits with 0 if it allows the client.
    #[command(after_long_help = help::INVOKE)]
    Invoke(Box<InvokeArgs>),
    /// Validate a configuration, lint it, and compute the largest possible policy
    ///
    /// Exits with 1 on an error.
    #[command(after_long_help = help::CHECK)]
    Check(CheckArgs),
    /// Explain the decision about a token, an event or claims
    ///
    /// Exits with 0 if the client is allowed.
    #[command(after_long_help = help::EXPLAIN)]
    Explain(Box<ExplainArgs>),
    /// Test one action against a token or a device's certificate, and show what decides
    #[command(after_long_help = help::CAN)]
    Can(Box<CanArgs>),
    /// Print the JSON Schema of a configuration file, for editors
    #[command(after_long_help = help::SCHEMA)]
    Schema(SchemaArgs),
    /// Compare the permissions of two configurations
    #[command(after_long_help = help::DIFF)]
    Diff(DiffArgs),
    /// Fetch and list issuers' public keys
    #[command(after_long_help = help::KEYS)]
    Keys(KeysArgs),
    /// Put a subject, a token or a key on the revocation list
    ///
    /// Raises the list's version, and writes it to the file or secret that `[revocation]` names.
    #[command(after_long_help = help::REVOKE)]
    Revoke(Box<RevokeArgs>),
    /// Take a subject, a token or a key off the revocation list; exits 1 if it is not on it
    #[command(after_long_help = help::UNREVOKE)]
    Unrevoke(Box<UnrevokeArgs>),
    /// Show who is on the revocation list
    #[command(after_long_help = help::REVOKED)]
    Revoked(RevokedArgs),
    /// Pack configuration and function as the zip for Lambda
    ///
    /// Checks the configuration first, and builds the function or takes it from a release. Exits with 1 on an error.
    #[command(after_long_help = help::PACKAGE)]
    Package(Box<PackageArgs>),
    /// Create key and certificate of a device, and register the certificate with the running gateway
    #[command(after_long_help = help::CERTIFICATE)]
    Certificate(CertificateArgs),
    /// Create keys and certificate requests of many devices, for AWS IoT's bulk registration
    ///
    /// A second run makes what is missing. Exits with 1 if a line of --results has no usable certificate.
    #[command(after_long_help = help::KIT)]
    Kit(KitArgs),
    /// Simulate a fleet that connects all at once, and show which limit of AWS decides
    ///
    /// Exits with 1 if devices are not connected within a day.
    #[command(after_long_help = help::STORM)]
    Storm(Box<StormArgs>),
    /// Exit with 0 if the running gateway answers
    #[command(after_long_help = help::HEALTH)]
    Health(HealthArgs),
    /// Print a completion script for a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
}

/// Runs the command of the arguments, whose first is the name of the program.
#[tokio::main]
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = Cli::parse_from(arguments);
    let env = Env::from_process();
    let outcome: Result<bool, Box<dyn Error>> =
        match cli.command.unwrap_or(Command::Serve(Box::new(cli.serve))) {
            Command::Serve(args) => match args.into_options(|sandboxes| launch_settings(env, sandboxes)) {
                Ok(options) => serve::run(&options).await.map(|()| true).map_err(Into::into),
                Err(error) => return fail_usage(&error),
            },
            Command::Demo(args) => run_demo(&args, env).await.map_err(Into::into),
            Command::Invoke(args) => {
                let mut out = std::io::stdout();
                invoke::run(&args, &launch_settings(env, 1), &mut out).await.map_err(Into::into)
            }
            Command::Certificate(args) => {
                certificate::run(&args, &mut std::io::stdout()).await.map(|()| true).map_err(Into::into)
            }
            Command::Kit(args) => kit::run(&args, &mut std::io::stdout().lock()).map_err(Into::into),
            Command::Snippet(args) => snippet::run(&args, &env, clock::now(), &mut std::io::stdout().lock())
                .map(|()| true)
                .map_err(Into::into),
            Command::Health(args) => health::run(&args).await.map(|()| true).map_err(Into::into),
            Command::Completions(args) => {
                let written = completions::run(&args, Cli::command(), &mut std::io::stdout().lock());
                written.map(|()| true).map_err(Into::into)
            }
            Command::Schema(args) => {
                schema::run(&args, &mut std::io::stdout().lock()).map(|()| true).map_err(Into::into)
            }
            Command::Check(args) => run_check(&args, &env).map_err(Into::into),
            Command::Explain(args) => {
                let has_colours = has_colours(&env);
                explain::run(&args, &env, clock::now(), has_colours, &mut std::io::stdout())
                    .await
                    .map_err(Into::into)
            }
            Command::Can(args) => match can::run(&args, &env, clock::now(), &mut std::io::stdout()).await {
                Ok(allowed) => Ok(allowed),
                Err(error) => return fail_undecided(&error),
            },
            Command::Diff(args) => {
                match diff::run(&args, &env, clock::now(), has_colours(&env), &mut std::io::stdout()) {
                    Ok(accepted) => Ok(accepted),
                    Err(error) => return fail_undecided(&error),
                }
            }
            Command::Keys(args) => keys::run(&args, &env, clock::now(), &mut std::io::stdout())
                .await
                .map(|()| true)
                .map_err(Into::into),
            Command::Revoke(args) => {
                let mut out = std::io::stdout();
                revoke::revoke(&args, &env, clock::now(), &mut out).await.map(|()| true).map_err(Into::into)
            }
            Command::Unrevoke(args) => {
                revoke::unrevoke(&args, &env, &mut std::io::stdout()).await.map(|()| true).map_err(Into::into)
            }
            Command::Revoked(args) => {
                revoke::revoked(&args, &env, &mut std::io::stdout()).await.map(|()| true).map_err(Into::into)
            }
            Command::Package(args) => run_package(&args, &env).await.map_err(Into::into),
            Command::Init(args) => match init::run(&args, &mut std::io::stdout()).await {
                Ok(()) => Ok(true),
                Err(error) => return fail_undecided(&error),
            },
            Command::Storm(args) => {
                let settings = launch_settings(env, 2);
                storm::run(&args, &settings, &mut std::io::stdout()).await.map_err(Into::into)
            }
            Command::Token(args) => run_token(&args, &env).map(|()| true).map_err(Into::into),
        };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&*error),
    }
}

async fn run_demo(args: &DemoArgs, env: Env) -> Result<bool, DemoError> {
    let has_colours = has_colours(&env);
    demo::run(args, &launch_settings(env, 2), has_colours).await
}

fn run_check(args: &CheckArgs, env: &Env) -> std::io::Result<bool> {
    check::run(args, env, clock::now(), has_colours(env), &mut std::io::stdout().lock())
}

async fn run_package(args: &PackageArgs, env: &Env) -> Result<bool, PackageError> {
    let tools = Tools { cargo: env.get("CARGO").unwrap_or("cargo"), env };
    package::run(args, tools, clock::now(), has_colours(env), &mut std::io::stdout()).await
}

/// Whether the output may have colours. <https://no-color.org>
fn has_colours(env: &Env) -> bool {
    let is_disabled = env.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !is_disabled
}

fn run_token(args: &token::TokenArgs, env: &Env) -> Result<(), TokenError> {
    token::run(args, env, clock::now(), &mut std::io::stdout().lock())
}

fn launch_settings(env: Env, sandboxes: u8) -> LaunchSettings {
    // Cargo sets CARGO for the programs that it runs.
    let cargo = env.get("CARGO").unwrap_or("cargo").to_owned();
    LaunchSettings { cargo, env, sandboxes: sandboxes.into() }
}

/// Exits with 2, as for every error of the arguments.
fn fail_usage(error: &dyn Error) -> ExitCode {
    fail(error);
    ExitCode::from(2)
}

/// Exits with 2, since 0 and 1 are results of the command.
fn fail_undecided(error: &dyn Error) -> ExitCode {
    fail(error);
    ExitCode::from(2)
}

fn fail(error: &dyn Error) -> ExitCode {
    // Errors of a configuration are labelled and coloured already.
    let text = format!("{error:#}");
    let label = if text.starts_with("error: ") || text.starts_with('\x1b') { "" } else { "error: " };
    anstream::eprintln!("{label}{text}");
    ExitCode::FAILURE
}
