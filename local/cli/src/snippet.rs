//! `snippet`: prints shell commands that connect a client to the running gateway.
//!
//! The code is that of docs/connect.md. Around it are this machine's addresses, an example user's token, and topics
//! that the user's policy allows.

mod client;
mod device;
mod example;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_identity::issuer::MintError;
use iot_local_identity::workspace::{self, PrepareError};
use iot_local_inspect::deployment::DeploymentError;
use iot_local_inspect::inquiry::ClaimsError;
use serde_json::json;
use thiserror::Error;

pub(crate) use client::Client;

use crate::control::DEFAULT_REGION;
use crate::local_settings::{LocalSettings, LocalSettingsError};
use crate::token::{self, TokenError};
use device::DeviceSettings;
use example::Example;

/// The arguments of the command.
#[derive(Args, Debug)]
pub(crate) struct SnippetArgs {
    /// Client to connect
    client: Client,
    /// Port of the gateway without TLS
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// TLS port of the gateway
    #[arg(long, default_value_t = 8443)]
    tls_port: u16,
    /// Port of the gateway for MQTT with certificates
    #[arg(long, default_value_t = 8883)]
    mqtts_port: u16,
    /// Name of the authorizer
    #[arg(long, value_name = "NAME", default_value = "iot-jwt-authorizer")]
    authorizer: String,
    /// Id of the issuer; required if the configuration has several
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    /// Print a fresh token instead of the command that mints one
    #[arg(long)]
    with_token: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Configuration of the authorizer
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    config: PathBuf,
}

/// An error that prevents a snippet.
#[derive(Debug, Error)]
pub(crate) enum SnippetError {
    /// The configuration cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The configuration has errors.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The issuer is unknown, or several are possible.
    #[error(transparent)]
    Issuer(#[from] TokenError),
    /// The token cannot be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The token cannot be judged.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The configuration denies all example users, or allows them no topic.
    #[error(
        "no example user of issuer {0} may publish and subscribe\n  help: mint a token that your rules allow with `cargo local \
         token`, and see docs/connect.md"
    )]
    NoUser(String),
    /// `local.toml` is invalid.
    #[error(transparent)]
    Settings(#[from] LocalSettingsError),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// What a snippet is filled with.
struct Settings<'a> {
    port: u16,
    tls_port: u16,
    authorizer: &'a str,
    issuer: String,
    authority: PathBuf,
    machine_secret: PathBuf,
    example: Example,
    /// The token, or the command in `$(...)` that mints one.
    token: String,
}

/// Prints the snippet.
///
/// # Errors
/// See [`SnippetError`].
pub(crate) fn run(
    args: &SnippetArgs,
    env: &Env,
    now: SystemTime,
    out: &mut dyn Write,
) -> Result<(), SnippetError> {
    let text = match args.client {
        Client::Aws | Client::MosquittoCertificate => device_snippet(args)?,
        client => client.snippet(&settings(args, env, now)?),
    };
    match args.json {
        true => writeln!(out, "{:#}", json!({ "client": args.client.name(), "snippet": text }))?,
        false => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

/// The snippets without an example user.
fn device_snippet(args: &SnippetArgs) -> Result<String, SnippetError> {
    let workspace = workspace::bare(&args.config)?;
    let region = LocalSettings::beside(&args.config)?.region;
    let settings = DeviceSettings {
        port: args.port,
        mqtts_port: args.mqtts_port,
        region: region.as_deref().unwrap_or(DEFAULT_REGION),
        state: &workspace.root,
    };
    Ok(match args.client {
        Client::Aws => settings.aws(),
        _ => settings.mosquitto(),
    })
}

fn settings<'a>(args: &'a SnippetArgs, env: &Env, now: SystemTime) -> Result<Settings<'a>, SnippetError> {
    let workspace = workspace::prepare(&args.config, env)?;
    if workspace.issuers.is_empty() {
        return Err(TokenError::NoIssuer(args.config.clone()).into());
    }
    let issuer = token::select_issuer(&workspace.issuers, args.issuer.as_deref())?;
    let example = example::find(&args.config, &workspace, issuer, env, now)?;
    let token = match args.with_token {
        true => example.token.clone(),
        false => format!("$({})", example.token_command(args.issuer.as_deref(), &args.config)),
    };
    Ok(Settings {
        port: args.port,
        tls_port: args.tls_port,
        authorizer: &args.authorizer,
        issuer: issuer.settings().id.clone(),
        authority: workspace.root.join("ca.pem"),
        machine_secret: workspace.root.join("private").join("machine.secret"),
        example,
        token,
    })
}
