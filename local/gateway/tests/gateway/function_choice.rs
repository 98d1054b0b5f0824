//! Other targets than one program: a shell command, and an Invoke API endpoint.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use iot_local_identity::deployment::FUNCTION_ARN;
use iot_local_lambda::{Endpoint, InvokeTarget};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{connect, denial, find, function, is_denied, open_with, send_request};

/// Serves an invoke endpoint that sends the same bytes for every request.
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
async fn the_response_of_an_endpoint_must_be_that_of_a_function() {
    let allowed = serde_json::json!({
        "isAuthenticated": true, "principalId": "p", "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 300,
        "policyDocuments": [{ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:us-east-1:123456789012:client/a"
        }]}]
    })
    .to_string();
    let report = r#"{"errorType":"Boom","errorMessage":"as asked"}"#;
    for (response, expected) in [
        (response("200 OK", "", &allowed), None),
        (response("200 OK", "", r#"{"isAuthenticated":false}"#), Some("the authorizer denied the client")),
        (response("200 OK", "", report), Some("the function failed: Boom: as asked")),
        (
            response("200 OK", "X-Amz-Function-Error: Unhandled\r\n", report),
            Some("the function failed: Boom"),
        ),
        (response("500 Internal Server Error", "", report), Some("the function failed: Boom")),
        (response("502 Bad Gateway", "", &allowed), Some("unexpected status 502")),
        (response("403 Forbidden", "", "{}"), Some("requests are not signed")),
        (response("404 Not Found", "", "{}"), Some("check the function's name in the URL")),
        (response("200 OK", "", "not JSON"), Some("not JSON")),
        (response("200 OK", "", ""), Some("not JSON")),
        ("nonsense\r\n\r\n".to_owned(), Some("the function's endpoint")),
        (String::new(), Some("the function's endpoint")),
    ] {
        let (port, serving) = endpoint(response.clone()).await;
        let url = format!("http://127.0.0.1:{port}/2015-03-31/functions/f/invocations");
        let gateway = open_with(1, |options| {
            options.function = InvokeTarget::Endpoint(Endpoint::new(&url, FUNCTION_ARN.to_owned()).unwrap());
        })
        .await;
        let mut event_log = gateway.event_log.subscribe();
        let outcome = connect(gateway.port, "a", "good").await;
        match expected {
            None => assert!(outcome.is_ok(), "{response}"),
            Some(expected) => {
                assert!(is_denied(&outcome), "{response}");
                let reason = find(&mut event_log, denial).await;
                assert!(reason.contains(expected), "{response}: {reason}");
            }
        }
        serving.abort();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for (scheme, expected) in [("http", "cannot connect"), ("https", "cannot connect")] {
        let url = format!("{scheme}://127.0.0.1:{port}/2015-03-31/functions/f/invocations");
        let gateway = open_with(1, |options| {
            options.function = InvokeTarget::Endpoint(Endpoint::new(&url, FUNCTION_ARN.to_owned()).unwrap());
        })
        .await;
        let mut event_log = gateway.event_log.subscribe();
        assert!(is_denied(&connect(gateway.port, "a", "good").await));
        let reason = find(&mut event_log, denial).await;
        assert!(reason.contains(expected), "{scheme}: {reason}");
    }
}

#[tokio::test]
async fn the_function_may_be_a_shell_command() {
    let gateway = open_with(2, |options| {
        let mut spec = function(2);
        spec.program = "sh".into();
        let script = spec.args.join(" ");
        spec.args = vec!["-c".to_owned(), format!("test -n \"$PATH\" && exec python3 '{script}'")];
        options.function = spec.into();
    })
    .await;
    connect(gateway.port, "a", "good").await.unwrap();
    assert!(is_denied(&connect(gateway.port, "a", "bad").await));
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    let get = format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", gateway.port);
    let response = send_request(&mut stream, get.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}
