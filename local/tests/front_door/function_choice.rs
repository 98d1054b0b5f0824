//! Other functions than processes of one program: a command, and a Lambda that someone else runs.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use iot_local::function::FUNCTION_ARN;
use iot_local::lambda::{Endpoint, Function};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{ask, connect, find, function, is_refused, open_with, refusal};

/// An invoke endpoint that answers everything with the same bytes.
async fn endpoint(response: String) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let is_post = b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\n";
            while !request.ends_with(b"}}") {
                assert!(tokio::io::AsyncReadExt::read_buf(&mut stream, &mut request).await.unwrap() > 0);
            }
            assert!(request.starts_with(is_post), "{}", String::from_utf8_lossy(&request));
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    (port, serving)
}

fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_lambda_elsewhere_is_believed_only_if_it_answers_as_one() {
    let allowed = serde_json::json!({
        "isAuthenticated": true, "principalId": "p", "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300,
        "policyDocuments": [{ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:us-east-1:123456789012:client/a"
        }]}]
    })
    .to_string();
    let error = r#"{"errorType":"Boom","errorMessage":"as asked"}"#;
    for (answer, expected) in [
        (response("200 OK", "", &allowed), None),
        (response("200 OK", "", r#"{"isAuthenticated":false}"#), Some("the authorizer refused")),
        (response("200 OK", "", error), Some("the function failed: Boom: as asked")),
        (response("200 OK", "X-Amz-Function-Error: Unhandled\r\n", error), Some("the function failed: Boom")),
        (response("500 Internal Server Error", "", error), Some("the function failed: Boom")),
        (response("502 Bad Gateway", "", &allowed), Some("it answered 502")),
        (response("403 Forbidden", "", "{}"), Some("requests are not signed")),
        (response("404 Not Found", "", "{}"), Some("is that the function's name?")),
        (response("200 OK", "", "not JSON"), Some("no JSON")),
        (response("200 OK", "", ""), Some("no JSON")),
        ("nonsense\r\n\r\n".to_owned(), Some("the function's endpoint")),
        (String::new(), Some("the function's endpoint")),
    ] {
        let (port, serving) = endpoint(answer.clone()).await;
        let url = format!("http://127.0.0.1:{port}/2015-03-31/functions/f/invocations");
        let door = open_with(1, |options| {
            options.function = Function::Endpoint(Endpoint::new(&url, FUNCTION_ARN.to_owned()).unwrap());
        })
        .await;
        let mut journal = door.journal.subscribe();
        let outcome = connect(door.port, "a", "good").await;
        match expected {
            None => assert!(outcome.is_ok(), "{answer}"),
            Some(expected) => {
                assert!(is_refused(&outcome), "{answer}");
                let reason = find(&mut journal, refusal).await;
                assert!(reason.contains(expected), "{answer}: {reason}");
            }
        }
        serving.abort();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for (scheme, expected) in [("http", "cannot connect"), ("https", "cannot connect")] {
        let url = format!("{scheme}://127.0.0.1:{port}/2015-03-31/functions/f/invocations");
        let door = open_with(1, |options| {
            options.function = Function::Endpoint(Endpoint::new(&url, FUNCTION_ARN.to_owned()).unwrap());
        })
        .await;
        let mut journal = door.journal.subscribe();
        assert!(is_refused(&connect(door.port, "a", "good").await));
        let reason = find(&mut journal, refusal).await;
        assert!(reason.contains(expected), "{scheme}: {reason}");
    }
}

#[tokio::test]
async fn a_command_of_the_shell_may_be_the_function() {
    let door = open_with(2, |options| {
        let mut spec = function(2);
        spec.program = "sh".into();
        let script = spec.args.join(" ");
        spec.args = vec!["-c".to_owned(), format!("test -n \"$PATH\" && exec python3 '{script}'")];
        options.function = spec.into();
    })
    .await;
    connect(door.port, "a", "good").await.unwrap();
    assert!(is_refused(&connect(door.port, "a", "bad").await));
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    let get = format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", door.port);
    let answer = ask(&mut stream, get.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_test_call_is_answered_as_aws_iot_would() {
    use clap::Parser;
    use iot_local::invoke::{self, InvokeArgs};
    use iot_local::launch::Surroundings;
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: InvokeArgs,
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("authorizer.toml").display().to_string();
    let spec = function(1);
    let command = format!("exec python3 '{}'", spec.args.concat());
    let around = Surroundings { cargo: "cargo".to_owned(), env: spec.env, sandboxes: 1 };
    let key = folder.path().join("key.pem");
    std::fs::write(&key, crate::selection::public_pem()).unwrap();
    let (key, signature) = (key.display().to_string(), crate::selection::sign("good"));
    for (line, expected) in [
        (&["--mqtt-context", "clientId=a,password=good"][..], Ok(true)),
        (&["--token", "good", "--http-context", r#"{"headers":{"a":"b"}}"#], Ok(true)),
        (
            &[
                "--token",
                "good",
                "--signing-key",
                &key,
                "--token-signature",
                &signature,
                "--tls",
                "serverName=s",
            ],
            Ok(true),
        ),
        (&["--mqtt-context", "clientId=a,password=bad"], Ok(false)),
        (&["--mqtt-context", "clientId=a,password=illegal"], Err("principalId must be")),
        (&["--mqtt-context", "clientId=a,password=error"], Err("failing as asked")),
        (&["--mqtt-context", "clientId=a,password=die"], Err("ended while it worked")),
        (&["--token", "good", "--signing-key", &key], Err("the function was not asked")),
        (
            &["--token", "bad", "--signing-key", &key, "--token-signature", &signature],
            Err("not an RS256 signature"),
        ),
        (&["--token", "good", "--signing-key", "/nonexistent"], Err("--signing-key /nonexistent")),
        (&["--token", "good", "--function-arn", "arn"], Err("--function-arn")),
        // Without any context there is no protocolData, for which this function is not made.
        (&["--token", "good"], Err("KeyError: 'protocolData'")),
    ] {
        let line = [&["invoke", "--config", &config, "--function", &command], line].concat();
        let mut out = Vec::new();
        let outcome = invoke::run(&Line::parse_from(line).args, &around, &mut out).await;
        let out = String::from_utf8(out).unwrap();
        match (outcome, expected) {
            (Ok(let_in), Ok(expected)) => {
                assert_eq!(let_in, expected, "{out}");
                let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
                assert_eq!(answer.get("isAuthenticated"), Some(&expected.into()), "{out}");
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected) && out.is_empty(), "{error}");
            }
            (outcome, expected) => {
                assert_eq!(
                    outcome.map_err(|error| error.to_string()),
                    expected.map_err(str::to_owned),
                    "{out}"
                );
            }
        }
    }
}
