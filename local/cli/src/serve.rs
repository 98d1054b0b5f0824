//! `serve`: runs the local gateway until it is interrupted.

mod annotator;
mod banner;
mod control;
mod demos;
mod functions;
mod identity_pool;
mod operator;
mod provision;
mod reload;
mod terminal;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use iot_local_base::env_file::{self, EnvFileError};
use iot_local_base::files;
use iot_local_cloud::{InvalidAccount, OpenError};
use iot_local_gateway::annotation::{Annotator, PageOptions};
use iot_local_gateway::auth::endpoint::InvalidEndpoint;
use iot_local_gateway::certificate::{Authority, AuthorityError};
use iot_local_gateway::demo::DemoRunner;
use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_gateway::tls::TlsOptions;
use iot_local_gateway::{GatewayError, GatewayOptions, RunningGateway};
use iot_local_identity::example_users;
use iot_local_identity::oidc::{self, ProviderOptions, Realm, RedirectUri};
use iot_local_identity::workspace::{self, Workspace};
use iot_local_inspect::deployment::DeploymentError;
use iot_local_lambda::StartError;
use tokio::sync::broadcast::Receiver;

use self::annotator::ConfigAnnotator;
use self::demos::DemoProgram;
use self::functions::FunctionConflict;
use crate::arguments::{AuthorizerArgs, EndpointArgs, OutputArgs, SigningKeyError};
use crate::launch::{self, FunctionArgs, LaunchError, LaunchSettings, NamedFunction};
use crate::local_settings::LocalSettingsError;
use crate::package::packaged::Packaged;
use crate::package::source::FunctionSource;
use banner::Banner;

/// The limit of open files. A connection needs three, and the default of many systems is 1,024. The function's
/// processes inherit the limit.
const MAX_OPEN_FILES: u64 = 65_536;

/// The arguments of the command.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Port without TLS on 127.0.0.1; 0 selects a free port
    #[arg(long, default_value_t = 8080, help_heading = "Ports")]
    port: u16,
    /// TLS port on 127.0.0.1; 0 selects a free port
    #[arg(long, default_value_t = 8443, help_heading = "Ports")]
    tls_port: u16,
    /// Port of MQTT with client certificates on 127.0.0.1; 0 selects a free port
    #[arg(long, default_value_t = 8883, help_heading = "Ports")]
    mqtts_port: u16,
    #[command(flatten)]
    endpoint: EndpointArgs,
    #[command(flatten)]
    function: FunctionArgs,
    #[command(flatten)]
    authorizer: AuthorizerArgs,
    /// Run a further function, which authorizers and rules of the registry name by its ARN; may be repeated
    ///
    /// NAME is that of arn:aws:lambda:REGION:ACCOUNT:function:NAME. COMMAND uses the Lambda Runtime API; URL is that of
    /// a Lambda invoke endpoint. With iot-jwt-authorizer, the same as --function.
    #[arg(
        long = "lambda",
        value_name = "NAME=COMMAND|URL",
        help_heading = "Function",
        hide_short_help = true
    )]
    lambdas: Vec<NamedFunction>,
    /// Number of function processes, which is the number of concurrent calls
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64),
          help_heading = "Function", hide_short_help = true)]
    sandboxes: u8,
    /// Divide the times of the authorizer's response, and the waits before retries of rules, by N
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..),
          help_heading = "Authorizer")]
    time_scale: u32,
    /// Exact redirect URI of your own app; may be repeated
    ///
    /// The app then logs users in as client `app` of the development issuer.
    #[arg(long, value_name = "URI", help_heading = "Login")]
    redirect_uri: Vec<RedirectUri>,
    #[command(flatten)]
    output: OutputArgs,
}

