//! A Runtime API that hands out several events at once, and the sandbox behind it.

#![allow(dead_code, unreachable_pub, reason = "each bench uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "benches read the clock")]

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::runtime_api::{command, request, response_head};

/// A running sandbox that polls as often as `AWS_LAMBDA_MAX_CONCURRENCY` says.
pub struct ManySandbox {
    child: Child,
    /// Numbers of events that are handed out.
    events: Sender<usize>,
    /// The time from the moment an event was handed out to its response.
    times: Receiver<Duration>,
}

impl ManySandbox {
    /// Starts the function with a deployment; every event is `event`. Its log is read and dropped. Without a
    /// `concurrency` the variable is unset.
    pub fn start(program: &Path, root: &Path, concurrency: Option<usize>, event: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut command = command(program, root, &address);
        command.envs(concurrency.map(|limit| ("AWS_LAMBDA_MAX_CONCURRENCY", limit.to_string())));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut log = child.stdout.take().unwrap();
        thread::spawn(move || while log.read(&mut [0; 1 << 16]).unwrap_or(0) > 0 {});
        let (events, queue) = channel();
        let (sender, times) = channel();
        let api = Arc::new(Api {
            queue: Mutex::new(queue),
            handed_out: Mutex::default(),
            times: Mutex::new(sender),
            event: event.to_vec(),
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let api = api.clone();
                thread::spawn(move || api.serve(stream));
            }
        });
        Self { child, events, times }
    }

    /// Handles `count` events, of which `at_once` are in the sandbox at any time. Returns the whole time, and each
    /// event's.
    pub fn run(&self, count: usize, at_once: usize) -> (Duration, Vec<Duration>) {
        let start = Instant::now();
        let mut times = Vec::with_capacity(count);
        for number in 0..count {
            if number >= at_once {
                times.push(self.times.recv().unwrap());
            }
            self.events.send(number).unwrap();
        }
        while times.len() < count {
            times.push(self.times.recv().unwrap());
        }
        (start.elapsed(), times)
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ManySandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Api {
    queue: Mutex<Receiver<usize>>,
    handed_out: Mutex<HashMap<usize, Instant>>,
    times: Mutex<Sender<Duration>>,
    event: Vec<u8>,
}

impl Api {
    /// Answers the requests of one connection until it ends.
    fn serve(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut stream = BufReader::new(stream);
        while let Some((line, _)) = request(&mut stream) {
            let answer = if line.starts_with("GET ") {
                // One poll waits for the next event, the others wait for the lock.
                let Ok(number) = self.queue.lock().unwrap().recv() else { return };
                let head = response_head(&number.to_string());
                self.handed_out.lock().unwrap().insert(number, Instant::now());
                [head.as_slice(), self.event.len().to_string().as_bytes(), b"\r\n\r\n", &self.event].concat()
            } else {
                let number: usize = line.split('/').nth_back(2).and_then(|id| id.parse().ok()).unwrap();
                assert!(line.ends_with("/response HTTP/1.1"), "{line}");
                let handed_out = self.handed_out.lock().unwrap().remove(&number).unwrap();
                let _ = self.times.lock().unwrap().send(handed_out.elapsed());
                b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_vec()
            };
            if stream.get_mut().write_all(&answer).is_err() {
                return;
            }
        }
    }
}
