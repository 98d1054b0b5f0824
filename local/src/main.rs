//! `cargo local`: the AWS IoT Core front door on one's own machine.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use iot_local::serve::{self, ServeOptions};

/// The AWS IoT Core front door on one's own machine
#[derive(Parser)]
#[command(name = "cargo local", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Open the front door and show what happens (the default)
    Serve(ServeArgs),
}

#[derive(Args)]
struct ServeArgs {
    /// Plain port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Configuration of the authorizer
    #[arg(long, value_name = "FILE", default_value = "authorizer.toml")]
    config: PathBuf,
    /// Processes of the function, as many as connects are decided at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    sandboxes: u8,
    /// Let the times of the authorizer's answer pass N times faster
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    time_scale: u32,
    /// Use this bootstrap instead of building it
    #[arg(long, value_name = "PATH")]
    bootstrap: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let env = environment();
    let outcome = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve::run(&args.into_options(env)).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

impl ServeArgs {
    fn into_options(self, env: Vec<(String, String)>) -> ServeOptions {
        // Cargo names itself to what it runs.
        let cargo = env.iter().find(|(name, _)| name == "CARGO").map(|(_, value)| value.clone());
        ServeOptions {
            port: self.port,
            config: self.config,
            sandboxes: self.sandboxes.into(),
            time_scale: self.time_scale,
            bootstrap: self.bootstrap,
            cargo: cargo.unwrap_or_else(|| "cargo".to_owned()),
            env,
        }
    }
}

/// The environment, which everything below is handed. What is not UTF-8 is left out: no setting of ours is.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[expect(clippy::print_stderr, reason = "the terminal shell of the program")]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