/// The settings of the gateway and its function.
#[derive(Debug, Clone)]
pub(crate) struct ServeOptions {
    /// The port without TLS; 0 selects a free port.
    pub(crate) port: u16,
    /// The TLS port, if there is one; 0 selects a free port.
    pub(crate) tls_port: Option<u16>,
    /// The port of MQTT with client certificates, with TLS; 0 selects a free port.
    pub(crate) mqtts_port: u16,
    /// How clients are authenticated, and the Region and account.
    pub(crate) endpoint: EndpointArgs,
    /// The function.
    pub(crate) function: FunctionArgs,
    /// Further functions.
    pub(crate) lambdas: Vec<NamedFunction>,
    /// The definition of the authorizer.
    pub(crate) authorizer: AuthorizerArgs,
    /// The divisor of the times in the authorizer's response.
    pub(crate) time_scale: u32,
    /// The redirect URIs of the user's own app.
    pub(crate) redirect_uris: Vec<RedirectUri>,
    /// How the function is built and run.
    pub(crate) launch: LaunchSettings,
    /// What is printed.
    pub(crate) output: OutputArgs,
}

impl ServeOptions {
    /// A gateway of another command: on free ports, without TLS.
    pub(crate) fn on_free_ports(function: FunctionArgs, launch: LaunchSettings) -> Self {
        Self {
            port: 0,
            tls_port: None,
            mqtts_port: 0,
            endpoint: EndpointArgs::default(),
            function,
            lambdas: Vec::new(),
            authorizer: AuthorizerArgs::default(),
            time_scale: 1,
            redirect_uris: Vec::new(),
            launch,
            output: OutputArgs::default(),
        }
    }
}

