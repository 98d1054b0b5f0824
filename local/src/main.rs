//! `cargo local`: the AWS IoT Core front door on one's own machine.

use std::error::Error;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use iot_local::can::{self, CanArgs};
use iot_local::certificate::{self, CertificateArgs};
use iot_local::check::{self, CheckArgs};
use iot_local::clock;
use iot_local::demo::{self, DemoError};
use iot_local::diff::{self, DiffArgs};
use iot_local::explain::{self, ExplainArgs};
use iot_local::invoke::{self, InvokeArgs};
use iot_local::keys::{self, KeysArgs};
use iot_local::launch::{FunctionArgs, Surroundings};
use iot_local::oidc::RedirectUri;
use iot_local::package::build::Tools;
use iot_local::package::{self, PackageArgs, PackageError};
use iot_local::selection::AuthorizerArgs;
use iot_local::serve::{self, ServeOptions};
use iot_local::token::{self, TokenError};

/// The AWS IoT Core front door on one's own machine
#[derive(Parser)]
#[command(name = "cargo local", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Open the front door and show what happens (the default)
    Serve(ServeArgs),
    /// Play the whole flow once with a real MQTT client: what is allowed, what is refused, and why
    Demo(DemoArgs),
    /// Print a development token, alone on one line
    Token(token::Options),
    /// Ask the authorizer once, as `aws iot test-invoke-authorizer` does; exits 0 if its answer lets a client in
    Invoke(Box<InvokeArgs>),
    /// Say what is wrong with a configuration, what is probably not meant, and how large an answer can become; exits 1 on a fault
    Check(CheckArgs),
    /// Explain a decision step by step, for a token, an event or claims; exits 0 if it lets a client in
    Explain(Box<ExplainArgs>),
    /// Ask whether a token may do one thing, and by which line of which policy; exits 0 if it may, 1 if not, 2 on an error
    Can(Box<CanArgs>),
    /// Compare two configurations: who gains and who loses which right; exits 1 on a gain that is not accepted, 2 on an error
    Diff(DiffArgs),
    /// Fetch and list issuers' public keys
    Keys(KeysArgs),
    /// Check a configuration, build the function, and pack both as the zip that Lambda runs; exits 1 on a fault
    Package(Box<PackageArgs>),
    /// Make a client certificate that the TLS port accepts, and say where it is
    Certificate(CertificateArgs),
}

#[derive(Args)]
struct ServeArgs {
    /// Plain port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// TLS port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 8443)]
    tls_port: u16,
    /// Accept client certificates of the authorities in this PEM file, too
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Accept the client certificates in this PEM file, whoever signed them, as AWS IoT does with registered ones
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<PathBuf>,
    #[command(flatten)]
    function: FunctionArgs,
    #[command(flatten)]
    authorizer: AuthorizerArgs,
    /// Processes of the function, as many as connects are decided at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    sandboxes: u8,
    /// Let the times of the authorizer's answer pass N times faster
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    time_scale: u32,
    /// Let an app of yours log people in as client `app`: its exact redirect URI, as often as needed
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<RedirectUri>,
}

