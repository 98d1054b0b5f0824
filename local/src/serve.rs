//! `cargo local serve`: the front door, open until it is interrupted.

mod examples;

use std::io;
use std::path::{Path, PathBuf};

use iot_jwt_authorizer::config::{Config, Faults};
use tokio::sync::broadcast::error::RecvError;

use crate::clock;
use crate::event::Authorizer;
use crate::front::{Front, FrontError, FrontOptions, Running};
use crate::function::{self, BuildError};
use crate::journal::{Happening, What};
use crate::oidc::{self, ProviderOptions, Realm, RedirectUri};
use crate::people;
use crate::rights;
use crate::workspace::{self, PrepareError, Workspace, files};

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
    /// Where an app of the user's may be sent back to after a login.
    pub redirect_uris: Vec<RedirectUri>,
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
        source: io::Error,
    },
    /// The machine's secret can be neither read nor made.
    #[error("{}: {source}; check the folder's permissions", path.display())]
    Secret {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
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
        function,
        authorizer: Authorizer::default(),
        time_scale: options.time_scale,
        login: login(options, &workspace)?,
    };
    Ok((Front::start(front).await?, workspace))
}

/// Whom people and machines log in with: every issuer of the configuration, with people that its rules let in.
fn login(options: &ServeOptions, workspace: &Workspace) -> Result<ProviderOptions, ServeError> {
    let config = std::fs::read_to_string(&workspace.config).unwrap_or_default();
    let realms = workspace.issuers.iter().map(|issuer| {
        let id = &issuer.settings().id;
        Realm {
            issuer: issuer.clone(),
            people: people::people(&config, id),
            machine: people::machine(&config, id),
        }
    });
    let path = secret_file(workspace);
    let secret = machine_secret(&path).map_err(|source| ServeError::Secret { path, source })?;
    Ok(ProviderOptions {
        realms: realms.collect(),
        machine_secret: Some(secret),
        redirect_uris: options.redirect_uris.clone(),
    })
}

fn secret_file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("private").join("machine.secret")
}

/// The machine's secret, made on first use and readable by its owner alone.
fn machine_secret(path: &Path) -> io::Result<String> {
    if !path.exists() {
        let secret = oidc::random().ok_or(io::Error::other("the system has no random numbers"))?;
        files::create_once(path, secret.as_bytes())?;
    }
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}

/// Opens the door and writes what happens, one line each, until the process is interrupted.
///
/// # Errors
/// If the door does not open.
pub async fn run(options: &ServeOptions) -> Result<(), ServeError> {
    let (running, workspace) = open(options).await?;
    greet(running.port, &workspace, examples(&running, &workspace).await);
    let mut journal = running.journal.subscribe();
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            () = &mut interrupted => return Ok(()),
            happening = journal.recv() => match happening {
                // What the authorizer was asked is for the page: here its own log line says it.
                Ok(Happening { what: What::Authorizer(_), .. }) => {}
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
    let arn = function::FUNCTION_ARN.parse().ok()?;
    let authorizer = Authorizer::default();
    let asked = rights::Asked { lambda: &running.lambda, authorizer: &authorizer, arn: &arn };
    examples::paste(&config, issuer, asked, running.port, clock::now()).await
}

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn greet(port: u16, workspace: &Workspace, examples: Option<String>) {
    println!(
        "The front door is open, on this machine only:\n\n  \
         The page              http://127.0.0.1:{port}/\n  \
         MQTT over WebSocket   ws://127.0.0.1:{port}/mqtt\n  \
         HTTP publish          POST http://127.0.0.1:{port}/topics/TOPIC?qos=1\n  \
         OpenID Connect        http://127.0.0.1:{port}/.well-known/openid-configuration\n"
    );
    for issuer in &workspace.issuers {
        let (id, secret) = (&issuer.settings().id, secret_file(workspace));
        println!(
            "A machine's token:\n\ncurl -u \"machine-1:$(cat '{}')\" -d grant_type=client_credentials \
             http://127.0.0.1:{port}/oidc/{id}/token\n",
            secret.display()
        );
    }
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
