//! What runs in a sandbox, and what it writes.

use std::path::PathBuf;
use std::sync::Arc;

use iot_local_base::env::Env;

/// The program of a function, and how to run it.
#[derive(Clone)]
pub struct LambdaSpec {
    /// The program: `bootstrap`, or any command that speaks the Runtime API.
    pub program: PathBuf,
    /// Its arguments. A real Lambda function has none.
    pub args: Vec<String>,
    /// Its whole environment, except the variables that Lambda sets. The caller sets `LAMBDA_TASK_ROOT`, and `_HANDLER`
    /// if the program has several.
    pub env: Env,
    /// Its working directory.
    pub current_dir: PathBuf,
    /// The number of processes. 0 counts as 1.
    pub sandboxes: usize,
    /// The ARN by which the function is invoked. Its Region and function name go into the environment.
    pub function_arn: String,
}

/// The source of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineSource {
    /// The function's standard output.
    Stdout,
    /// The function's standard error.
    Stderr,
    /// The host: why a process could not be started again.
    Host,
}

/// One line of output of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxLine {
    /// The sandbox's number, from 0.
    pub sandbox: usize,
    /// The source of the line.
    pub source: LineSource,
    /// The line without its line ending. A line over 16 KiB is split.
    pub text: String,
}

/// Receives the lines of all sandboxes. Called from their reader tasks, so it must not block.
pub type LineSink = Arc<dyn Fn(SandboxLine) + Send + Sync>;
