//! Lambda's Runtime API on loopback, one for each sandbox, and the programs that are measured behind it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

#![allow(dead_code, unreachable_pub, reason = "each bench uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "benches read the clock")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::FUNCTION;

/// The echo function.
pub fn echo() -> PathBuf {
    built("echo", "echo")
}

/// The echo function for several events at once.
pub fn echo_at_once() -> PathBuf {
    built("echo", "echo-at-once")
}

/// The function as it is deployed. A binary that `cargo bench` builds together with a bench has the benches' features.
pub fn bootstrap() -> PathBuf {
    built("iot-jwt-authorizer", "bootstrap")
}

fn built(package: &str, bin: &str) -> PathBuf {
    let run = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "-p", package, "--bin", bin, "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let lines = String::from_utf8(run.stdout).unwrap();
    let messages = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back().unwrap()
}

/// A running sandbox that waits for its next event.
pub struct Sandbox {
    child: Child,
    log: Option<ChildStdout>,
    stream: BufReader<TcpStream>,
    head: Vec<u8>,
    /// The time from its start to its first poll.
    pub start: Duration,
}

impl Sandbox {
    /// Starts the function with a deployment, and waits for its first poll. Its log goes to a pipe that is read after
    /// each response. So the cost of the line is measured, but not the cost of waking a reader.
    pub fn start(program: &Path, root: &Path, environment: &[(String, String)]) -> Self {
        Self::logging_to(Stdio::piped(), program, root, environment)
    }

    /// The same without a log: for echo, which writes none, and to measure the cost of the line.
    pub fn without_log(program: &Path, root: &Path) -> Self {
        Self::logging_to(Stdio::null(), program, root, &[])
    }

    fn logging_to(log: Stdio, program: &Path, root: &Path, environment: &[(String, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = command(program, root, &listener.local_addr().unwrap().to_string());
        command.envs(environment.iter().map(|(name, value)| (name, value))).stdout(log);
        let spawned = Instant::now();
        let mut child = command.spawn().unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut stream = BufReader::new(stream);
        let (line, _) = request(&mut stream).unwrap();
        let start = spawned.elapsed();
        assert!(line.starts_with("GET /2018-06-01/runtime/invocation/next"), "{line}");
        let head = response_head("8476a536-e9f4-11e8-9739-2dfe598c3fcd");
        Self { log: child.stdout.take(), child, stream, head, start }
    }

    /// Sends an event. Returns the response, and the time until it arrived.
    pub fn invoke(&mut self, event: &[u8]) -> (String, Duration) {
        let message = [&self.head, event.len().to_string().as_bytes(), b"\r\n\r\n", event].concat();
        let sent = Instant::now();
        self.stream.get_mut().write_all(&message).unwrap();
        let (line, response) = request(&mut self.stream).unwrap();
        let waited = sent.elapsed();
        assert!(line.ends_with("/response HTTP/1.1"), "{line}");
        self.stream.get_mut().write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
        let (line, _) = request(&mut self.stream).unwrap();
        assert!(line.starts_with("GET "), "{line}");
        if let Some(log) = &mut self.log {
            // The line was written before the response.
            assert!(log.read(&mut [0; 1 << 16]).unwrap() > 0);
        }
        (response, waited)
    }

    /// Its peak resident memory, in kB.
    pub fn peak_memory_kb(&self) -> u64 {
        peak_memory_kb(self.child.id())
    }

    /// The processor time that it has used, in hundredths of a second.
    pub fn processor_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The function as Lambda starts it.
pub fn command(program: &Path, root: &Path, api: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LAMBDA_TASK_ROOT", root)
        .env("AWS_LAMBDA_RUNTIME_API", api)
        .env("AWS_LAMBDA_FUNCTION_NAME", "authorizer")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
    command
}

/// The head of the response that hands out an event with this request id, up to the event's length.
pub fn response_head(id: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: {id}\r\n\
         lambda-runtime-deadline-ms: 32503680000000\r\nlambda-runtime-invoked-function-arn: {FUNCTION}\r\n\
         content-type: application/json\r\ncontent-length: "
    )
    .into_bytes()
}

/// The peak resident memory of a process, in kB.
pub fn peak_memory_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Reads an HTTP request, and returns its first line and its body; `None` at the end of the connection.
pub fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut start = String::new();
    if reader.read_line(&mut start).ok()? == 0 {
        return None;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(("content-length", value)) = line.split_once(": ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((start.trim_end().to_owned(), String::from_utf8(body).unwrap()))
}

/// The time below which this fraction of the measurements is.
pub fn quantile(times: &mut [Duration], fraction: f64) -> Duration {
    times.sort_unstable();
    let last = times.len() - 1;
    times[((last as f64) * fraction) as usize]
}