#[derive(Args)]
struct DemoArgs {
    /// Configuration of the authorizer; the demo is written for the one that comes with the project
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    config: PathBuf,
    /// Use this bootstrap instead of building it
    #[arg(long, value_name = "PATH")]
    bootstrap: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let env = environment();
    let outcome: Result<bool, Box<dyn Error>> = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve::run(&args.into_options(env)).await.map(|()| true).map_err(Into::into),
        Command::Demo(args) => play(args, env).await.map_err(Into::into),
        Command::Invoke(args) => {
            let mut out = std::io::stdout();
            invoke::run(&args, &around(env, 1), &mut out).await.map_err(Into::into)
        }
        Command::Certificate(args) => {
            certificate::run(&args, &mut std::io::stdout().lock()).map(|()| true).map_err(Into::into)
        }
        Command::Check(args) => examine(&args, &env).map_err(Into::into),
        Command::Explain(args) => {
            explain::run(&args, &env, clock::now(), &mut std::io::stdout()).await.map_err(Into::into)
        }
        Command::Can(args) => match can::run(&args, &env, clock::now(), &mut std::io::stdout()).await {
            Ok(allowed) => Ok(allowed),
            Err(error) => return unanswered(&error),
        },
        Command::Diff(args) => match diff::run(&args, &env, clock::now(), &mut std::io::stdout()) {
            Ok(accepted) => Ok(accepted),
            Err(error) => return unanswered(&error),
        },
        Command::Keys(args) => keys::run(&args, &env, clock::now(), &mut std::io::stdout())
            .await
            .map(|()| true)
            .map_err(Into::into),
        Command::Package(args) => pack(&args, &env).await.map_err(Into::into),
        Command::Token(options) => mint(&options, &env).map(|()| true).map_err(Into::into),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&*error),
    }
}

async fn play(args: DemoArgs, env: Vec<(String, String)>) -> Result<bool, DemoError> {
    let plain = is_plain(&env);
    let DemoArgs { config, bootstrap } = args;
    let door = ServeOptions {
        port: 0,
        tls_port: None,
        client_ca: None,
        client_certificate: None,
        function: FunctionArgs {
            config,
            keep_keys: false,
            bootstrap,
            function: None,
            function_arn: None,
            env: None,
        },
        authorizer: AuthorizerArgs::default(),
        time_scale: 1,
        redirect_uris: Vec::new(),
        around: around(env, 2),
    };
    demo::run(&door, std::io::stdout().is_terminal() && !plain).await
}

fn examine(args: &CheckArgs, env: &[(String, String)]) -> std::io::Result<bool> {
    let environment = |name: &str| variable(env, name).map(str::to_owned);
    let mut out = std::io::stdout().lock();
    let is_styled = std::io::stdout().is_terminal() && !is_plain(env);
    check::run(args, &environment, clock::now(), is_styled, &mut out)
}

async fn pack(args: &PackageArgs, env: &[(String, String)]) -> Result<bool, PackageError> {
    let tools = Tools { cargo: variable(env, "CARGO").unwrap_or("cargo"), env };
    let is_styled = std::io::stdout().is_terminal() && !is_plain(env);
    package::run(args, tools, clock::now(), is_styled, &mut std::io::stdout()).await
}

/// <https://no-color.org>
fn is_plain(env: &[(String, String)]) -> bool {
    variable(env, "NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn mint(options: &token::Options, env: &[(String, String)]) -> Result<(), TokenError> {
    let environment = |name: &str| variable(env, name).map(str::to_owned);
    token::run(options, &environment, clock::now(), &mut std::io::stdout().lock())
}

impl ServeArgs {
    fn into_options(self, env: Vec<(String, String)>) -> ServeOptions {
        ServeOptions {
            port: self.port,
            tls_port: Some(self.tls_port),
            client_ca: self.client_ca,
            client_certificate: self.client_certificate,
            function: self.function,
            authorizer: self.authorizer,
            time_scale: self.time_scale,
            redirect_uris: self.redirect_uri,
            around: around(env, self.sandboxes),
        }
    }
}

fn around(env: Vec<(String, String)>, sandboxes: u8) -> Surroundings {
    // Cargo names itself to what it runs.
    let cargo = variable(&env, "CARGO").unwrap_or("cargo").to_owned();
    Surroundings { cargo, env, sandboxes: sandboxes.into() }
}

fn variable<'e>(env: &'e [(String, String)], name: &str) -> Option<&'e str> {
    env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The environment, which everything below is handed. What is not UTF-8 is left out: no setting of ours is.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A question that could not be answered is neither a yes nor a no.
fn unanswered(error: &dyn Error) -> ExitCode {
    fail(error);
    ExitCode::from(2)
}

#[expect(clippy::print_stderr, reason = "the terminal shell of the program")]
fn fail(error: &dyn Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
