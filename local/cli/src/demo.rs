//! `demo`: runs a whole flow once with real MQTT clients and shows which actions are allowed or denied, and why.

mod client;
mod company;
mod devices;
mod example;
pub(crate) mod folders;
pub(crate) mod name;
mod output;
mod reasons;
mod session;

mod bootstrap;
mod cognito;
mod fleet;
mod jitp;
mod jitr;
mod jwt;
mod kitting;
pub(crate) mod regions;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use iot_local_base::clock;
use iot_local_gateway::RunningGateway;
use iot_local_gateway::certificate::{Authority, AuthorityError};
use iot_local_identity::issuer::{KeyError, MintError};
use iot_local_identity::workspace::Workspace;
use iot_local_inspect::deployment::DeploymentError;
use thiserror::Error;
use tokio_rustls::rustls;

use crate::arguments::OutputArgs;
use crate::control::Control;
use crate::function::{self, FunctionError};
use crate::launch::{FunctionArgs, LaunchError, LaunchSettings};
use crate::package::packaged::Packaged;
use crate::serve::{self, ServeError, ServeOptions};
use crate::token::{self, TokenError};

use company::Company;
use devices::Devices;
use folders::{shipped_folder, temporary_copy, write_all};
use name::DemoName;
use output::{Format, Output};
use reasons::EventLogReader;
use session::Session;

/// The name of the configuration in the temporary folder.
pub(crate) const CONFIG: &str = "authorizer.toml";

/// The arguments of the command.
#[derive(Args, Clone)]
pub(crate) struct DemoArgs {
    /// What to run
    #[arg(value_enum, default_value_t = DemoName::Jwt)]
    name: DemoName,
    /// Configuration of the authorizer; `jwt` requires the rules of the shipped one [default: authorizer.toml, or else
    /// the shipped one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Use a built function, or those of a release: its folder or its version [default: release.toml, or else a build]
    #[arg(long, value_name = "FILE|RELEASE")]
    bootstrap: Option<PathBuf>,
    /// With `regions`: kill a gateway this often, and show how long clients are away
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    kills: Option<u16>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print a JSON object a line, each when its step has ended
    #[arg(long, conflicts_with = "json")]
    json_lines: bool,
    /// The shipped configuration, if that is used
    #[arg(skip)]
    shipped: Option<PathBuf>,
}

