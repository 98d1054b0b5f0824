//! The demos that the page runs. Who starts the gateway says how, since a demo has a gateway of its own.

use std::io;

use tokio::sync::mpsc::Receiver;

/// The number of lines that wait for a slow reader.
pub const LINE_CAPACITY: usize = 64;

/// Runs demos for the page.
pub trait DemoRunner: Send + Sync {
    /// Returns the names of the demos, such as `jitp`.
    fn names(&self) -> Vec<String>;

    /// Starts a demo by its name. It ends when the returned value is dropped.
    ///
    /// # Errors
    /// The demo cannot be started.
    fn start(&self, name: &str) -> io::Result<DemoRun>;
}

/// A running demo.
pub struct DemoRun {
    /// What it reports: a JSON object a line, without line ends. Closed after its end.
    pub lines: Receiver<String>,
}