/// An error that prevents the gateway from starting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The function cannot be built or run.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The file of `--env` is invalid.
    #[error(transparent)]
    Env(#[from] EnvFileError),
    /// A file of the state folder cannot be read or created.
    #[error("{}: {source}\n  help: check the folder's permissions", path.display())]
    StateFile {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The gateway's CA cannot be read or created.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A signing key is invalid.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The function did not start because of these errors of its configuration.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The settings of the endpoint are invalid.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// `local.toml` is invalid.
    #[error(transparent)]
    Settings(#[from] LocalSettingsError),
    /// The Region or the account is invalid.
    #[error("{0}; help: --region and --account set them, or local.toml")]
    Account(#[from] InvalidAccount),
    /// The registry cannot be opened.
    #[error(transparent)]
    Registry(#[from] OpenError),
    /// The gateway cannot start.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl ServeArgs {
    /// Returns the options. `launch` returns the launch settings for a number of sandboxes.
    ///
    /// # Errors
    /// Two options run functions of one name.
    pub(crate) fn into_options(
        self,
        launch: impl FnOnce(u8) -> LaunchSettings,
    ) -> Result<ServeOptions, FunctionConflict> {
        let (function, lambdas) = functions::of_options(self.function, self.lambdas)?;
        Ok(ServeOptions {
            port: self.port,
            tls_port: Some(self.tls_port),
            mqtts_port: self.mqtts_port,
            endpoint: self.endpoint,
            function,
            lambdas,
            authorizer: self.authorizer,
            time_scale: self.time_scale,
            redirect_uris: self.redirect_uri,
            launch: launch(self.sandboxes),
            output: self.output,
        })
    }
}

impl ServeOptions {
    /// The ports that are known before the start.
    fn ports(&self) -> Vec<u16> {
        [Some(self.port), self.tls_port].into_iter().flatten().filter(|port| *port != 0).collect()
    }
}

/// Prepares the configuration, builds the function if necessary, and starts the gateway.
///
/// # Errors
/// See [`ServeError`].
pub(crate) async fn start(options: &ServeOptions) -> Result<(RunningGateway, Workspace), ServeError> {
    let (running, workspace, _) = start_with_program(options).await?;
    Ok((running, workspace))
}

/// The same. Also returns the program of the function, unless it is an endpoint.
async fn start_with_program(
    options: &ServeOptions,
) -> Result<(RunningGateway, Workspace, Option<PathBuf>), ServeError> {
    let authorizer = options.authorizer.authorizer()?;
    let endpoint = options.endpoint.settings()?;
    let account = control::account(options)?;
    let (workspace, mut function) = launch::launch(&options.function, &options.launch).await?;
    let mut is_endpoint_removed = control::adapt_function(&mut function, options, &account, &options.ports());
    let functions = options.lambdas.iter().map(|named| {
        let mut further = launch::further_function(named, &account, &options.function, &options.launch)?;
        is_endpoint_removed |= control::remove_endpoint(&mut further, &options.ports());
        Ok(further)
    });
    let mut functions = functions.collect::<Result<Vec<_>, LaunchError>>()?;
    for mut target in provision::targets(options, &account)? {
        control::remove_endpoint(&mut target, &options.ports());
        functions.push(target);
    }
    let program = function.spec_mut().map(|spec| spec.program.clone());
    let page = page_options(options, &workspace, function.arn(), program.as_deref())?;
    let tls = match options.tls_port {
        Some(port) => {
            let authority = Arc::new(Authority::open(&workspace.root)?);
            Some(TlsOptions { port, mqtts_port: options.mqtts_port, authority })
        }
        None => None,
    };
    // Gateways of other Regions may start in the same folder.
    let lock = workspace::lock(&workspace.root).map_err(LaunchError::from)?;
    let operator = operator::operator(&workspace)?;
    let pool = identity_pool::identity_pool(options, &workspace, &account)?;
    let cloud = control::open(options, &workspace, account)?;
    drop(lock);
    cloud.set_identity_pool(Some(pool));
    let gateway = GatewayOptions {
        port: options.port,
        tls,
        endpoint,
        cloud,
        operator: Some(operator),
        function,
        authorizer,
        functions,
        jitp_delay: Duration::from_secs(options.endpoint.jitp_delay.unwrap_or_default()),
        connects_per_second: options.endpoint.connects_per_second,
        time_scale: options.time_scale,
        login: provider_options(options, &workspace)?,
        page,
    };
    let running = RunningGateway::start(gateway).await;
    let running = running.map_err(|error| start_error(error, &options.function.config))?;
    if is_endpoint_removed {
        let text = control::ENDPOINT_REMOVED.to_owned();
        running.event_log.record(None, None, EntryKind::Notice { text });
    }
    Ok((running, workspace, program))
}

/// The errors of the configuration that the function printed, or else the error itself.
fn start_error(error: GatewayError, config: &Path) -> ServeError {
    let GatewayError::Function(StartError::Exited { error_output, .. }) = &error else { return error.into() };
    DeploymentError::of_function(config, error_output).map_or_else(|| error.into(), Into::into)
}

/// What the page shows about the configuration, which another authorizer does not read.
fn page_options(
    options: &ServeOptions,
    workspace: &Workspace,
    function: &str,
    program: Option<&Path>,
) -> Result<PageOptions, ServeError> {
    let config = workspace.original.clone();
    let env = env_file::extended(&options.launch.env, options.function.env.as_deref())?;
    let annotator = ConfigAnnotator { config, env, function: function.to_owned() };
    let annotator: Arc<dyn Annotator> = Arc::new(annotator);
    let annotator = options.function.function.is_none().then_some(annotator);
    let ca = options.tls_port.map(|_| workspace.root.join("ca.pem"));
    let demos = demos(options, workspace, program);
    Ok(PageOptions { keeps_keys: options.function.keep_keys, ca, annotator, demos })
}

/// The demos, which run with the user's configuration. Without one, there are none.
fn demos(
    options: &ServeOptions,
    workspace: &Workspace,
    program: Option<&Path>,
) -> Option<Arc<dyn DemoRunner>> {
    let config = workspace.original.clone();
    let source = options.function.source(Packaged::Authorizer);
    let bootstrap = match (&options.function.function, source) {
        // The program of another authorizer is a shell.
        (Some(_), _) => None,
        // The demo takes the provisioning functions from it, too.
        (None, Ok(FunctionSource::Release(_))) => options.function.bootstrap.clone(),
        (None, _) => program.map(Path::to_owned),
    };
    let this = std::env::current_exe().ok().filter(|_| config.exists())?;
    Some(Arc::new(DemoProgram { program: this, config, bootstrap }))
}

/// The OpenID Provider, with every issuer of the configuration and its example users.
fn provider_options(options: &ServeOptions, workspace: &Workspace) -> Result<ProviderOptions, ServeError> {
    let env = env_file::extended(&options.launch.env, options.function.env.as_deref())?;
    let config = workspace.example_config(&env);
    let realms = workspace.issuers.iter().map(|issuer| {
        let id = &issuer.settings().id;
        Realm {
            issuer: issuer.clone(),
            users: example_users::users(&config, id),
            machine: example_users::machine(&config, id),
        }
    });
    let path = secret_file(workspace);
    let secret = machine_secret(&path).map_err(|source| ServeError::StateFile { path, source })?;
    Ok(ProviderOptions {
        realms: realms.collect(),
        machine_secret: Some(secret),
        redirect_uris: options.redirect_uris.clone(),
    })
}

fn secret_file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("private").join("machine.secret")
}

/// Reads the client secret of machines, or creates it, readable only by its owner.
fn machine_secret(path: &Path) -> io::Result<String> {
    if !path.exists() {
        let secret = oidc::random().ok_or(io::Error::other("the system's random number generator failed"))?;
        files::create_once(path, secret.as_bytes())?;
    }
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}

/// Raises the limit of open files, and returns it. With a lower limit the gateway works, but with fewer connections.
pub(crate) fn raise_open_files() -> u64 {
    rlimit::increase_nofile_limit(MAX_OPEN_FILES).unwrap_or(u64::MAX)
}

/// Starts the gateway and prints its event log until the process is interrupted. Then it ends as
/// [`RunningGateway::end`] says.
///
/// # Errors
/// See [`ServeError`].
pub(crate) async fn run(options: &ServeOptions) -> Result<(), ServeError> {
    raise_open_files();
    let watcher = reload::watcher(options).map_err(LaunchError::WorkingDirectory)?;
    let (running, workspace, program) = start_with_program(options).await?;
    let options = &reload::with_program(options, program);
    let banner = Banner::new(&running, &workspace, options);
    let banner = if options.output.json { banner.json().to_string() } else { banner.text() };
    terminal::print(&format!("{banner}\n"));
    let mut event_log = running.event_log.subscribe();
    {
        let interrupted = interrupted();
        let reloads = reload::follow(&running, options, watcher);
        let printed = terminal::print_entries(&mut event_log, options.output);
        tokio::pin!(interrupted, reloads, printed);
        loop {
            tokio::select! {
                () = &mut interrupted => break,
                () = &mut reloads => {}
                () = &mut printed => return Ok(()),
            }
        }
    }
    end(&running, &mut event_log, options.output).await;
    Ok(())
}

/// Ends the gateway once rules have done what they have begun, and prints its event log meanwhile. A second signal ends
/// it at once.
async fn end(running: &RunningGateway, event_log: &mut Receiver<LogEntry>, output: OutputArgs) {
    tokio::select! {
        _ = running.end() => {}
        () = interrupted() => {}
        () = terminal::print_entries(event_log, output) => return,
    }
    terminal::print_ready(event_log, output);
}

/// Waits for SIGINT or SIGTERM.
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

#[cfg(test)]
pub(crate) mod tests {
    use iot_local_base::env::Env;

    use super::*;

    /// Options of a gateway without TLS, on a free port, for a configuration in a folder.
    pub(crate) fn options(folder: &Path) -> ServeOptions {
        ServeOptions {
            port: 0,
            tls_port: None,
            mqtts_port: 0,
            endpoint: EndpointArgs::default(),
            function: FunctionArgs {
                config: folder.join("authorizer.toml"),
                keep_keys: false,
                bootstrap: Some(folder.join("bootstrap")),
                function: None,
                function_arn: None,
                env: None,
                original: None,
            },
            lambdas: Vec::new(),
            authorizer: AuthorizerArgs::default(),
            time_scale: 1,
            redirect_uris: Vec::new(),
            launch: LaunchSettings { cargo: "cargo".to_owned(), env: Env::from_process(), sandboxes: 1 },
            output: OutputArgs::default(),
        }
    }
}
