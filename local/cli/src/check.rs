//! `check`: reports errors, probable mistakes and the largest possible policy of a configuration.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use iot_local_base::env::Env;
use iot_local_inspect::check::{self, CheckReport};
use iot_local_inspect::findings::Severity;
use iot_local_inspect::provision;
use serde_json::Value;

use crate::package::packaged::Packaged;

/// The arguments of the command.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Configuration to check, with `policies/` and `keys/` next to it
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    pub(crate) config: PathBuf,
    /// Configuration of the provisioning functions [default: provision.toml next to the other one, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) provision: Option<PathBuf>,
    /// Revocation list to check as well, before it is put where the configuration's `source` is
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<PathBuf>,
    /// Also fail on warnings
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Checks the configurations and prints the reports. Returns whether the check passed.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn run(
    args: &CheckArgs,
    env: &Env,
    now: SystemTime,
    has_colours: bool,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let report = check::examine_with_list(&args.config, args.list.as_deref(), env, now);
    let provision = args.provision().map(|config| provision::examine(&config, env));
    if args.json {
        writeln!(out, "{:#}", to_json(&report, provision.as_ref()))?;
    } else {
        for report in [Some(&report), provision.as_ref()].into_iter().flatten() {
            out.write_all(report.text(has_colours).as_bytes())?;
        }
    }
    let passed = |report: &CheckReport| {
        report.count(Severity::Error) == 0 && !(args.deny_warnings && report.count(Severity::Warning) > 0)
    };
    Ok(passed(&report) && provision.as_ref().is_none_or(passed))
}

impl CheckArgs {
    /// The configuration of the provisioning functions, if there is one to check.
    fn provision(&self) -> Option<PathBuf> {
        let next_to_it = self.config.with_file_name(Packaged::Provision.config());
        self.provision.clone().or_else(|| next_to_it.is_file().then_some(next_to_it))
    }
}

/// The reports for programs: that of the authorizer, with that of the provisioning functions as a member.
fn to_json(report: &CheckReport, provision: Option<&CheckReport>) -> Value {
    let mut json = report.json();
    if let (Some(members), Some(provision)) = (json.as_object_mut(), provision) {
        members.insert("provision".to_owned(), provision.json());
    }
    json
}
