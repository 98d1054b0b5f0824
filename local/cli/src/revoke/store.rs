//! Where a revocation list is read and written: a file, or a secret of AWS Secrets Manager.

use std::fmt;
use std::path::PathBuf;

use iot_jwt_authorizer::revocation::ListOrigin;
use iot_jwt_authorizer::source::FETCH_TIMEOUT;
use iot_jwt_authorizer::source::failure::FetchFailure;
use iot_jwt_authorizer::source::secret::{self, AwsEnvironment, MAX_SECRET_BYTES};
use iot_local_base::files;
use iot_local_inspect::revocation::edit::Document;
use thiserror::Error;

/// A revocation list.
pub(super) enum Store {
    /// A file.
    File(PathBuf),
    /// A secret, by its name or ARN.
    Secret { id: String, aws: AwsEnvironment },
    /// An address, which can only be read.
    Address(ListOrigin),
}

/// Why a list cannot be read or written.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// A file cannot be read or written.
    #[error("{}: {}", path.display(), files::io_error(error))]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// There is no list yet.
    #[error("{0}: there is no list\n  help: `cargo local revoke` makes one")]
    Missing(String),
    /// The list cannot be read or written.
    #[error("{source_name}: {failure}")]
    Fetch {
        /// The source.
        source_name: String,
        /// Why.
        failure: FetchFailure,
    },
    /// The environment has no credentials.
    #[error("{0}")]
    NoCredentials(String),
    /// A list at an address is not written by this command.
    #[error(
        "{0}: a list at an address is not written by this command\n  help: change a copy with --list FILE, and upload it"
    )]
    NotWritable(String),
    /// A secret would be too large.
    #[error(
        "secret:{id}: the list has {bytes} bytes, and a secret holds at most {MAX_SECRET_BYTES}; nothing was written\n  \
         help: remove entries whose tokens have expired, or serve the list at an https address"
    )]
    TooLarge {
        /// The secret.
        id: String,
        /// The list's bytes.
        bytes: usize,
    },
    /// Another list is there than the one that was written.
    #[error("{0}: someone else has changed the list at the same time\n  help: run the command again")]
    Overwritten(String),
}

impl StoreError {
    /// There is no list yet.
    pub(super) fn missing(store: &Store) -> Self {
        Self::Missing(store.to_string())
    }
}

impl Store {
    /// Whether [`Store::write`] can write at all.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`].
    pub(super) fn check_writable(&self) -> Result<(), StoreError> {
        match self {
            Self::File(_) | Self::Secret { .. } => Ok(()),
            Self::Address(_) => Err(StoreError::NotWritable(self.to_string())),
        }
    }

    /// The text of the list, or `None` if it is a file that does not exist.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let fetched = match self {
            Self::File(path) => {
                return match std::fs::read(path) {
                    Ok(text) => Ok(Some(text)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(StoreError::File { path: path.clone(), error }),
                };
            }
            Self::Secret { id, aws } => {
                ListOrigin::Secret(id.as_str().into()).fetch(aws, FETCH_TIMEOUT).await
            }
            Self::Address(origin) => origin.fetch(&AwsEnvironment::default(), FETCH_TIMEOUT).await,
        };
        fetched.map(|text| Some(text.to_vec())).map_err(|failure| self.failed(failure))
    }

    /// Replaces the list as a whole.
    ///
    /// # Errors
    /// It cannot be written, and is unchanged.
    pub(super) async fn write(&self, list: &Document) -> Result<(), StoreError> {
        match self {
            Self::File(path) => {
                let failed = |error| StoreError::File { path: path.clone(), error };
                // With the default mode, since the function may be another user.
                let draft = path.with_extension("json.new");
                std::fs::write(&draft, list.text(false)).map_err(failed)?;
                std::fs::rename(&draft, path).map_err(failed)
            }
            Self::Secret { id, aws } => {
                let text = list.text(true);
                if text.len() > MAX_SECRET_BYTES {
                    return Err(StoreError::TooLarge { id: id.clone(), bytes: text.len() });
                }
                let client = aws.client(id).map_err(|failure| self.failed(failure))?;
                let request = client.put_secret_value().secret_id(id).secret_string(text).send();
                match tokio::time::timeout(FETCH_TIMEOUT, request).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(self.failed(secret::failure(&error))),
                    Err(_) => Err(self.failed(FetchFailure::Timeout)),
                }
            }
            Self::Address(_) => Err(StoreError::NotWritable(self.to_string())),
        }
    }

    /// A failure of this list. Without credentials, the help is the commands of the AWS CLI.
    fn failed(&self, failure: FetchFailure) -> StoreError {
        match (self, &failure) {
            (Self::Secret { id, .. }, FetchFailure::Environment(_)) => StoreError::NoCredentials(format!(
                "{self}: {failure}; nothing was written\n  \
                 help: with the AWS CLI:\n    \
                 aws secretsmanager get-secret-value --secret-id '{id}' --query SecretString --output text > revoked.json\n    \
                 cargo local revoke --list revoked.json ...\n    \
                 aws secretsmanager put-secret-value --secret-id '{id}' --secret-string file://revoked.json"
            )),
            _ => StoreError::Fetch { source_name: self.to_string(), failure },
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Secret { id, .. } => write!(out, "secret:{id}"),
            Self::Address(origin) => write!(out, "{origin}"),
        }
    }
}
