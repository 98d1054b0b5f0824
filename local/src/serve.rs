//! `cargo local serve`: the front door, open until it is interrupted.

use std::path::{Path, PathBuf};

use tokio::sync::broadcast::error::RecvError;

use crate::event::Authorizer;
use crate::front::{Front, FrontError, FrontOptions, Running};
use crate::function::{self, BuildError};
use crate::journal::Happening;

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
    /// The configuration is not there.
    #[error("cannot read {}: {source}; name another file with --config", path.display())]
    Config {
        /// The file.
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

/// Builds the function if need be and opens the door.
///
/// # Errors
/// See [`ServeError`]; the function's own faults with its configuration are quoted.
pub async fn open(options: &ServeOptions) -> Result<Running, ServeError> {
    let config = absolute(&options.config)?;
    let program = match &options.bootstrap {
        Some(file) => absolute(file)?,
        None => function::build(&options.cargo).await?,
    };
    let root = config.parent().unwrap_or(&config);
    let function = function::spec(program, root, Some(&config), &options.env, options.sandboxes);
    let options = FrontOptions {
        port: options.port,
        function,
        authorizer: Authorizer::default(),
        time_scale: options.time_scale,
        pages: Vec::new(),
    };
    Ok(Front::start(options).await?)
}

fn absolute(path: &Path) -> Result<PathBuf, ServeError> {
    path.canonicalize().map_err(|source| ServeError::Config { path: path.to_owned(), source })
}

/// Opens the door and writes what happens, one line each, until the process is interrupted.
///
/// # Errors
/// If the door does not open.
pub async fn run(options: &ServeOptions) -> Result<(), ServeError> {
    let running = open(options).await?;
    greet(running.port);
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

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn greet(port: u16) {
    println!(
        "The front door is open, on this machine only:\n\n  \
         MQTT over WebSocket   ws://127.0.0.1:{port}/mqtt\n  \
         HTTP publish          POST http://127.0.0.1:{port}/topics/TOPIC?qos=1\n\n\
         What happens (Ctrl-C ends it):"
    );
}

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn show(happening: &Happening) {
    println!("{happening}");
}

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn lag(lost: u64) {
    println!("({lost} lines lost: the terminal is slower than the door)");
}
