//! `demo`: runs the whole flow once with a real MQTT client and shows which actions are allowed or denied, and why.

mod client;
mod example;
mod output;
mod reasons;
mod script;

use std::io;
use std::path::PathBuf;

use clap::Args;
use iot_local_base::clock;
use iot_local_identity::issuer::{KeyError, MintError};
use thiserror::Error;

use crate::arguments::{AuthorizerArgs, EndpointArgs, OutputArgs};
use crate::launch::{FunctionArgs, LaunchSettings};
use crate::serve::{self, ServeError, ServeOptions};
use crate::token::{self, TokenError};

use output::Output;
use reasons::EventLogReader;
use script::Script;

/// The arguments of the command.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Configuration of the authorizer; the demo requires the rules of the shipped one
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    config: PathBuf,
    /// Use this bootstrap instead of building it
    #[arg(long, value_name = "PATH")]
    bootstrap: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl DemoArgs {
    /// Returns the options of a gateway on a free port, without TLS.
    pub(crate) fn into_options(self, launch: LaunchSettings) -> ServeOptions {
        let function = FunctionArgs {
            config: self.config,
            keep_keys: false,
            bootstrap: self.bootstrap,
            function: None,
            function_arn: None,
            env: None,
        };
        ServeOptions {
            port: 0,
            tls_port: None,
            mqtts_port: 0,
            endpoint: EndpointArgs::default(),
            function,
            authorizer: AuthorizerArgs::default(),
            time_scale: 1,
            redirect_uris: Vec::new(),
            launch,
            output: OutputArgs { json: self.json, ..OutputArgs::default() },
        }
    }
}

/// An error that ends the demo.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// The configuration has other rules than the shipped one.
    #[error(
        "the demo requires the shipped configuration, but this one differs:\n  {}\n  \
         help: try this configuration with `cargo local` and `cargo local token`",
        .0.join("\n  ")
    )]
    DifferentConfiguration(Vec<String>),
    /// The gateway cannot start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The configuration has no single issuer.
    #[error(transparent)]
    Issuer(#[from] TokenError),
    /// A development key cannot be created.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A token cannot be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The gateway cannot be reached.
    #[error("cannot reach the local gateway: {0}")]
    Gateway(io::Error),
}

/// Runs the demo on a new gateway. Returns whether every action had the expected result.
///
/// # Errors
/// See [`DemoError`].
pub(crate) async fn run(options: &ServeOptions, has_colours: bool) -> Result<bool, DemoError> {
    let differences = example::differences(&options.function.config);
    if !differences.is_empty() {
        return Err(DemoError::DifferentConfiguration(differences));
    }
    let (running, workspace) = serve::start(options).await?;
    let issuer = token::select_issuer(&workspace.issuers, None)?;
    let mut output = Output { has_colours, is_json: options.output.json, ..Output::default() };
    print_banner(&output, running.port);
    let event_log = EventLogReader::new(running.event_log.subscribe());
    let mut script = Script { port: running.port, issuer, now: clock::now(), event_log, output: &mut output };
    script.run().await?;
    Ok(output.finish())
}

fn print_banner(output: &Output, port: u16) {
    output.line(&format!(
        "The local gateway listens on ws://127.0.0.1:{port}/mqtt and calls `bootstrap` for every connect.\n\
         Each line shows what the client sees. Below it is the reason, which only the operator sees: the\n\
         statement of the client's policy that decided, or the code of the authorizer's denial."
    ));
}
