//! The part of AWS Secrets Manager that a start uses, with or without TLS. It is so simple that its own time is
//! negligible.

#![allow(dead_code, unreachable_pub, reason = "each bench uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// Serves a secret, and returns the environment of a function that reads it. With TLS it writes the certificate to
/// `root`.
pub fn serve(secret: String, tls: bool, root: &Path) -> Vec<(String, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = tls.then(|| {
        let certified_key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(root.join("ca.pem"), certified_key.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified_key.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(
            config
                .with_no_client_auth()
                .with_single_cert(vec![certified_key.cert.der().clone()], key)
                .unwrap(),
        )
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            let (config, secret) = (config.clone(), secret.clone());
            thread::spawn(move || match config {
                Some(config) => {
                    respond(StreamOwned::new(ServerConnection::new(config).unwrap(), stream), &secret);
                }
                None => respond(stream, &secret),
            });
        }
    });
    let scheme = if tls { "https" } else { "http" };
    [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("{scheme}://127.0.0.1:{port}")),
        ("SSL_CERT_FILE", root.join("ca.pem").display().to_string()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "example".to_owned()),
        ("AWS_SESSION_TOKEN", "example".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Responds to requests until the connection ends.
fn respond(stream: impl Read + Write, secret: &str) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        let (status, body) = match request["VersionStage"].as_str() {
            Some("AWSCURRENT") => {
                ("200 OK", json!({ "Name": "keys", "SecretString": secret, "VersionStages": ["AWSCURRENT"] }))
            }
            _ => (
                "400 Bad Request",
                json!({ "__type": "ResourceNotFoundException", "Message": "no such stage" }),
            ),
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .get_mut()
            .write_all((head + &body).as_bytes())
            .and_then(|()| stream.get_mut().flush())
            .is_err()
        {
            return;
        }
    }
}
