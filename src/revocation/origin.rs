//! Where the revocation list is, as `[revocation] source` writes it, and how it is read there.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::ListError;
use crate::source;
use crate::source::address::{Address, is_secret_id};
use crate::source::failure::FetchFailure;
use crate::source::http::HttpsClient;
use crate::source::secret::{self, AwsEnvironment};

/// Largest list in a file or at an address, in bytes. A secret holds less:
/// [`MAX_SECRET_BYTES`](crate::source::secret::MAX_SECRET_BYTES).
pub const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// Where the revocation list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListOrigin {
    /// `file:PATH`: a file, as the configuration names it, and its whole path.
    File {
        /// Relative to the configuration's folder, or absolute.
        name: Box<str>,
        /// Where it is.
        path: Box<Path>,
    },
    /// `secret:ARN-OR-NAME`: the stage AWSCURRENT of a secret of AWS Secrets Manager.
    Secret(Box<str>),
    /// `https:URL`.
    Address(Address),
}

impl ListOrigin {
    /// How `authorizer.toml` writes a `source`. `http` is for loopback only.
    pub const SYNTAX: [&str; 4] = ["file:PATH", "secret:ARN-OR-NAME", "https://ADDRESS", "http://ADDRESS"];

    /// Parses a `source`; `folder` is the configuration's.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(source: &str, folder: &Path) -> Result<Self, &'static str> {
        match source.split_once(':') {
            Some(("file", name)) if !name.is_empty() => {
                Ok(Self::File { name: name.into(), path: folder.join(name).into() })
            }
            Some(("secret", id)) if is_secret_id(id) => Ok(Self::Secret(id.into())),
            Some(("https" | "http", _)) => Address::parse(source).map(Self::Address).ok_or(
                "expected `https://HOST/PATH` without user, password and fragment; `http` is for loopback only",
            ),
            _ => Err("expected `file:PATH`, `secret:ARN-OR-NAME` or `https://HOST/PATH`"),
        }
    }

    /// Reads the list, for at most `timeout`.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn fetch(&self, aws: &AwsEnvironment, timeout: Duration) -> Result<Bytes, FetchFailure> {
        let fetch = Box::pin(async {
            match self {
                Self::File { path, .. } => {
                    let path = path.clone();
                    // A file may be on a network file system, where a read can hang.
                    let read = tokio::task::spawn_blocking(move || read_file(&path));
                    read.await.unwrap_or_else(|error| Err(FetchFailure::unreachable(&error)))
                }
                Self::Secret(id) => read_secret(id, aws).await,
                Self::Address(address) => {
                    let client = HttpsClient::for_address(address)?;
                    match client.get(address, MAX_LIST_BYTES).await? {
                        (200, body) => Ok(body),
                        (status, _) => Err(FetchFailure::Status { status, address: address.to_string() }),
                    }
                }
            }
        });
        source::in_time(timeout, fetch).await
    }
}

impl fmt::Display for ListOrigin {
    /// Writes the source as the configuration does, but without an address's query, which may contain a secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, .. } => write!(out, "file:{name}"),
            Self::Secret(id) => write!(out, "secret:{id}"),
            Self::Address(address) => write!(out, "{address}"),
        }
    }
}

fn read_file(path: &Path) -> Result<Bytes, FetchFailure> {
    let failed = |error: std::io::Error| FetchFailure::File(error.kind().to_string());
    let limit = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_LIST_BYTES { Err(ListError::TooLarge.into()) } else { Ok(bytes.into()) }
}

async fn read_secret(id: &str, aws: &AwsEnvironment) -> Result<Bytes, FetchFailure> {
    let request = aws.client(id)?.get_secret_value().secret_id(id).version_stage("AWSCURRENT");
    let response = request.send().await.map_err(|error| secret::failure(&error))?;
    secret::text(&response, || ListError::NotUtf8.into()).map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_printed_without_queries() {
        for (source, printed) in [
            ("file:revoked.json", Some("file:revoked.json")),
            ("file:/mnt/lists/revoked.json", Some("file:/mnt/lists/revoked.json")),
            ("secret:iot/revoked", Some("secret:iot/revoked")),
            ("https://lists.example.com/revoked.json?sig=1", Some("https://lists.example.com/revoked.json")),
            ("http://127.0.0.1:9/revoked.json", Some("http://127.0.0.1:9/revoked.json")),
            ("http://lists.example.com/revoked.json", None),
            ("https:", None),
            ("https://user:password@lists.example.com/", None),
            ("file:", None),
            ("secret:", None),
            ("secret:a b", None),
            ("jwks:https://lists.example.com/", None),
            ("oidc", None),
            ("revoked.json", None),
            ("", None),
        ] {
            let read = ListOrigin::parse(source, Path::new("/task")).ok().map(|origin| origin.to_string());
            assert_eq!(read.as_deref(), printed, "{source}");
        }
    }

    #[test]
    fn a_file_is_relative_to_the_configuration() {
        for (name, expected) in
            [("a.json", "/task/a.json"), ("b/a.json", "/task/b/a.json"), ("/mnt/a.json", "/mnt/a.json")]
        {
            let read = ListOrigin::parse(&format!("file:{name}"), Path::new("/task"));
            assert!(
                matches!(read, Ok(ListOrigin::File { path, .. }) if *path == *Path::new(expected)),
                "{name}"
            );
        }
    }
}
