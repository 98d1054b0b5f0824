//! `storm`: how long a fleet needs to connect if all its devices try at once, and which limit decides.

mod figures;
mod measure;
mod rehearsal;
mod report;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use iot_local_storm::{
    BackOff, FunctionLimits, KeyServer, Outage, Overflow, RegionLimits, Storm, Way, chart, simulate,
};
use thiserror::Error;

use crate::launch::{FunctionArgs, LaunchSettings};
use figures::{KeyPlace, Times};
use measure::MeasureError;
use rehearsal::RehearsalError;
use report::Report;

/// The arguments of the command.
#[derive(Clone, Args)]
pub(crate) struct StormArgs {
    /// Number of devices
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    devices: u32,
    /// Each device first tries at a random time within these seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    spread: f64,
    /// Longest first delay of the back-off, which doubles with each failed attempt
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    back_off_first: f64,
    /// Longest delay of the back-off
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    back_off_max: f64,
    /// How the devices connect
    #[arg(long, value_name = "WAY", default_value = "token")]
    with: ConnectWay,
    /// The first Region is lost, and the endpoint's name leads to the second one after these seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    failover: Option<f64>,
    /// Connects that AWS IoT accepts in a second
    #[arg(long, value_name = "N", default_value_t = figures::CONNECTS_PER_SECOND, help_heading = "Limits of the account")]
    connects_per_second: u32,
    /// Concurrent calls of the function
    #[arg(long, value_name = "N", default_value_t = figures::CONCURRENCY, help_heading = "Limits of the account")]
    concurrency: u32,
    /// Sandboxes that are warm at the start
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Limits of the account")]
    warm_sandboxes: u32,
    /// Devices that just-in-time provisioning registers in a second
    #[arg(long, value_name = "N", default_value_t = figures::REGISTRATIONS_PER_SECOND, help_heading = "Limits of the account")]
    registrations_per_second: u32,
    /// Where the function's keys come from
    #[arg(long, value_name = "PLACE", default_value = "bundled", help_heading = "Keys")]
    keys: KeyPlace,
    /// Requests that the key server answers in a second [default: without limit; of Secrets Manager 10,000]
    #[arg(long, value_name = "N", help_heading = "Keys")]
    key_requests_per_second: Option<u32>,
    /// Measure start and calls of the function on this machine, and convert them to Lambda's
    #[arg(long)]
    measure: bool,
    /// Memory of the function in MB, for --measure
    #[arg(long, value_name = "MB", default_value_t = figures::MEMORY_MB, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: u32,
    /// Let real clients do the same against a local gateway with this limit of connects, and compare
    #[arg(long, conflicts_with_all = ["failover", "measure"])]
    rehearse: bool,
    /// Start of all random choices
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw a chart as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    function: FunctionArgs,
}

/// How the devices connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConnectWay {
    /// With a token: each connect is a call of the authorizer
    Token,
    /// With a registered certificate, or a signed request
    Certificate,
    /// With a certificate that just-in-time provisioning registers first
    FirstConnect,
}

/// An error of the command.
#[derive(Debug, Error)]
pub(crate) enum StormError {
    /// The back-off never doubles.
    #[error("--back-off-max is {max} s, less than --back-off-first, {first} s")]
    BackOff {
        /// The longest first delay.
        first: f64,
        /// The longest delay.
        max: f64,
    },
    /// Real clients of another kind.
    #[error("--rehearse works with --with token alone")]
    RehearsesTokens,
    /// The function cannot be measured.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The clients cannot be run.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// The chart cannot be written.
    #[error("{}: {source}", path.display())]
    Plot {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Write(#[from] io::Error),
}

/// The longest simulated time. A fleet that needs more than a day needs another plan.
const END_SECONDS: f64 = 86_400.0;

/// Simulates, and runs real clients if that is asked. Returns whether all devices were connected in the end.
///
/// # Errors
/// See [`StormError`].
pub(crate) async fn run(
    args: &StormArgs,
    settings: &LaunchSettings,
    out: &mut dyn Write,
) -> Result<bool, StormError> {
    if args.back_off_max < args.back_off_first {
        return Err(StormError::BackOff { first: args.back_off_first, max: args.back_off_max });
    }
    if args.rehearse && args.with != ConnectWay::Token {
        return Err(StormError::RehearsesTokens);
    }
    let measured = match args.measure {
        true => Some(measure::measure(&args.function, settings).await?),
        false => None,
    };
    let times = measured.map_or(args.keys.times(), |here| figures::on_lambda(here, args.memory));
    let (storm, real) = match args.rehearse {
        true => {
            let (storm, real) =
                rehearsal::run(args.storm(times), args.connects_per_second, &args.function, settings).await?;
            (storm, Some(real))
        }
        false => (args.storm(times), None),
    };
    let outcome = simulate(&storm);
    let report = Report { storm: &storm, outcome: &outcome, real: real.as_ref(), measured, times };
    if let Some(path) = &args.plot {
        let svg = chart(&outcome, &report.title());
        std::fs::write(path, svg).map_err(|source| StormError::Plot { path: path.clone(), source })?;
    }
    match args.json {
        true => writeln!(out, "{:#}", report.json())?,
        false => report.write(out)?,
    }
    Ok(outcome.unconnected == 0)
}

impl StormArgs {
    fn storm(&self, times: Times) -> Storm {
        let region = self.region(times);
        // A Region without clients has no warm sandboxes.
        let cold = FunctionLimits { warm_sandboxes: 0, ..region.function.clone() };
        let second = RegionLimits { function: cold, ..region.clone() };
        Storm {
            devices: self.devices,
            spread: self.spread,
            back_off: BackOff { first: self.back_off_first, max: self.back_off_max },
            way: match self.with {
                ConnectWay::Token => Way::Token,
                ConnectWay::Certificate => Way::Registered,
                ConnectWay::FirstConnect => Way::FirstConnect,
            },
            region,
            outage: self.failover.map(|failover| Outage { failover, second }),
            end: END_SECONDS,
            seed: self.seed,
        }
    }

    fn region(&self, times: Times) -> RegionLimits {
        RegionLimits {
            connects_per_second: self.connects_per_second.into(),
            connect_seconds: figures::CONNECT_SECONDS,
            function: FunctionLimits {
                cold_seconds: times.cold / 1000.0,
                warm_seconds: times.warm / 1000.0,
                warm_sandboxes: self.warm_sandboxes,
                concurrency: self.concurrency,
                calls_per_second: f64::from(self.concurrency) * f64::from(figures::CALLS_OF_A_SANDBOX),
                new_sandboxes: figures::NEW_SANDBOXES.into(),
                new_sandboxes_per_second: f64::from(figures::NEW_SANDBOXES)
                    / f64::from(figures::RAMP_SECONDS),
                overflow: Overflow::Throttled,
                key_server: self.key_server(),
            },
            registrations_per_second: self.registrations_per_second.into(),
            registration_seconds: figures::REGISTRATION_SECONDS,
        }
    }

    fn key_server(&self) -> Option<KeyServer> {
        let given = self.key_requests_per_second.map(f64::from);
        let requests_per_second = given.or(self.keys.requests_per_second()).unwrap_or(f64::INFINITY);
        let requests = self.keys.requests();
        (requests > 0).then_some(KeyServer { requests, requests_per_second })
    }
}

/// Parses a time that is not negative.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("invalid number {text:?}"))?;
    if seconds.is_finite() && (0.0..=END_SECONDS).contains(&seconds) {
        return Ok(seconds);
    }
    Err(format!("{text} is outside 0 to {END_SECONDS} seconds"))
}
