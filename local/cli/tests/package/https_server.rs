//! An https server on loopback that responds to each path with given bytes.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto};

/// A whole response, or the part of one after which the connection stays open.
#[derive(Clone, Default)]
pub(super) struct Reply {
    bytes: Vec<u8>,
    hangs: bool,
}

impl Reply {
    fn new(head: &str, body: &[u8]) -> Self {
        Self { bytes: [head.as_bytes(), b"\r\nconnection: close\r\n\r\n", body].concat(), hangs: false }
    }

    pub(super) fn ok(body: &[u8]) -> Self {
        Self::new(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}", body.len()), body)
    }

    pub(super) fn redirect(location: &str) -> Self {
        Self::new(&format!("HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: {location}"), b"")
    }

    pub(super) fn status(status: u16) -> Self {
        Self::new(&format!("HTTP/1.1 {status} Status\r\ncontent-length: 0"), b"")
    }

    /// Half of a file, then the end of the connection.
    pub(super) fn cut(body: &[u8]) -> Self {
        Self::new(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}", body.len()), &body[..body.len() / 2])
    }

    /// Half of a file, then nothing.
    pub(super) fn hanging(body: &[u8]) -> Self {
        Self { hangs: true, ..Self::cut(body) }
    }
}

#[derive(Default)]
struct State {
    replies: HashMap<String, Reply>,
    requested: Vec<String>,
}

/// The server; its threads end with the process.
pub(super) struct HttpsServer {
    pub(super) port: u16,
    /// The server's certificate in PEM, which is its own authority.
    pub(super) certificate: String,
    state: Arc<Mutex<State>>,
}

impl HttpsServer {
    pub(super) fn start() -> Self {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let pair = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::Pkcs8(pair.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![pair.cert.der().clone()], key)
            .unwrap();
        let (config, state) = (Arc::new(config), Arc::new(Mutex::new(State::default())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, shared) = (config.clone(), shared.clone());
                thread::spawn(move || serve(stream, config, &shared));
            }
        });
        Self { port, certificate: pair.cert.pem(), state }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Changes the response for a path. Other paths have status 404.
    pub(super) fn set(&self, path: &str, reply: Reply) {
        self.state.lock().unwrap().replies.insert(path.to_owned(), reply);
    }

    /// Responds with the files of a folder, below a path.
    pub(super) fn set_files(&self, path: &str, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            self.set(&format!("{path}/{name}"), Reply::ok(&std::fs::read(entry.path()).unwrap()));
        }
    }

    /// The paths of all requests since the last call.
    pub(super) fn take_requested(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requested)
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, state: &Mutex<State>) {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap().to_owned();
    let reply = {
        let mut state = state.lock().unwrap();
        let reply = state.replies.get(&path).cloned();
        // Before the response, so that who has that can see the request.
        state.requested.push(path);
        reply
    };
    let reply = reply.unwrap_or_else(|| Reply::status(404));
    let _ = stream.write_all(&reply.bytes).and_then(|()| stream.flush());
    if reply.hangs {
        let _ = stream.read(&mut byte);
    }
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
