//! `cargo local serve`: the front door, open until it is interrupted.

mod examples;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use crate::clock;
use crate::front::{Front, FrontError, FrontOptions, Running};
use crate::journal::Happening;
use crate::launch::{self, FunctionArgs, LaunchError, Surroundings};
use crate::selection::{AuthorizerArgs, SigningKeyError};
use crate::tls::{Authority, AuthorityError, TlsOptions};
use crate::workspace::Workspace;

/// What to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The plain port; 0 takes any free one.
    pub port: u16,
    /// The TLS port, likewise; none is opened without.
    pub tls_port: Option<u16>,
    /// A PEM file of authorities whose client certificates are accepted beside those of our own.
    pub client_ca: Option<PathBuf>,
    /// A PEM file of client certificates that are accepted, too.
    pub client_certificate: Option<PathBuf>,
    /// Which function.
    pub function: FunctionArgs,
    /// The authorizer's definition.
    pub authorizer: AuthorizerArgs,
    /// What the seconds of an answer are divided by.
    pub time_scale: u32,
    /// What the function is built and run with.
    pub around: Surroundings,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no function.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// There is no certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// There is no key to check tokens with.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The door does not open.
    #[error(transparent)]
    Front(#[from] FrontError),
}

/// Prepares the configuration, builds the function if need be, and opens the door.
///
/// # Errors
/// See [`ServeError`].
pub async fn open(options: &ServeOptions) -> Result<(Running, Workspace), ServeError> {
    let authorizer = options.authorizer.authorizer()?;
    let (workspace, function) = launch::launch(&options.function, &options.around).await?;
    let tls = match options.tls_port {
        Some(port) => {
            let authority = Arc::new(Authority::open(&workspace.root)?);
            let (client_ca, client_certificate) =
                (options.client_ca.clone(), options.client_certificate.clone());
            Some(TlsOptions { port, authority, client_ca, client_certificate })
        }
        None => None,
    };
    let front = FrontOptions {
        port: options.port,
        tls,
        function,
        authorizer,
        time_scale: options.time_scale,
        pages: Vec::new(),
    };
    Ok((Front::start(front).await?, workspace))
}

/// Opens the door and writes what happens, one line each, until the process is interrupted.
///
/// # Errors
/// If the door does not open.
pub async fn run(options: &ServeOptions) -> Result<(), ServeError> {
    let (running, workspace) = open(options).await?;
    greet(&running, &workspace, examples(&running, &workspace).await);
    let mut journal = running.journal.subscribe();
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            () = &mut interrupted => return Ok(()),
            happening = journal.recv() => match happening {
                Ok(happening) => show(&happening),
                Err(RecvError::Lagged(lost)) => lag(lost),
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

/// Returns when the process is asked to end.
async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

async fn examples(running: &Running, workspace: &Workspace) -> Option<String> {
    let config = std::fs::read_to_string(&workspace.config).ok()?;
    let issuer = workspace.issuers.first()?;
    examples::paste(&config, issuer, &running.lambda, running.port, clock::now()).await
}

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn greet(running: &Running, workspace: &Workspace, examples: Option<String>) {
    let port = running.port;
    println!(
        "The front door is open, on this machine only:\n\n  \
         MQTT over WebSocket   ws://127.0.0.1:{port}/mqtt\n  \
         HTTP publish          POST http://127.0.0.1:{port}/topics/TOPIC?qos=1"
    );
    if let Some(port) = running.tls_port {
        println!(
            "  MQTT                  mqtts://localhost:{port}   ALPN mqtt, or none\n  \
             the same over TLS     wss://localhost:{port}/mqtt, https://localhost:{port}/topics/TOPIC?qos=1\n  \
             to be trusted         {}",
            workspace.root.join("ca.pem").display()
        );
    }
    println!();
    match examples {
        Some(examples) => println!("Each of these is let in, for an hour at most:\n\n{examples}"),
        None => println!(
            "For a token that your rules let in: cargo local token --sub SUBJECT --claim NAME=VALUE ...\n"
        ),
    }
    println!("What happens (Ctrl-C ends it):");
}

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn show(happening: &Happening) {
    println!("{happening}");
}

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn lag(lost: u64) {
    println!("({lost} lines lost: the terminal is slower than the door)");
}
