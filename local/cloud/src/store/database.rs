//! The registry that all threads share, and how their calls are stored.
//!
//! There are two registries, which share their records. Calls decide with `staged`, which has the changes of all calls
//! so far. Readers get `published`, which has the changes that are on disk: a change that a failing disk takes back is
//! never seen, and only callers wait for the disk. All calls that arrive while the disk is busy are written and synced
//! together, by the first of them.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use tokio::sync::watch;

use super::Store;
use super::error::OpenError;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, Registry};

/// A shared registry.
pub(crate) struct Database {
    published: RwLock<Registry>,
    staged: Mutex<Staged>,
    /// Absent for a registry in memory. Locked before `staged`, never after it.
    store: Mutex<Option<Store>>,
    revision: watch::Sender<u64>,
}

struct Staged {
    registry: Registry,
    waiting: Vec<Arc<Call>>,
}

/// A call whose changes are staged.
struct Call {
    changes: Vec<Change>,
    outcome: OnceLock<Result<(), String>>,
}

impl Database {
    /// Opens a folder, or makes a registry in memory.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub(crate) fn open(folder: Option<&Path>, min_log_bytes: u64) -> Result<Self, OpenError> {
        let opened = folder.map(|folder| Store::open(folder, min_log_bytes)).transpose()?;
        let (store, registry) =
            opened.map_or_else(Default::default, |(store, registry)| (Some(store), registry));
        Ok(Self {
            published: RwLock::new(registry.clone()),
            staged: Mutex::new(Staged { registry, waiting: Vec::new() }),
            store: Mutex::new(store),
            revision: watch::Sender::new(0),
        })
    }

    /// Reads the registry as it is on disk.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.published.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a number that grows with every change, except those of shadows.
    pub(crate) fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Decides on changes, stores them and publishes them.
    ///
    /// # Errors
    /// The error of `decide`, or InternalFailure if the changes, or those that `decide` relied on, cannot be stored.
    pub(crate) fn write<T>(
        self: &Arc<Self>,
        decide: impl FnOnce(&Registry) -> Result<(Vec<Change>, T), ApiError>,
    ) -> Result<T, ApiError> {
        let mut staged = lock(&self.staged);
        let (changes, result) = decide(&staged.registry)?;
        changes.iter().for_each(|change| staged.registry.apply(change));
        // Also without changes: an "it exists already" is an acknowledgement of the call that created it.
        let call = Arc::new(Call { changes, outcome: OnceLock::new() });
        staged.waiting.push(Arc::clone(&call));
        drop(staged);
        let mut store = lock(&self.store);
        if call.outcome.get().is_none() {
            self.commit(&mut store);
        }
        drop(store);
        match call.outcome.get() {
            Some(Ok(())) => Ok(result),
            Some(Err(why)) => Err(ApiError::new(ErrorKind::InternalFailure, why.clone())),
            None => Err(ApiError::new(ErrorKind::InternalFailure, "the change was not stored")),
        }
    }

    #[cfg(test)]
    pub(super) fn with_store(&self, change: impl FnOnce(&mut Store)) {
        change(lock(&self.store).as_mut().unwrap());
    }

    /// Stores all staged calls.
    fn commit(self: &Arc<Self>, store: &mut Option<Store>) {
        let mut calls = std::mem::take(&mut lock(&self.staged).waiting);
        let changes = calls.iter().map(|call| call.changes.as_slice()).filter(|changes| !changes.is_empty());
        let stored = store.as_mut().map_or(Ok(()), |store| store.append(changes));
        let outcome = match stored {
            Ok(()) => {
                self.publish(&calls);
                Ok(())
            }
            Err(error) => {
                let mut staged = lock(&self.staged);
                // What was decided meanwhile relied on changes that are lost.
                calls.append(&mut staged.waiting);
                staged.registry = self.read(Registry::clone);
                Err(format!("the registry cannot be stored: {error}"))
            }
        };
        for call in calls {
            // Each call is taken once.
            let _ = call.outcome.set(outcome.clone());
        }
        if let Some(fold) = store.as_mut().and_then(Store::start_fold)
            && self.fold(fold).is_err()
            && let Some(store) = store
        {
            store.discard_fold();
        }
    }

    fn publish(&self, calls: &[Arc<Call>]) {
        let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0_u64;
        for change in calls.iter().flat_map(|call| &call.changes) {
            published.apply(change);
            count = count.saturating_add(change.concerns_rights().into());
        }
        drop(published);
        if count > 0 {
            self.revision.send_modify(|revision| *revision = revision.saturating_add(count));
        }
    }

    /// Writes a snapshot on a thread of its own, while calls go on. If that fails, the log grows on, and the
    /// next fold is tried when it is twice as long.
    ///
    /// # Errors
    /// There is no thread for it.
    fn fold(self: &Arc<Self>, mut fold: super::Fold) -> io::Result<()> {
        // What is published now is what the log has up to the start of the fold.
        let registry = self.read(Registry::clone);
        let database = Arc::clone(self);
        let write = move || {
            let written = fold.write(&registry);
            drop(registry);
            if let Some(store) = lock(&database.store).as_mut() {
                match written {
                    Ok(()) => drop(store.finish_fold(&fold)),
                    Err(_) => store.discard_fold(),
                }
            }
        };
        std::thread::Builder::new().name("registry-snapshot".to_owned()).spawn(write).map(drop)
    }
}

/// A thread that panicked has changed nothing: `decide` only reads, and changes cannot fail.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
