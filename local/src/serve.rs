//! `cargo local serve`: the front door, open until it is interrupted.

mod examples;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use crate::clock;
use crate::front::{Front, FrontError, FrontOptions, Running};
use crate::journal::{Happening, What};
use crate::launch::{self, FunctionArgs, LaunchError, Surroundings};
use crate::oidc::{self, ProviderOptions, Realm, RedirectUri};
use crate::people;
use crate::rights;
use crate::selection::{AuthorizerArgs, SigningKeyError};
use crate::tls::{Authority, AuthorityError, TlsOptions};
use crate::workspace::{Workspace, files};

/// A connection takes three files, and many systems begin with 1,024. The function's processes inherit it.
const OPEN_FILES: u64 = 65_536;

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
    /// Where an app of the user's may be sent back to after a login.
    pub redirect_uris: Vec<RedirectUri>,
    /// What the function is built and run with.
    pub around: Surroundings,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no function.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The machine's secret can be neither read nor made.
    #[error("{}: {source}; check the folder's permissions", path.display())]
    Secret {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
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
    // Where the system allows no more, fewer clients connect at a time: no reason not to open.
    let _ = rlimit::increase_nofile_limit(OPEN_FILES);
    let (running, workspace) = open(options).await?;
    let examples = examples(&running, &workspace).await;
    greet(&running, &workspace, &invitation(examples, options.function.keep_keys));
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
    let asked = rights::Asked { lambda: &running.lambda, arn: &running.arn };
    examples::paste(&config, issuer, asked, running.port, clock::now()).await
}

/// What to paste, or where a token comes from if none could be made up here.
fn invitation(examples: Option<String>, keep_keys: bool) -> String {
    match examples {
        Some(examples) => format!("Each of these is let in, for an hour at most:\n\n{examples}"),
        None if keep_keys => {
            "Keys are the configuration's own: bring a token of one of its issuers.".to_owned()
        }
        None => "For a token that your rules let in: cargo local token --sub SUBJECT --claim NAME=VALUE ..."
            .to_owned(),
    }
}

#[expect(clippy::print_stdout, reason = "the terminal shell of `serve`")]
fn greet(running: &Running, workspace: &Workspace, invitation: &str) {
    let port = running.port;
    println!(
        "The front door is open, on this machine only:\n\n  \
         The page              http://127.0.0.1:{port}/\n  \
         MQTT over WebSocket   ws://127.0.0.1:{port}/mqtt\n  \
         HTTP publish          POST http://127.0.0.1:{port}/topics/TOPIC?qos=1\n  \
         OpenID Connect        http://127.0.0.1:{port}/.well-known/openid-configuration"
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
    for issuer in &workspace.issuers {
        let (id, secret) = (&issuer.settings().id, secret_file(workspace));
        println!(
            "A machine's token:\n\ncurl -u \"machine-1:$(cat '{}')\" -d grant_type=client_credentials \
             http://127.0.0.1:{port}/oidc/{id}/token\n",
            secret.display()
        );
    }
    println!("{invitation}\n");
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
