//! The arguments for the event log on the terminal.

use clap::Args;

/// How much of the event log is printed, and in which form.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print everything, with the function's own log lines
    #[arg(long, short, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print only the authorizer's decisions, denials and errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Print JSON, one object a line: the addresses first, then each entry
    #[arg(long, conflicts_with_all = ["verbose", "quiet"])]
    pub json: bool,
}
