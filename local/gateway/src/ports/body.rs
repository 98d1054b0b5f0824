//! Reads the body of a request of AWS IoT's data plane.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Incoming;
use iot_local_policy::limits;

use crate::timeouts::READ_TIMEOUT;

/// Why a body is not read to its end.
#[derive(Debug, Clone, Copy)]
pub(super) enum BodyError {
    /// It is longer than a payload may be.
    TooLarge,
    /// The connection is broken, or the body is malformed.
    Unreadable,
    /// It arrives too slowly.
    TimedOut,
}

/// Reads a body of at most [`limits::MAX_PAYLOAD_BYTES`].
///
/// # Errors
/// See [`BodyError`].
pub(super) async fn read(request: Request<Incoming>) -> Result<Bytes, BodyError> {
    let body = Limited::new(request.into_body(), limits::MAX_PAYLOAD_BYTES).collect();
    match tokio::time::timeout(READ_TIMEOUT, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Unreadable),
        Err(_) => Err(BodyError::TimedOut),
    }
}
