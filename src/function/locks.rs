//! Locks that are held for some instructions, never while a task waits.
//!
//! The release build aborts on a panic, so no lock is ever poisoned there; a test that panics has failed already.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

/// Locks `mutex`.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The present value, which stays as it is while the caller holds it.
pub(super) fn snapshot<T>(value: &RwLock<Arc<T>>) -> Arc<T> {
    value.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Locks a value to replace it.
pub(super) fn write<T>(value: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    value.write().unwrap_or_else(PoisonError::into_inner)
}
