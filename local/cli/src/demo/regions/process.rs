//! A gateway that is a process of its own, so that it can be killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use iot_local_policy::Action;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::demo::reasons::Reason;
use crate::demo::{CONFIG, DemoError};

/// How long a gateway may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait for an entry of the event log.
const LOG_TIMEOUT: Duration = Duration::from_secs(3);

/// The ports of a gateway, or those of the forwarder in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    /// WebSocket, HTTPS publish and AWS APIs, without TLS.
    pub(crate) plain: u16,
    /// MQTT over TLS, which stands for AWS's port 443.
    pub(crate) tls: u16,
    /// MQTT with client certificates, which stands for AWS's port 8883.
    pub(crate) mqtts: u16,
}

/// A Region: the folder with its configuration, keys and registry, and the process of its gateway. Dropping it kills
/// the process.
pub(crate) struct Region {
    pub(super) name: &'static str,
    pub(crate) folder: TempDir,
    pub(crate) ports: Ports,
    pub(super) log: ProcessLog,
    bootstrap: PathBuf,
    options: Vec<String>,
    process: Child,
}

impl Region {
    /// Starts the gateway of a Region and waits until it listens.
    ///
    /// # Errors
    /// The process cannot be started, or does not listen in time. Its own errors are on standard error.
    pub(crate) async fn start(
        name: &'static str,
        folder: TempDir,
        bootstrap: PathBuf,
    ) -> Result<Self, DemoError> {
        Self::start_with(name, folder, bootstrap, Vec::new()).await
    }

    /// The same with further options of `serve`.
    ///
    /// # Errors
    /// As for [`Region::start`].
    pub(crate) async fn start_with(
        name: &'static str,
        folder: TempDir,
        bootstrap: PathBuf,
        options: Vec<String>,
    ) -> Result<Self, DemoError> {
        let (process, ports, log) = start(name, folder.path(), &bootstrap, &options).await?;
        Ok(Self { name, folder, ports, log, bootstrap, options, process })
    }

    /// Kills the gateway with SIGKILL.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) async fn kill(&mut self) -> Result<(), DemoError> {
        self.process.kill().await.map_err(DemoError::Gateway)
    }

    /// Stops the gateway with SIGSTOP: its ports stay open, and nothing answers. Returns whether the system can do so.
    pub(super) async fn hang(&self) -> bool {
        let Some(id) = self.process.id() else { return false };
        let stopped = Command::new("kill").args(["-STOP", &id.to_string()]).status().await;
        stopped.is_ok_and(|status| status.success())
    }

    /// Starts the gateway again, with the same files and on other ports.
    ///
    /// # Errors
    /// As for [`Region::start`].
    pub(super) async fn restart(&mut self) -> Result<(), DemoError> {
        let (process, ports, log) =
            start(self.name, self.folder.path(), &self.bootstrap, &self.options).await?;
        (self.process, self.ports, self.log) = (process, ports, log);
        Ok(())
    }

    /// Returns the id of the process.
    pub(super) fn process_id(&self) -> Option<u32> {
        self.process.id()
    }
}

async fn start(
    region: &str,
    folder: &Path,
    bootstrap: &Path,
    options: &[String],
) -> Result<(Child, Ports, ProcessLog), DemoError> {
    let program = std::env::current_exe().map_err(DemoError::Gateway)?;
    let mut process = Command::new(program)
        .args(["serve", "--json", "--region", region, "--port", "0", "--tls-port", "0", "--mqtts-port", "0"])
        .arg("--config")
        .arg(folder.join(CONFIG))
        .arg("--bootstrap")
        .arg(bootstrap)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(DemoError::Gateway)?;
    let not_listening = || DemoError::Answer("address: the gateway of a Region did not start");
    let mut lines = BufReader::new(process.stdout.take().ok_or_else(not_listening)?).lines();
    let first = tokio::time::timeout(START_TIMEOUT, lines.next_line()).await;
    let first = first.ok().and_then(Result::ok).flatten().ok_or_else(not_listening)?;
    let first: Value = serde_json::from_str(&first).map_err(|_| not_listening())?;
    let port = |name: &str| port(first.get(name)?.as_str()?);
    let ports = (|| {
        Some(Ports {
            plain: port("awsEndpointUrl")?,
            tls: port("mqtts")?,
            mqtts: port("mqttsWithCertificates")?,
        })
    })();
    Ok((process, ports.ok_or_else(not_listening)?, ProcessLog::new(lines)))
}

/// The port at the end of an address.
fn port(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// Reads the event log that a gateway prints as JSON.
pub(super) struct ProcessLog {
    entries: mpsc::UnboundedReceiver<Value>,
    seen: Vec<Value>,
}

impl ProcessLog {
    /// The process would stop if its output were not read, so a task reads it until the process ends.
    fn new(mut lines: Lines<BufReader<ChildStdout>>) -> Self {
        let (sender, entries) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(entry) = serde_json::from_str(&line) {
                    // Without a receiver the line is only read.
                    let _ = sender.send(entry);
                }
            }
        });
        Self { entries, seen: Vec::new() }
    }

    /// Drops all entries of earlier actions.
    pub(super) fn clear(&mut self) {
        self.seen.clear();
        while self.entries.try_recv().is_ok() {}
    }

    /// Finds the reason for the result of a client's connect; without a client id, of one that was denied before it
    /// sent its own.
    pub(super) async fn connect(&mut self, client_id: Option<&str>) -> Reason {
        self.find(|entry| {
            let is_wanted = matches!(text(entry, "kind"), Some("connected" | "connect-refused"))
                && text(entry, "client") == client_id;
            is_wanted.then(|| text(entry, "reason").unwrap_or_default().to_owned())
        })
        .await
    }

    /// Finds the reason for an action on a resource, such as `topic/a`.
    pub(super) async fn action(&mut self, action: Action, resource: &str) -> Reason {
        let action = action.to_string();
        self.find(|entry| {
            let is_wanted = matches!(text(entry, "kind"), Some("allowed" | "refused"))
                && text(entry, "action") == Some(&action)
                && text(entry, "resource") == Some(resource);
            is_wanted.then(|| text(entry, "reason").unwrap_or_default().to_owned())
        })
        .await
    }

    /// The first matching entry, of those read before and those that arrive in time, else an empty one.
    async fn find(&mut self, pick: impl Fn(&Value) -> Option<String>) -> Reason {
        let found = match self.seen.iter().find_map(&pick) {
            Some(found) => Some(found),
            None => {
                let wait = async {
                    loop {
                        let entry = self.entries.recv().await?;
                        let found = pick(&entry);
                        self.seen.push(entry);
                        if found.is_some() {
                            return found;
                        }
                    }
                };
                tokio::time::timeout(LOG_TIMEOUT, wait).await.ok().flatten()
            }
        };
        Reason::of(found)
    }
}

fn text<'a>(entry: &'a Value, member: &str) -> Option<&'a str> {
    entry.get(member)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_at_the_end_of_an_address() {
        for (address, expected) in [
            ("http://127.0.0.1:8080", Some(8080)),
            ("mqtts://localhost:1", Some(1)),
            ("mqtts://localhost", None),
            ("ws://127.0.0.1:8080/mqtt", None),
            ("http://127.0.0.1:65536", None),
            ("", None),
        ] {
            assert_eq!(port(address), expected, "{address}");
        }
    }
}
