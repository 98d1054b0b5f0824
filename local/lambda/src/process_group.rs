//! The process group of a function: the program and all processes that it starts.
//!
//! A command of `--function` runs in a shell. If only the shell was killed, its children would stay, and they would
//! hold the pipes.

use tokio::process::Child;

/// The group that a process leads. Dropping it kills all processes of the group.
pub struct ProcessGroup {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl ProcessGroup {
    /// The group of a process that was spawned with `process_group(0)`, so that its id is the group's.
    #[cfg(unix)]
    #[must_use]
    pub fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { id: id.and_then(rustix::process::Pid::from_raw) }
    }

    /// The group of a process. Without process groups, nothing.
    #[cfg(not(unix))]
    #[must_use]
    pub fn of(_: &Child) -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            // Fails if no process is left. The id is not reused while one is.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}
