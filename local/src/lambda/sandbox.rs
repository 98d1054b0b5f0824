//! One execution environment: a process, its Runtime API, and the request it holds.

use std::io;
use std::net::Ipv4Addr;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::queue::{Job, Queue};
use super::runtime_api::{self, Call, Delivery};
use super::{INIT_LIMIT, INVOKE_LIMIT, InvokeError, LambdaSpec, LineSink, SandboxLine, StartError, Stream};
use crate::clock;

/// Rest before a process that did nothing useful is started again; doubled each time, up to the longest.
const FIRST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long the readers may take to finish what a dead process left in its pipes.
const LAST_WORDS: Duration = Duration::from_millis(500);
const LONGEST_LINE: u64 = 16 * 1024;
const LONGEST_FAULT: usize = 64 * 1024;

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
        let said = Arc::new(Mutex::new(String::new()));
        let mut readers = JoinSet::new();
        self.read(&mut readers, child.stdout.take(), Stream::Stdout, None);
        self.read(&mut readers, child.stderr.take(), Stream::Stderr, Some(Arc::clone(&said)));
        let mut life = Life::new(child, Arc::clone(&said));
        let end = loop {
            let limit = life.limit();
            tokio::select! {
                status = life.child.wait() => break life.died(status),
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
        end.into_outcome(life.served, &said)
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

    fn read<R>(&self, readers: &mut JoinSet<()>, from: Option<R>, stream: Stream, said: Option<Arc<Mutex<String>>>)
    where
        R: AsyncRead + Unpin + Send + 'static,
    {
        let Some(from) = from else { return };
        let (sandbox, lines) = (self.number, Arc::clone(&self.lines));
        readers.spawn(read_lines(from, move |text| {
            if let Some(said) = &said {
                keep(said, &text);
            }
            lines(SandboxLine { sandbox, stream, text });
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

async fn read_lines<R: AsyncRead + Unpin>(from: R, take: impl Fn(String)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut from).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
        take(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
        line.clear();
    }
}

/// Keeps what a process says before its first event, since that is where it names its faults.
fn keep(said: &Mutex<String>, text: &str) {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    if said.len() < LONGEST_FAULT {
        said.push_str(text);
        said.push('\n');
    }
}

/// How a process came to its end.
enum End {
    Exited(io::Result<ExitStatus>, Polled),
    Overran(Polled),
}

type Polled = bool;

impl End {
    /// What the end means for the sandbox: a fault if the process never asked for an event.
    fn into_outcome(self, served: bool, said: &Mutex<String>) -> Result<bool, StartError> {
        let stderr = || said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match self {
            Self::Exited(status, false) => {
                Err(StartError::Exited { status: describe(&status), stderr: stderr() })
            }
            Self::Overran(false) => Err(StartError::Silent { stderr: stderr() }),
            Self::Exited(_, true) | Self::Overran(true) => Ok(served),
        }
    }
}

fn describe(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// The state of one process.
struct Life {
    child: Child,
    init_limit: Instant,
    polled: bool,
    served: bool,
    poll: Option<oneshot::Sender<Delivery>>,
    working: Option<Working>,
    said: Arc<Mutex<String>>,
}

struct Working {
    id: Uuid,
    deadline: Instant,
    reply: oneshot::Sender<Result<Bytes, InvokeError>>,
}

impl Life {
    fn new(child: Child, said: Arc<Mutex<String>>) -> Self {
        let init_limit = clock::deadline(INIT_LIMIT);
        Self { child, init_limit, polled: false, served: false, poll: None, working: None, said }
    }

    fn is_idle(&self) -> bool {
        self.poll.is_some() && self.working.is_none()
    }

    fn is_limited(&self) -> bool {
        !self.polled || self.working.is_some()
    }

    fn limit(&self) -> Instant {
        self.working.as_ref().map_or(self.init_limit, |working| working.deadline)
    }

    /// Takes in what the process says; true when it asks for an event.
    fn hear(&mut self, call: Call) -> bool {
        match call {
            Call::Next(reply) => {
                self.fail(&InvokeError::Died("it asked for the next event without answering".to_owned()));
                self.poll = Some(reply);
                self.polled = true;
                return true;
            }
            Call::Answer { id, body } => self.settle(&id, Ok(body)),
            Call::Failure { id, kind, message } => self.settle(&id, Err(InvokeError::Failed { kind, message })),
            Call::InitFailure { kind, message } => keep(&self.said, &format!("{kind}: {message}")),
        }
        false
    }

    fn settle(&mut self, id: &str, outcome: Result<Bytes, InvokeError>) {
        if let Some(working) = self.working.take_if(|working| working.id.to_string() == id) {
            self.served = true;
            let _ = working.reply.send(outcome);
        }
    }

    /// Gives the job to the waiting process, or back when the process is no longer there to take it.
    fn hand_over(&mut self, job: Job) -> Option<Job> {
        // A process that was killed while idle may not have been noticed yet. Its status is asked for here, so
        // that its death costs nobody a request.
        if !matches!(self.child.try_wait(), Ok(None)) {
            self.poll = None;
            return Some(job);
        }
        let Some(poll) = self.poll.take() else { return Some(job) };
        // Its own time begins now: a healthy process is not killed because the request had to wait before.
        let deadline = clock::deadline(INVOKE_LIMIT);
        let delivery = Delivery { id: job.id, event: job.event.clone(), deadline };
        if poll.send(delivery).is_err() {
            return Some(job);
        }
        self.working = Some(Working { id: job.id, deadline, reply: job.reply });
        None
    }

    fn fail(&mut self, error: &InvokeError) {
        if let Some(working) = self.working.take() {
            let _ = working.reply.send(Err(error.clone()));
        }
    }

    fn died(&mut self, status: io::Result<ExitStatus>) -> End {
        self.fail(&InvokeError::Died(describe(&status)));
        End::Exited(status, self.polled)
    }

    async fn overran(&mut self) -> End {
        self.fail(&InvokeError::TimedOut);
        let _ = self.child.kill().await;
        End::Overran(self.polled)
    }
}
