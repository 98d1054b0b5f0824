//! `cargo local serve`: the front door, open until it is interrupted.

mod examples;

use std::path::PathBuf;

use iot_jwt_authorizer::config::{Config, Faults};
use tokio::sync::broadcast::error::RecvError;

use crate::clock;
use crate::front::{Front, FrontError, FrontOptions, Running};
use crate::function::{self, BuildError};
use crate::journal::Happening;
use crate::selection::Authorizer;
use crate::workspace::{self, PrepareError, Workspace};

/// What to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The plain port; 0 takes any free one.
    pub port: u16,
    /// The user's `authorizer.toml`.
    pub config: PathBuf,
    /// How many processes of the function.
    pub sandboxes: usize,
    /// What the seconds of an answer are divided by.
    pub time_scale: u32,
    /// A built `bootstrap`; without one it is built.
    pub bootstrap: Option<PathBuf>,
    /// The cargo to build with.
    pub cargo: String,
    /// The environment that the function inherits.
    pub env: Vec<(String, String)>,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
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
    /// The door does not open.
    #[error(transparent)]
    Front(#[from] FrontError),
}

/// Prepares the configuration, builds the function if need be, and opens the door.
///
/// # Errors
/// See [`ServeError`].
pub async fn open(options: &ServeOptions) -> Result<(Running, Workspace), ServeError> {
    let environment =
        |name: &str| options.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let workspace = workspace::prepare(&options.config, &environment)?;
    // The user's own files are what will be deployed, so it is they that have to be right. The copy that the function
    // runs on has other keys, and would not show what is wrong with theirs.
    if let Err(faults) = Config::load(&workspace.original, &environment) {
        return Err(ServeError::Faults { config: workspace.original, faults });
    }
    let program = match &options.bootstrap {
        Some(path) => {
            path.canonicalize().map_err(|source| ServeError::Bootstrap { path: path.clone(), source })?
        }
        None => function::build(&options.cargo).await?,
    };
    let function =
        function::spec(program, &workspace.root, Some(&workspace.config), &options.env, options.sandboxes);
    let front = FrontOptions {
        port: options.port,
        tls: None,
        function,
        authorizer: Authorizer::default(),
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
    greet(running.port, examples(&running, &workspace).await);
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
fn greet(port: u16, examples: Option<String>) {
    println!(
        "The front door is open, on this machine only:\n\n  \
         MQTT over WebSocket   ws://127.0.0.1:{port}/mqtt\n  \
         HTTP publish          POST http://127.0.0.1:{port}/topics/TOPIC?qos=1\n"
    );
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
