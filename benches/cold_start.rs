//! From the start of the release `bootstrap` to its first answer, behind a Runtime API on loopback.
//!
//! `cargo bench --bench cold_start`

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run says so by panicking")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use support::FUNCTION;
use support::deployment::Deployment;

/// Starts the function, hands it one event, waits for the answer, and ends it.
fn first_answer(listener: &TcpListener, deployment: &Deployment, event: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .env("LAMBDA_TASK_ROOT", deployment.path(""))
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "authorizer")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let (start, _) = request(&mut reader);
    assert!(start.starts_with("GET /2018-06-01/runtime/invocation/next"), "{start}");
    let head = format!(
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: 32503680000000\r\n\
         lambda-runtime-invoked-function-arn: {FUNCTION}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        event.len()
    );
    let mut stream: &TcpStream = reader.get_ref();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(event.as_bytes()).unwrap();
    let (start, body) = request(&mut reader);
    assert!(start.starts_with("POST /2018-06-01/runtime/invocation/1/response"), "{start}");
    child.kill().unwrap();
    child.wait().unwrap();
    body
}

/// One HTTP request: its first line and its body.
fn request(reader: &mut BufReader<TcpStream>) -> (String, String) {
    let mut start = String::new();
    reader.read_line(&mut start).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(("content-length", value)) = line.split_once(": ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (start, String::from_utf8(body).unwrap())
}

fn cold_start(criterion: &mut Criterion) {
    let deployment = Deployment::named("example");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let event = r#"{"token":"none"}"#;
    assert!(first_answer(&listener, &deployment, event).contains("\"isAuthenticated\":false"));
    let mut group = criterion.benchmark_group("cold start");
    group.sample_size(50);
    group.bench_function("bundled keys, start to first answer", |bencher| {
        bencher.iter(|| first_answer(&listener, &deployment, event));
    });
    group.finish();
}

criterion_group!(benches, cold_start);
criterion_main!(benches);
