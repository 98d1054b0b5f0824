//! The control plane: one registry, which all parts of a gateway share.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::account::Account;
use crate::api::{Request, Response};
use crate::error::ApiError;
use crate::registry::{Change, Registry};

/// The configuration of a control plane.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// Region and account.
    pub account: Account,
    /// The folder of the registry, such as `.iot-local/123456789012/us-east-1/registry`. Without it, the registry is in
    /// memory only.
    pub folder: Option<PathBuf>,
    /// The host name that DescribeEndpoint answers.
    pub endpoint: String,
    /// The clock.
    pub clock: fn() -> SystemTime,
}

/// Why the registry cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is unusable.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// A control plane. Clones share one registry.
#[derive(Clone)]
pub struct Cloud {
    shared: Arc<Shared>,
}

struct Shared {
    options: CloudOptions,
    registry: RwLock<Registry>,
    revision: watch::Sender<u64>,
}

impl Cloud {
    /// Opens the registry of a folder, or creates it.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing was written then.
    pub fn open(options: CloudOptions) -> Result<Self, OpenError> {
        let registry = RwLock::default();
        Ok(Self { shared: Arc::new(Shared { options, registry, revision: watch::Sender::new(0) }) })
    }

    /// Answers a request of the API. Blocks while a change is stored.
    #[must_use]
    pub fn respond(&self, request: &Request) -> Response {
        crate::api::respond(self, request)
    }

    /// Returns a number that grows with every change of the registry.
    #[must_use]
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// Returns Region and account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.shared.options.account
    }

    /// Returns the options.
    #[must_use]
    pub fn options(&self) -> &CloudOptions {
        &self.shared.options
    }

    /// Returns the time as the registry keeps it: milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        let since = (self.shared.options.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Reads the registry.
    pub fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.shared.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decides on changes with the present registry, stores them, and makes them. With an error, nothing changes.
    ///
    /// # Errors
    /// The error of `decide`, or [`crate::ErrorKind::InternalFailure`] if the changes cannot be stored.
    pub fn write<T>(
        &self,
        decide: impl FnOnce(&Registry) -> Result<(Vec<Change>, T), ApiError>,
    ) -> Result<T, ApiError> {
        let mut registry = self.shared.registry.write().unwrap_or_else(PoisonError::into_inner);
        let (changes, result) = decide(&registry)?;
        for change in &changes {
            registry.apply(change);
        }
        if !changes.is_empty() {
            self.shared.revision.send_modify(|revision| *revision = revision.wrapping_add(1));
        }
        Ok(result)
    }
}
