//! Why a signed request is denied: AWS's text for the client, and a reason for the operator.

use super::time;

/// Why a signed request is denied. `Display` is for the operator; it holds no token, secret or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureDenial {
    /// There are two signatures, or a signature and another `Authorization`.
    #[error(
        "the request has two signatures, in Authorization and in the query (X-Amz-Algorithm); expected one of them"
    )]
    Doubled,
    /// A parameter is missing or malformed; which, and what is expected.
    #[error("unreadable Signature Version 4: {0}")]
    Malformed(&'static str),
    /// The Region is another one.
    #[error(
        "the request is signed for Region \"{}\", and this gateway is {region}; help: set the client's Region to \
         {region}, or start with --region {}", signed.escape_debug(), signed.escape_debug()
    )]
    Region {
        /// The Region of the request.
        signed: String,
        /// The gateway's Region.
        region: String,
    },
    /// The service is another one.
    #[error("the request is signed for service \"{}\"; expected {}", signed.escape_debug(), expected.join(" or "))]
    Service {
        /// The service of the request.
        signed: String,
        /// The services that are accepted here, the first of them for AWS's text.
        expected: Vec<String>,
    },
    /// The day of the scope is not the day of `X-Amz-Date`.
    #[error("the scope is of {day}, and X-Amz-Date is {date}; expected the same day")]
    Day {
        /// The day of the scope.
        day: String,
        /// `X-Amz-Date`.
        date: String,
    },
    /// The time is in the future.
    #[error(
        "X-Amz-Date is {date}, and it is {}; expected a difference of five minutes at most; help: set the client's \
         clock", time::format(*now)
    )]
    NotYetCurrent {
        /// `X-Amz-Date`.
        date: String,
        /// The present time, in seconds since 1970.
        now: i64,
    },
    /// The time is too long ago.
    #[error(
        "X-Amz-Date is {date}, and it is {}; a signature is valid for {limit} seconds, and X-Amz-Expires cannot extend \
         that; help: sign again for each connect", time::format(*now)
    )]
    Expired {
        /// `X-Amz-Date`.
        date: String,
        /// The present time, in seconds since 1970.
        now: i64,
        /// How long the signature was valid, in seconds.
        limit: i64,
    },
    /// No key has this id.
    #[error(
        "unknown access key {}; help: use credentials of this gateway's identity pool, which are lost when it ends, or \
         the key pair in .iot-local/private/operator", .0.escape_debug()
    )]
    UnknownKey(String),
    /// The session token is not the key's.
    #[error("access key {}: {}", .key.escape_debug(), .what)]
    SessionToken {
        /// The access key's id.
        key: String,
        /// What is wrong with the token.
        what: &'static str,
    },
    /// The credentials are expired.
    #[error("the credentials of access key {} expired; help: get new credentials", .0.escape_debug())]
    CredentialsExpired(String),
    /// A signed header is not in the request.
    #[error("SignedHeaders names {}, which is not in the request", .0.escape_debug())]
    HeaderAbsent(String),
    /// `X-Amz-Content-Sha256` is not the hash of the body.
    #[error("X-Amz-Content-Sha256 is not the SHA-256 of the body; UNSIGNED-PAYLOAD is unsupported")]
    Payload,
    /// The session token in the query was signed.
    #[error(
        "X-Amz-Security-Token is part of the signed query; help: leave it out of the signature and append it to the \
         signed address"
    )]
    TokenSigned,
    /// The path was encoded once.
    #[error(
        "the path is encoded once in the signed request, as for Amazon S3; expected each segment encoded once more; \
         help: curl --aws-sigv4 works for paths without percent signs"
    )]
    PathEncodedOnce,
    /// Another path has the same signature.
    #[error(
        "the path has an empty segment or a segment of dots, and other paths have the same signature; help: encode the \
         slashes of a topic or a name as %2F"
    )]
    AmbiguousPath,
    /// The signature is wrong.
    #[error("wrong signature; the canonical request of this gateway, with masked values, is {canonical:?}")]
    Mismatch {
        /// The canonical request.
        canonical: String,
    },
}

impl SignatureDenial {
    /// Returns AWS's text for the client.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
    #[must_use]
    pub fn message(&self) -> String {
        let window = super::MAX_SKEW_SECONDS;
        match self {
            Self::Doubled => "The request has more than one signature".to_owned(),
            Self::Malformed(what) => format!("Incomplete signature: {what}"),
            // The final blanks are AWS's.
            Self::Region { signed, .. } => {
                format!("Credential should be scoped to a valid region, not '{signed}'. ")
            }
            Self::Service { expected, .. } => format!(
                "Credential should be scoped to correct service: '{}'. ",
                expected.first().map_or("", String::as_str)
            ),
            Self::Day { day, date } => format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != \
                 '{}', from '{date}'.",
                date.get(..8).unwrap_or_default()
            ),
            Self::NotYetCurrent { date, now } => format!(
                "Signature not yet current: {date} is still later than {} ({} + 5 min.)",
                time::format(now.saturating_add(window)),
                time::format(*now)
            ),
            Self::Expired { date, now, limit } => {
                let earlier = time::format(now.saturating_sub(*limit));
                let age = if *limit == window { "5 min.".to_owned() } else { format!("{limit} sec.") };
                format!("Signature expired: {date} is now earlier than {earlier} ({} - {age})", time::format(*now))
            }
            Self::UnknownKey(_) | Self::SessionToken { .. } => {
                "The security token included in the request is invalid".to_owned()
            }
            Self::CredentialsExpired(_) => "The security token included in the request is expired".to_owned(),
            Self::HeaderAbsent(_)
            | Self::Payload
            | Self::TokenSigned
            | Self::PathEncodedOnce
            | Self::AmbiguousPath
            | Self::Mismatch { .. } => {
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details."
                    .to_owned()
            }
        }
    }
}