impl DemoArgs {
    /// The user's configuration, which need not exist.
    fn own_config(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(CONFIG))
    }

    /// The configuration to run.
    fn config(&self) -> &Path {
        self.shipped.as_deref().unwrap_or(self.own_config())
    }

    fn format(&self) -> Format {
        match (self.json, self.json_lines) {
            (true, _) => Format::Json,
            (_, true) => Format::JsonLines,
            _ => Format::Text,
        }
    }

    /// Returns the options of a gateway on free ports.
    fn options(&self, config: PathBuf, launch: LaunchSettings, has_tls: bool) -> ServeOptions {
        let function = FunctionArgs {
            config,
            keep_keys: false,
            bootstrap: self.bootstrap.clone(),
            function: None,
            function_arn: None,
            env: None,
            original: Some(self.own_config().to_owned()),
        };
        ServeOptions {
            tls_port: has_tls.then_some(0),
            output: OutputArgs { json: self.json || self.json_lines, ..OutputArgs::default() },
            ..ServeOptions::on_free_ports(function, launch)
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
    /// Another demo than `regions` kills no gateway.
    #[error("--kills works with `demo regions` alone")]
    KillsWithoutRegions,
    /// The gateway cannot start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The configuration has no single issuer.
    #[error(transparent)]
    Issuer(#[from] TokenError),
    /// No issuer of the configuration can be a provider of an identity pool.
    #[error(
        "no issuer with an RSA algorithm, such as RS256; help: an identity pool verifies no other ID tokens"
    )]
    NoRsaIssuer,
    /// A development key cannot be created.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A token cannot be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The configuration has errors.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The configuration cannot be copied.
    #[error("{}: {error}", path.display())]
    Copy {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// A device's certificate cannot be created.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The key of a device, its request or its certificate cannot be created, or the certificate of a company's CA.
    #[error("cannot create a key or a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A client's TLS cannot be set up.
    #[error("cannot set up the TLS of a client: {0}")]
    Tls(#[from] rustls::Error),
    /// An answer of the gateway or of a function is unusable.
    #[error("the answer has no usable {0}")]
    Answer(&'static str),
    /// The gateway cannot be reached.
    #[error("cannot reach the local gateway: {0}")]
    Gateway(io::Error),
}

/// Runs demos, each on a new gateway with a temporary folder. Returns whether every action had the expected result.
///
/// # Errors
/// See [`DemoError`].
pub(crate) async fn run(
    args: &DemoArgs,
    launch: &LaunchSettings,
    has_colours: bool,
) -> Result<bool, DemoError> {
    if args.kills.is_some() && args.name != DemoName::Regions {
        return Err(DemoError::KillsWithoutRegions);
    }
    let mut output = Output { has_colours, format: args.format(), ..Output::default() };
    let shipped = shipped_folder(args)?;
    let shipped_config = shipped.as_ref().map(|folder| folder.path().join(CONFIG));
    if shipped.is_some() {
        output
            .note("There is no authorizer.toml in this folder, so the demo runs the shipped configuration.");
    }
    let args = &DemoArgs { shipped: shipped_config, ..args.clone() };
    if matches!(args.name, DemoName::Jwt | DemoName::All) {
        run_jwt(args, launch, &mut output).await?;
    }
    if matches!(args.name, DemoName::Kitting | DemoName::All) {
        run_kitting(args, launch, &mut output).await?;
    }
    if matches!(args.name, DemoName::Bootstrap | DemoName::All) {
        run_bootstrap(args, launch, &mut output).await?;
    }
    if matches!(args.name, DemoName::Jitr | DemoName::All) {
        run_jitr(args, launch, &mut output).await?;
    }
    if matches!(args.name, DemoName::Jitp | DemoName::All) {
        run_jitp(args, launch, &mut output).await?;
    }
    if matches!(args.name, DemoName::Fleet | DemoName::All) {
        run_fleet(args, launch, &mut output).await?;
    }
    if matches!(args.name, DemoName::Cognito | DemoName::All) {
        run_cognito(args, launch, &mut output).await?;
    }
    if matches!(args.name, DemoName::Regions | DemoName::All) {
        run_regions(args, launch, &mut output).await?;
    }
    Ok(output.finish())
}

async fn run_jwt(args: &DemoArgs, launch: &LaunchSettings, output: &mut Output) -> Result<(), DemoError> {
    let differences = example::differences(args.config());
    if !differences.is_empty() {
        return Err(DemoError::DifferentConfiguration(differences));
    }
    let folder = temporary_copy(args.config(), launch)?;
    let options = args.options(folder.path().join(CONFIG), launch.clone(), false);
    let (running, workspace) = serve::start(&options).await?;
    let issuer = token::select_issuer(&workspace.issuers, None)?;
    output.note(&format!(
        "The local gateway listens on ws://127.0.0.1:{}/mqtt and calls `bootstrap` for every connect.\n\
         Each line shows what the client sees. Below it is the reason, which only the operator sees: the\n\
         statement of the client's policy that decided, or the code of the authorizer's denial.",
        running.port
    ));
    let session = Session { event_log: EventLogReader::new(running.event_log.subscribe()), output };
    jwt::Script { port: running.port, issuer, now: clock::now(), session }.run().await
}

async fn run_kitting(args: &DemoArgs, launch: &LaunchSettings, output: &mut Output) -> Result<(), DemoError> {
    let folder = temporary_copy(args.config(), launch)?;
    let options = args.options(folder.path().join(CONFIG), launch.clone(), true);
    let (running, workspace) = serve::start(&options).await?;
    kitting::Script { devices: devices(&running, &workspace, output)? }.run().await
}

async fn run_jitp(args: &DemoArgs, launch: &LaunchSettings, output: &mut Output) -> Result<(), DemoError> {
    let folder = temporary_copy(args.config(), launch)?;
    let options = args.options(folder.path().join(CONFIG), launch.clone(), true);
    let (running, workspace) = serve::start(&options).await?;
    jitp::Script { devices: devices(&running, &workspace, output)? }.run().await
}

async fn run_bootstrap(
    args: &DemoArgs,
    launch: &LaunchSettings,
    output: &mut Output,
) -> Result<(), DemoError> {
    let folder = temporary_copy(args.config(), launch)?;
    write_all(folder.path(), &bootstrap::FILES.map(|(name, text)| (name, text.to_owned())))?;
    let options = provision_options(args, folder.path(), launch).await?;
    let (running, workspace) = serve::start(&options).await?;
    bootstrap::Script { devices: devices(&running, &workspace, output)? }.run().await
}

async fn run_jitr(args: &DemoArgs, launch: &LaunchSettings, output: &mut Output) -> Result<(), DemoError> {
    let company = Company::new("Example CA")?;
    let folder = temporary_copy(args.config(), launch)?;
    write_all(folder.path(), &jitr::files(&company))?;
    let options = provision_options(args, folder.path(), launch).await?;
    let (running, workspace) = serve::start(&options).await?;
    jitr::Script { devices: devices(&running, &workspace, output)?, company }.run().await
}

/// The options of a gateway whose provisioning functions are there. Otherwise their first event would wait for that.
async fn provision_options(
    args: &DemoArgs,
    folder: &Path,
    launch: &LaunchSettings,
) -> Result<ServeOptions, DemoError> {
    let options = args.options(folder.join(CONFIG), launch.clone(), true);
    program(&options, Packaged::Provision).await?;
    Ok(options)
}

/// The path of a program, which is built or fetched if necessary.
async fn program(options: &ServeOptions, packaged: Packaged) -> Result<PathBuf, DemoError> {
    let failed = |error: FunctionError| ServeError::from(LaunchError::from(error));
    let source = options.function.source(packaged).map_err(failed)?;
    let launch = &options.launch;
    Ok(function::program(&source, packaged, &launch.cargo, &launch.env).await.map_err(failed)?)
}

/// Prints where the gateway is, and returns it as devices use it.
fn devices<'a>(
    running: &RunningGateway,
    workspace: &Workspace,
    output: &'a mut Output,
) -> Result<Devices<'a>, DemoError> {
    let account = running.cloud.account();
    let mqtts_port = running.mqtts_port.unwrap_or_default();
    output.note(&format!(
        "The local gateway listens on mqtts://localhost:{mqtts_port}, which stands for AWS IoT's port 8883, and serves\n\
         the API of AWS IoT on http://127.0.0.1:{}. Each line shows what the client sees. Below it is the\n\
         reason, which only the operator sees: the statement of the certificate's policies that decided, or why\n\
         the certificate is refused.",
        running.port
    ));
    let endpoint = format!("http://127.0.0.1:{}", running.port);
    Ok(Devices {
        control: Control::new(&endpoint, account.region()),
        account: format!("{}:{}", account.region(), account.id()),
        authority: Authority::open(&workspace.root)?,
        mqtts_port,
        session: Session { event_log: EventLogReader::new(running.event_log.subscribe()), output },
    })
}

async fn run_fleet(args: &DemoArgs, launch: &LaunchSettings, output: &mut Output) -> Result<(), DemoError> {
    let folder = temporary_copy(args.config(), launch)?;
    write_all(folder.path(), &fleet::FILES.map(|(name, text)| (name, text.to_owned())))?;
    let options = provision_options(args, folder.path(), launch).await?;
    let (running, workspace) = serve::start(&options).await?;
    fleet::Script { devices: devices(&running, &workspace, output)? }.run().await
}

async fn run_cognito(args: &DemoArgs, launch: &LaunchSettings, output: &mut Output) -> Result<(), DemoError> {
    let folder = temporary_copy(args.config(), launch)?;
    write_all(folder.path(), &cognito::FILES.map(|(name, text)| (name, text.to_owned())))?;
    let options = args.options(folder.path().join(CONFIG), launch.clone(), false);
    let (running, workspace) = serve::start(&options).await?;
    let issuer = workspace
        .issuers
        .iter()
        .find(|issuer| issuer.has_id_tokens_for_pools())
        .ok_or(DemoError::NoRsaIssuer)?
        .settings();
    program(&options, Packaged::Provision).await?;
    output.note(&format!(
        "The local gateway listens on ws://127.0.0.1:{}/mqtt and has an identity pool. Each line shows what the\n\
         client sees. Below it is the reason, which only the operator sees: the statement of the role or of the\n\
         policy that decided, or what is wrong with the signature. IDENTITY is the identity id.",
        running.port
    ));
    let endpoint = format!("http://127.0.0.1:{}", running.port);
    let mut script = cognito::Script {
        port: running.port,
        issuer,
        control: Control::new(&endpoint, running.cloud.account().region()),
        now: clock::now(),
        session: Session { event_log: EventLogReader::new(running.event_log.subscribe()), output },
    };
    script.run().await
}

async fn run_regions(args: &DemoArgs, launch: &LaunchSettings, output: &mut Output) -> Result<(), DemoError> {
    let options = args.options(args.config().to_owned(), launch.clone(), true);
    let bootstrap = program(&options, Packaged::Authorizer).await?;
    let folders = [temporary_copy(args.config(), launch)?, temporary_copy(args.config(), launch)?];
    let options = regions::Options { folders, bootstrap, env: &launch.env, kills: args.kills };
    regions::run(options, output).await
}
