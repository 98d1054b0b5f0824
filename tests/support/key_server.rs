//! A key server on loopback that can respond correctly and fail in every way that key servers do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::signer::Signer;

/// How the server responds to a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Status, further header lines, and the body with its correct length.
    Response(u16, String, String),
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// A body without end.
    Endless,
    /// A body that is sent byte by byte, with pauses.
    Drip,
    /// The inner behaviour, after the barrier was passed twice: once when the request is here, once to go on.
    Held(Arc<Barrier>, Box<Self>),
    /// No response, and the connection stays open.
    Hang,
    /// The connection ends without a response.
    Close,
    /// The connection is reset in the middle of the response.
    Reset,
}

impl Behaviour {
    /// A response with status 200.
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Response(200, String::new(), body.into())
    }

    /// The key set of these signers.
    pub fn keys(signers: &[&str]) -> Self {
        let keys: Vec<Value> = signers.iter().map(|name| Signer::named(name).jwk()).collect();
        Self::ok(json!({ "keys": keys }).to_string())
    }
}

/// The server; its threads end with the process.
pub struct KeyServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    behaviour: Behaviour,
    /// The paths of all requests.
    requested_paths: Vec<String>,
}

impl KeyServer {
    /// Starts a server that responds so on every path.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { behaviour, requested_paths: Vec::new() }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state }
    }

    /// Changes the response to further requests.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// The URL of a path of the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths of all requests so far.
    pub fn requested_paths(&self) -> Vec<String> {
        self.state.lock().unwrap().requested_paths.clone()
    }
}

/// A URL on loopback where no server listens.
pub fn closed_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/keys", listener.local_addr().unwrap())
}

fn serve(mut stream: TcpStream, shared: &Mutex<State>) {
    // One connection may carry several requests.
    while let Some(path) = begin_request(&mut stream) {
        let behaviour = {
            let mut state = shared.lock().unwrap();
            state.requested_paths.push(path);
            state.behaviour.clone()
        };
        if matches!(behaviour, Behaviour::Reset) {
            // The kernel resets a connection that is closed with unread bytes.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"keys\"");
            return;
        }
        if stream.read_exact(&mut [0]).is_err() || !respond(&mut stream, &behaviour) {
            return;
        }
    }
}

/// Reads a request without body up to its last byte, and returns its path, or `None` at the end of the connection.
fn begin_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.extend(byte);
    }
    Some(String::from_utf8_lossy(&head).split(' ').nth(1)?.to_owned())
}

/// Responds to a request. Returns whether the connection stays usable.
fn respond(stream: &mut TcpStream, behaviour: &Behaviour) -> bool {
    match behaviour {
        Behaviour::Response(status, headers, body) => {
            let head = format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).is_ok()
        }
        Behaviour::Held(barrier, inner) => {
            barrier.wait();
            barrier.wait();
            respond(stream, inner)
        }
        Behaviour::Bytes(bytes) => {
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(Shutdown::Write);
            false
        }
        Behaviour::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
            while stream.write_all(chunk.as_bytes()).is_ok() {}
            false
        }
        Behaviour::Drip => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
            false
        }
        Behaviour::Hang => {
            let _ = stream.read(&mut [0]);
            false
        }
        Behaviour::Close | Behaviour::Reset => false,
    }
}
