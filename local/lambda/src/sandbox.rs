//! A sandbox: one process at a time, and its Runtime API. A process that ends is replaced.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::error::StartError;
use crate::lines::{self, ErrorOutput};
use crate::process::{Process, ProcessEnd};
use crate::process_group::ProcessGroup;
use crate::queue::Queue;
use crate::runtime_api;
use crate::spec::{LambdaSpec, LineSink, LineSource, SandboxLine};

/// The pause before replacing a process that completed no invocation. Doubles each time, up to the maximum.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// How long to read what an exited process left in its pipes.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(500);

pub(crate) struct Sandbox {
    number: usize,
    spec: Arc<LambdaSpec>,
    queue: Arc<Queue>,
    line_sink: LineSink,
    process_ids: Arc<[AtomicU32]>,
    /// Receives the outcome of the first start.
    started: Option<oneshot::Sender<Result<(), StartError>>>,
}

impl Sandbox {
    pub(crate) fn new(
        number: usize,
        spec: Arc<LambdaSpec>,
        queue: Arc<Queue>,
        line_sink: LineSink,
        process_ids: Arc<[AtomicU32]>,
        started: oneshot::Sender<Result<(), StartError>>,
    ) -> Self {
        Self { number, spec, queue, line_sink, process_ids, started: Some(started) }
    }

    /// Runs one process after another, forever. Returns only if the first process ends before its first event.
    pub(crate) async fn run(mut self) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let outcome = self.run_process().await;
            self.set_process_id(0);
            match (outcome, self.started.take()) {
                (Err(error), Some(started)) => {
                    let _ = started.send(Err(error));
                    return;
                }
                (Ok(true), _) => backoff = FIRST_BACKOFF,
                (Ok(false), _) => backoff = pause(backoff).await,
                (Err(error), None) => {
                    self.report(&error);
                    backoff = pause(backoff).await;
                }
            }
        }
    }

    /// Runs one process from start to end. Returns whether it completed an invocation.
    ///
    /// # Errors
    /// If it cannot be started, or ends before it requests its first event.
    async fn run_process(&mut self) -> Result<bool, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let (sender, mut calls) = mpsc::channel(16);
        let mut api = JoinSet::new();
        api.spawn(runtime_api::serve(listener, sender, Arc::from(self.spec.function_arn.as_str())));
        let mut child = self.spawn(&address.to_string())?;
        // Dropped after `process`, so that the program itself is dead already.
        let group = ProcessGroup::of(&child);
        self.set_process_id(child.id().unwrap_or(0));
        let error_output = ErrorOutput::default();
        let mut readers = JoinSet::new();
        self.read_lines(&mut readers, child.stdout.take(), LineSource::Stdout, None);
        self.read_lines(&mut readers, child.stderr.take(), LineSource::Stderr, Some(error_output.clone()));
        let mut process = Process::new(child, error_output);
        let end = loop {
            let deadline = process.deadline();
            tokio::select! {
                status = process.child.wait() => {
                    if let Some(job) = process.after_exit(&status) {
                        self.queue.push(job);
                    }
                    break ProcessEnd::Exited(status);
                }
                Some(call) = calls.recv() => {
                    if process.handle(call) && let Some(started) = self.started.take() {
                        let _ = started.send(Ok(()));
                    }
                }
                job = self.queue.pop(), if process.is_idle() => {
                    if let Some(job) = process.start_job(job) {
                        self.queue.push(job);
                    }
                }
                () = tokio::time::sleep_until(deadline), if process.has_deadline() => {
                    break process.time_out().await;
                }
            }
        };
        self.set_process_id(0);
        // Also closes the pipes that other processes of the group hold.
        drop(group);
        let _ = tokio::time::timeout(OUTPUT_TIMEOUT, readers.join_all()).await;
        process.outcome(end)
    }

    fn spawn(&self, runtime_api: &str) -> Result<Child, StartError> {
        let arn = &self.spec.function_arn;
        // arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
        let part = |index: usize| arn.split(':').nth(index).unwrap_or_default();
        let mut command = Command::new(&self.spec.program);
        #[cfg(unix)]
        command.process_group(0);
        command
            .args(&self.spec.args)
            .env_clear()
            .envs(self.spec.env.iter())
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_LAMBDA_FUNCTION_NAME", part(6))
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_REGION", part(3))
            .env("_HANDLER", self.spec.env.get("_HANDLER").unwrap_or("bootstrap"))
            .current_dir(&self.spec.current_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| StartError::Spawn { program: self.spec.program.clone(), source })
    }

    fn read_lines<R>(
        &self,
        readers: &mut JoinSet<()>,
        stream: Option<R>,
        source: LineSource,
        error_output: Option<ErrorOutput>,
    ) where
        R: AsyncRead + Unpin + Send + 'static,
    {
        let Some(stream) = stream else { return };
        let (sandbox, sink) = (self.number, Arc::clone(&self.line_sink));
        readers.spawn(lines::read(stream, move |text| {
            if let Some(error_output) = &error_output {
                error_output.push(&text);
            }
            sink(SandboxLine { sandbox, source, text });
        }));
    }

    /// Publishes the id of the running process; 0 if none runs.
    fn set_process_id(&self, id: u32) {
        if let Some(slot) = self.process_ids.get(self.number) {
            slot.store(id, Ordering::Relaxed);
        }
    }

    fn report(&self, error: &StartError) {
        for line in error.to_string().lines() {
            let text = line.to_owned();
            (self.line_sink)(SandboxLine { sandbox: self.number, source: LineSource::Host, text });
        }
    }
}

/// Waits, and returns the next, longer pause.
async fn pause(backoff: Duration) -> Duration {
    tokio::time::sleep(backoff).await;
    backoff.saturating_mul(2).min(MAX_BACKOFF)
}
