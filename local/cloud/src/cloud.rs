//! The control plane: one registry, which all parts of a gateway share.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::account::Account;
use crate::built_in::BuiltInAuthorizer;
use crate::credentials::Credentials;
use crate::error::ApiError;
use crate::identity_pool::{IdentityPool, PoolState};
use crate::issuer::{DeviceIssuer, IssuerError};
use crate::registry::{Change, Registry};
use crate::running_tasks::RunningTasks;
use crate::store::{self, Database, OpenError};
use crate::throttle::Throttle;

/// The length of a log that is not worth a snapshot.
const MIN_LOG_BYTES: u64 = 1 << 20;

/// The configuration of a control plane.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// Region and account.
    pub account: Account,
    /// The folder of the registry, such as `.iot-local/123456789012/us-east-1/registry`. Without it, the registry is in
    /// memory only.
    pub folder: Option<PathBuf>,
    /// The folder of private files, such as `.iot-local/private`: the key that signs the certificates of devices.
    /// Without it, the key is in memory only.
    pub private: Option<PathBuf>,
    /// The host name that DescribeEndpoint answers.
    pub endpoint: String,
    /// The clock.
    pub clock: fn() -> SystemTime,
}

/// A control plane. Clones share one registry and its credentials.
#[derive(Clone)]
pub struct Cloud {
    options: Arc<CloudOptions>,
    database: Arc<Database>,
    issuer: Arc<OnceLock<DeviceIssuer>>,
    built_in: Arc<RwLock<Option<BuiltInAuthorizer>>>,
    tasks: Arc<RunningTasks>,
    throttle: Arc<Throttle>,
    credentials: Arc<Credentials>,
    pool: Arc<PoolState>,
}

impl Cloud {
    /// Opens the registry of a folder, or creates it. Nothing else can open it until the last clone is dropped, and
    /// until a snapshot that is being written then is complete.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing was written then.
    pub fn open(options: CloudOptions) -> Result<Self, OpenError> {
        Self::open_with_log(options, MIN_LOG_BYTES)
    }

    /// The same with a log that is folded into a snapshot when it is longer than so many bytes, and than the snapshot.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing was written then.
    pub fn open_with_log(options: CloudOptions, min_log_bytes: u64) -> Result<Self, OpenError> {
        let database = Database::open(options.folder.as_deref(), min_log_bytes)?;
        let credentials = Arc::new(Credentials::new(options.clock));
        let cloud = Self {
            options: Arc::new(options),
            database: Arc::new(database),
            issuer: Arc::default(),
            built_in: Arc::default(),
            tasks: Arc::default(),
            throttle: Arc::default(),
            credentials,
            pool: Arc::default(),
        };
        let now = cloud.now();
        // What cannot be stored now is removed by a later operation.
        let _ = cloud.write(|registry| {
            let mut expired = registry.expired(now);
            expired.extend(registry.forgotten_shadows(now));
            Ok((expired, ()))
        });
        Ok(cloud)
    }

    /// Moves the folder of a registry to `NAME.old`, which replaces an older one. A missing folder is no error.
    ///
    /// # Errors
    /// Another process uses the registry, or the folder cannot be moved.
    pub fn move_away(folder: &Path) -> Result<(), OpenError> {
        store::move_away(folder)
    }

    /// Returns a number that grows with every change of the registry, except those of shadows.
    #[must_use]
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.database.revision()
    }

    /// Returns Region and account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.options.account
    }

    /// Returns the options.
    #[must_use]
    pub fn options(&self) -> &CloudOptions {
        &self.options
    }

    /// Returns the time as the registry keeps it: milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        let since = (self.options.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Returns the CA that signs certificates of devices. Its key is made when it is needed first.
    pub(crate) fn issuer(&self) -> Result<&DeviceIssuer, IssuerError> {
        let issuer = &self.issuer;
        if issuer.get().is_none() {
            let opened = DeviceIssuer::open(self.options.private.as_deref())?;
            return Ok(issuer.get_or_init(|| opened));
        }
        issuer.get().ok_or(IssuerError::Sign)
    }

    /// Throttles one call of AWS IoT's control plane in so many, to test what calls it.
    pub fn set_throttle(&self, every: NonZeroU32) {
        self.throttle.set(every);
    }

    /// Counts a call. Returns whether it is throttled.
    pub(crate) fn is_throttled(&self) -> bool {
        self.throttle.is_throttled()
    }

    /// Sets the built-in authorizer.
    pub fn set_built_in_authorizer(&self, built_in: BuiltInAuthorizer) {
        *self.built_in.write().unwrap_or_else(PoisonError::into_inner) = Some(built_in);
    }

    /// Returns the built-in authorizer, if it is set.
    #[must_use]
    pub fn built_in_authorizer(&self) -> Option<BuiltInAuthorizer> {
        self.built_in.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the access keys that this gateway knows.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Sets the identity pool, or removes it. Credentials that were issued before have the roles of the new one.
    pub fn set_identity_pool(&self, pool: Option<IdentityPool>) {
        self.pool.set(pool.map(Arc::new));
    }

    /// Returns the identity pool, if there is one.
    #[must_use]
    pub fn identity_pool(&self) -> Option<Arc<IdentityPool>> {
        self.pool.get()
    }

    pub(crate) fn pool_state(&self) -> &PoolState {
        &self.pool
    }

    /// Returns the bulk registrations that run.
    pub(crate) fn tasks(&self) -> &RunningTasks {
        &self.tasks
    }

    /// Reads the registry. Changes wait until `read` returns, so it must not write.
    pub fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        self.database.read(read)
    }

    /// Decides on changes with the present registry, stores them, and makes them. With an error, nothing changes.
    /// Other calls wait until `decide` returns, so it must not write.
    ///
    /// # Errors
    /// The error of `decide`, or [`crate::ErrorKind::InternalFailure`] if the changes cannot be stored.
    pub fn write<T>(
        &self,
        decide: impl FnOnce(&Registry) -> Result<(Vec<Change>, T), ApiError>,
    ) -> Result<T, ApiError> {
        self.database.write(decide)
    }
}
