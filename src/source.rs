//! What is fetched while the function runs: public keys and the revocation list. How a source is read, when it is
//! fetched again, and how long its last good contents last.
//!
//! [`schedule`] reads no clock and no network. The caller supplies the time and the result of each fetch.

pub mod address;
pub mod failure;
pub(crate) mod http;
pub mod schedule;
pub mod secret;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use failure::FetchFailure;

/// Longest fetch of one source.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a fetch for at most `timeout` and [`FETCH_TIMEOUT`]. The fetch comes in a box, since it is large, and would
/// otherwise be part of the future of every event.
///
/// # Errors
/// The failure of the fetch; [`FetchFailure::Timeout`].
pub(crate) async fn in_time<T>(
    timeout: Duration,
    fetch: Pin<Box<impl Future<Output = Result<T, FetchFailure>>>>,
) -> Result<T, FetchFailure> {
    tokio::time::timeout(timeout.min(FETCH_TIMEOUT), fetch).await.unwrap_or(Err(FetchFailure::Timeout))
}
