//! Runs demos for the page, each as a process of its own with a temporary folder of its own.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use clap::ValueEnum;
use iot_local_gateway::demo::{DemoRun, DemoRunner, LINE_CAPACITY};
use iot_local_lambda::ProcessGroup;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{self, Sender};

use crate::demo::name::DemoName;

/// The number of lines of standard error that a failure shows.
const MAX_ERROR_LINES: usize = 40;

/// How to run a demo.
pub(super) struct DemoProgram {
    /// This program.
    pub(super) program: PathBuf,
    /// The configuration of the authorizer.
    pub(super) config: PathBuf,
    /// The function of the authorizer, or the release. Absent if it is not a program; then the demo finds its own.
    pub(super) bootstrap: Option<PathBuf>,
}

impl DemoRunner for DemoProgram {
    fn names(&self) -> Vec<String> {
        let all = DemoName::value_variants().iter().filter(|name| **name != DemoName::All);
        all.filter_map(|name| Some(name.to_possible_value()?.get_name().to_owned())).collect()
    }

    fn start(&self, name: &str) -> io::Result<DemoRun> {
        // It outlives the demo, whose own temporary folders are in it: a demo that is killed cannot remove them.
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(&self.program);
        command.args(["demo", name, "--json-lines", "--config"]).arg(&self.config);
        if let Some(bootstrap) = &self.bootstrap {
            command.arg("--bootstrap").arg(bootstrap);
        }
        command.env("TMPDIR", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // The process also starts functions, and cargo if one is not built.
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        let (sender, lines) = mpsc::channel(LINE_CAPACITY);
        let group = ProcessGroup::of(&child);
        tokio::spawn(follow(folder, child, group, sender));
        Ok(DemoRun { lines })
    }
}

/// Passes on what a demo prints until it ends or no one reads any more. Then it kills what is left of the demo, and
/// removes its folder. The arguments are dropped in this order, too, if the gateway ends: the last one first.
async fn follow(folder: TempDir, mut child: Child, group: ProcessGroup, sender: Sender<String>) {
    let reader = sender.clone();
    tokio::select! {
        () = reader.closed() => {}
        () = pass_on(&mut child, sender) => {}
    }
    drop(group);
    let _ = child.wait().await;
    drop(folder);
}

/// Standard output has the steps. Standard error has the progress of a build, or why the demo failed.
async fn pass_on(child: &mut Child, sender: Sender<String>) {
    let (steps, errors) = (child.stdout.take(), child.stderr.take());
    let (has_ended, error_lines) =
        tokio::join!(pass_steps(steps, sender.clone()), pass_progress(errors, sender.clone()));
    let status = child.wait().await;
    if !has_ended {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let reason = if error_lines.is_empty() { status } else { error_lines.join("\n") };
        let _ = sender.send(json!({ "kind": "failed", "reason": reason }).to_string()).await;
    }
}

/// Returns whether the demo has reported its end.
async fn pass_steps(output: Option<impl AsyncRead + Unpin>, sender: Sender<String>) -> bool {
    let mut has_ended = false;
    let Some(output) = output else { return has_ended };
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(step) = serde_json::from_str::<Value>(&line) else { continue };
        has_ended |= step.get("kind").and_then(Value::as_str) == Some("end");
        if sender.send(step.to_string()).await.is_err() {
            break;
        }
    }
    has_ended
}

/// Returns the last lines.
async fn pass_progress(output: Option<impl AsyncRead + Unpin>, sender: Sender<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let Some(output) = output else { return kept };
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let progress = json!({ "kind": "progress", "text": line.trim() });
        if sender.send(progress.to_string()).await.is_err() {
            break;
        }
        if kept.len() == MAX_ERROR_LINES {
            kept.remove(0);
        }
        kept.push(line);
    }
    kept
}
