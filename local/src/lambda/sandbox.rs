//! One execution environment: a process, its Runtime API, and the request it holds.

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

use super::life::{End, Life};
use super::lines::{self, Said};
use super::queue::Queue;
use super::{LambdaSpec, LineSink, SandboxLine, StartError, Stream, runtime_api};

/// Rest before a process that did nothing useful is started again; doubled each time, up to the longest.
const FIRST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long the readers may take to finish what a dead process left in its pipes.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) struct Sandbox {
    number: usize,
    spec: Arc<LambdaSpec>,
    queue: Arc<Queue>,
    lines: LineSink,
    process_ids: Arc<[AtomicU32]>,
    started: Option<oneshot::Sender<Result<(), StartError>>>,
}

impl Sandbox {
    pub(super) fn new(
        number: usize,
        spec: Arc<LambdaSpec>,
        queue: Arc<Queue>,
        lines: LineSink,
        process_ids: Arc<[AtomicU32]>,
        started: oneshot::Sender<Result<(), StartError>>,
    ) -> Self {
        Self { number, spec, queue, lines, process_ids, started: Some(started) }
    }

    /// Runs one process after the other, for ever. Ends only if the very first does not get to its first event.
    pub(super) async fn run(mut self) {
        let mut rest = FIRST_REST;
        loop {
            let outcome = self.live().await;
            self.note_process(0);
            match (outcome, self.started.take()) {
                (Err(fault), Some(started)) => {
                    let _ = started.send(Err(fault));
                    return;
                }
                (Ok(true), _) => rest = FIRST_REST,
                (Ok(false), _) => rest = self.wait(rest).await,
                (Err(fault), None) => {
                    self.say(&fault.to_string());
                    rest = self.wait(rest).await;
                }
            }
        }
    }

    async fn wait(&self, rest: Duration) -> Duration {
        tokio::time::sleep(rest).await;
        rest.saturating_mul(2).min(LONGEST_REST)
    }

    /// One process from start to end. `Ok(true)` if it has answered at least once.
    async fn live(&mut self) -> Result<bool, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let (calls, mut heard) = mpsc::channel(16);
        let mut api = JoinSet::new();
        api.spawn(runtime_api::serve(listener, calls, Arc::from(self.spec.function_arn.as_str())));
        let mut child = self.spawn(&address.to_string())?;
        self.note_process(child.id().unwrap_or(0));
        let said = Said::default();
        let mut readers = JoinSet::new();
        self.read(&mut readers, child.stdout.take(), Stream::Stdout, None);
        self.read(&mut readers, child.stderr.take(), Stream::Stderr, Some(said.clone()));
        let mut life = Life::new(child, said.clone());
        let end = loop {
            let limit = life.limit();
            tokio::select! {
                status = life.child.wait() => {
                    if let Some(job) = life.died(&status) {
                        self.queue.put(job);
                    }
                    break End::Exited(status);
                }
                Some(call) = heard.recv() => {
                    if life.hear(call) && let Some(started) = self.started.take() {
                        let _ = started.send(Ok(()));
                    }
                }
                job = self.queue.take(), if life.is_idle() => {
                    if let Some(job) = life.hand_over(job) {
                        self.queue.put(job);
                    }
                }
                () = tokio::time::sleep_until(limit), if life.is_limited() => break life.overran().await,
            }
        };
        self.note_process(0);
        let _ = tokio::time::timeout(LAST_WORDS, readers.join_all()).await;
        life.outcome(end)
    }

    fn spawn(&self, runtime_api: &str) -> Result<Child, StartError> {
        let arn = &self.spec.function_arn;
        // arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
        let part = |at: usize| arn.split(':').nth(at).unwrap_or_default();
        Command::new(&self.spec.program)
            .args(&self.spec.args)
            .env_clear()
            .envs(self.spec.env.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_LAMBDA_FUNCTION_NAME", part(6))
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_REGION", part(3))
            .env("_HANDLER", "bootstrap")
            .current_dir(&self.spec.current_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| StartError::Spawn { program: self.spec.program.clone(), source })
    }

    fn read<R>(&self, readers: &mut JoinSet<()>, from: Option<R>, stream: Stream, said: Option<Said>)
    where
        R: AsyncRead + Unpin + Send + 'static,
    {
        let Some(from) = from else { return };
        let (sandbox, sink) = (self.number, Arc::clone(&self.lines));
        readers.spawn(lines::read(from, move |text| {
            if let Some(said) = &said {
                said.keep(&text);
            }
            sink(SandboxLine { sandbox, stream, text });
        }));
    }

    fn note_process(&self, id: u32) {
        if let Some(slot) = self.process_ids.get(self.number) {
            slot.store(id, Ordering::Relaxed);
        }
    }

    fn say(&self, text: &str) {
        (self.lines)(SandboxLine { sandbox: self.number, stream: Stream::Host, text: text.to_owned() });
    }
}
