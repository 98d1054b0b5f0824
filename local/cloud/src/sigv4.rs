//! Signature Version 4 of AWS, verified. Pure: time, keys and the bytes of the request come in as arguments.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! ```text
//! request -> Signature::read (parameters: access key, scope, time, signed headers)
//!         -> Signature::verify (scope, time, key and session token, payload, canonical request, signature)
//! ```
//!
//! AWS IoT differs from other services in one point: a session token in a query is not part of what is signed.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iam-users-groups-roles.html>

mod canonical;
mod denial;
mod parameters;
mod time;
mod verify;

pub use self::canonical::is_normal_path;
pub use self::denial::SignatureDenial;
pub use self::time::MAX_SKEW_SECONDS;
pub use self::verify::{AccessKey, Expected};

use self::parameters::{Location, Scope};

/// A request as it was on the wire. Not `Debug`: it may hold a session token.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The query without its `?`, still percent-encoded.
    pub query: &'a str,
    /// Names in any case, and values, in the client's order.
    pub headers: &'a [(String, String)],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> SignedRequest<'a> {
    /// Returns the values of a header. The name is in lower case.
    fn headers(&self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }
}

/// The parameters of a signature; nothing is verified yet. Not `Debug`: it holds the signature and the session token.
pub struct Signature {
    location: Location,
    access_key: String,
    scope: Scope,
    /// `X-Amz-Date`, such as `20260115T120000Z`.
    date: String,
    /// The same in seconds since 1970.
    seconds: i64,
    /// `X-Amz-Expires`, in seconds.
    expires: Option<i64>,
    signed_headers: Vec<String>,
    signature: [u8; 32],
    session_token: Option<String>,
}

impl Signature {
    /// Returns the mark of the signature of a request: `Authorization`, of the form `AWS4-HMAC-SHA256 …`, or
    /// `X-Amz-Algorithm` in the query. `None` if it is not signed.
    #[must_use]
    pub fn mark_in(request: &SignedRequest<'_>) -> Option<&'static str> {
        parameters::marks(request).first()
    }

    /// Reads the parameters of the signature of a request, or `None` if it is not signed.
    ///
    /// # Errors
    /// [`SignatureDenial::Doubled`] or [`SignatureDenial::Malformed`].
    pub fn read(request: &SignedRequest<'_>) -> Result<Option<Self>, SignatureDenial> {
        parameters::read(request)
    }

    /// Returns the id of the access key, which is not secret.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// Returns the service that the request is signed for, such as `iotdata`.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.scope.service
    }

    /// Verifies the signature of the request from which it was read. `key` is the pair of [`Signature::access_key`], or
    /// `None` if it is unknown, which takes as long as a wrong signature.
    ///
    /// # Errors
    /// Why the request is denied.
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        key: Option<&AccessKey>,
        expected: &Expected<'_>,
    ) -> Result<(), SignatureDenial> {
        verify::verify(self, request, key, expected)
    }
}
