//! A key server on loopback that does whatever goes wrong with key servers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::signer::Signer;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Status, further header lines and body, with the length that it has.
    Answer(u16, String, String),
    /// These bytes as they are, then the end of the connection.
    Bytes(Vec<u8>),
    /// A body without end.
    Endless,
    /// A byte now and then.
    Drip,
    /// Nothing at all, and the connection stays open.
    Hang,
    /// The connection ends before anything is read.
    Close,
    /// The connection is reset in the middle of the answer.
    Reset,
}

impl Behaviour {
    /// A good answer.
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Answer(200, String::new(), body.into())
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
    /// The paths that were asked for.
    asked: Vec<String>,
}

impl KeyServer {
    /// Starts a server that behaves so on every path.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { behaviour, asked: Vec::new() }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state }
    }

    /// How it behaves from here on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// An address on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

/// An address on loopback where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/keys", listener.local_addr().unwrap())
}

fn serve(mut stream: TcpStream, shared: &Mutex<State>) {
    // A connection may bring several requests.
    while let Some(path) = request(&mut stream) {
        let behaviour = {
            let mut state = shared.lock().unwrap();
            state.asked.push(path);
            state.behaviour.clone()
        };
        if !act(&mut stream, &behaviour) {
            return;
        }
    }
}

/// The path of the next request, if there is one.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.extend(byte);
    }
    Some(String::from_utf8_lossy(&head).split(' ').nth(1)?.to_owned())
}

/// Says whether the connection goes on.
fn act(stream: &mut TcpStream, behaviour: &Behaviour) -> bool {
    match behaviour {
        Behaviour::Answer(status, headers, body) => {
            let head = format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).is_ok()
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
        Behaviour::Close => false,
        Behaviour::Reset => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"keys\"");
            // Unread bytes of the peer make the end of a connection a reset; a linger of zero would too, but is not stable.
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
    }
}
