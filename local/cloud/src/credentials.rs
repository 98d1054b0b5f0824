//! The access keys that this gateway knows: the operator's, and the temporary ones of its identity pool. In memory
//! only, so temporary credentials end with the gateway.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html>

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_local_policy::CognitoContext;

use crate::account::Account;
use crate::error::{ApiError, ErrorKind};
use crate::role::Role;
use crate::sigv4::AccessKey;

/// The start of a temporary key's id. AWS's temporary keys start with `ASIA`.
pub const TEMPORARY_PREFIX: &str = "ASIALOCAL";

/// The largest number of temporary keys. One more replaces the one that expires first.
pub const MAX_TEMPORARY_KEYS: usize = 10_000;

/// For how long an expired key is remembered, so that its user learns that it expired.
const KEEP_EXPIRED_SECONDS: i64 = 3600;

/// The length of an access key id, in letters.
const KEY_ID_LETTERS: usize = 20;

const SECRET_BYTES: usize = 30;
const SESSION_TOKEN_BYTES: usize = 96;

/// The letters of an access key id.
const KEY_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The access keys that a gateway knows, all others are unknown. Not `Debug`: it holds secrets.
pub struct Credentials {
    clock: fn() -> SystemTime,
    keys: RwLock<Keys>,
}

struct Keys {
    operator: Option<(String, AccessKey)>,
    temporary: BTreeMap<String, TemporaryKey>,
    /// How much faster than real time the lifetime of a temporary key passes.
    time_scale: u32,
}

struct TemporaryKey {
    key: AccessKey,
    session: Arc<Session>,
    /// When the key expires, in seconds since 1970.
    expiration: i64,
}

/// A key pair without an end. Not `Debug`: it holds a secret.
#[derive(Clone)]
pub struct KeyPair {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
}

/// Temporary credentials, as their user gets them. Not `Debug`: they hold secrets.
#[derive(Clone)]
pub struct TemporaryCredentials {
    /// The access key id: [`TEMPORARY_PREFIX`] and random letters.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token, which each request has.
    pub session_token: String,
    /// When the credentials expire, in seconds since 1970.
    pub expiration: i64,
}

/// A key that the gateway knows. Not `Debug`: it holds secrets.
#[derive(Clone)]
pub struct KnownKey {
    /// The key, to verify a signature.
    pub key: AccessKey,
    /// Who signs with it.
    pub caller: Caller,
}

/// Who signs with a known key.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The operator of this gateway, who may do everything.
    Operator,
    /// A user of temporary credentials, who may do what the role allows.
    Session(Arc<Session>),
}

/// A session of a role: what temporary credentials stand for.
#[derive(Debug, Clone)]
pub struct Session {
    /// The role's ARN, such as `arn:aws:iam::123456789012:role/app`.
    pub role_arn: String,
    /// The name of the session, such as `CognitoIdentityCredentials`.
    pub session_name: String,
    /// The role.
    pub role: Arc<Role>,
    /// The Cognito identity, if the credentials are of the identity pool.
    pub identity: Option<CognitoIdentity>,
}

/// An identity of an identity pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CognitoIdentity {
    /// The identity id, such as `us-east-1:00000000-0000-4000-8000-000000000002`.
    pub id: String,
    /// The identity pool's id.
    pub pool: String,
    /// Whether the identity logged in. A guest did not.
    pub is_authenticated: bool,
    /// `${cognito-identity.amazonaws.com:amr}`: `authenticated` and the provider, or `unauthenticated`.
    pub amr: Vec<String>,
}

impl CognitoIdentity {
    /// Returns the values of policy variables.
    #[must_use]
    pub fn context(&self) -> CognitoContext {
        let Self { id, pool, amr, .. } = self.clone();
        CognitoContext { identity_id: id, pool_id: pool, amr }
    }
}

impl Session {
    /// Returns the principal, as AWS IoT names it in events and rules: the role's unique id and the session's name.
    #[must_use]
    pub fn principal(&self) -> String {
        format!("{}:{}", self.role.id(), self.session_name)
    }
}

impl Caller {
    /// Returns the caller's ARN, as GetCallerIdentity answers it.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
    #[must_use]
    pub fn arn(&self, account: &Account) -> String {
        let account = account.id();
        match self {
            Self::Operator => format!("arn:aws:iam::{account}:root"),
            Self::Session(session) => {
                format!("arn:aws:sts::{account}:assumed-role/{}/{}", session.role.name, session.session_name)
            }
        }
    }

    /// Returns the caller's unique id, as GetCallerIdentity answers it: of the role, and the name of the session.
    #[must_use]
    pub fn user_id(&self, account: &Account) -> String {
        match self {
            Self::Operator => account.id().to_owned(),
            Self::Session(session) => session.principal(),
        }
    }
}

impl KeyPair {
    /// Makes a random key pair. Its id starts with `prefix`, such as `AKIA`.
    ///
    /// # Errors
    /// The system's random number generator failed.
    pub fn random(prefix: &str) -> Result<Self, RandomError> {
        let mut letters = [0; KEY_ID_LETTERS];
        rand::fill(&mut letters).map_err(|_| RandomError)?;
        let access_key_id =
            prefix.chars().chain(letters.iter().filter_map(letter)).take(KEY_ID_LETTERS).collect();
        Ok(Self { access_key_id, secret_access_key: random_text::<SECRET_BYTES>()? })
    }
}

/// Returns a letter of an access key id.
fn letter(byte: &u8) -> Option<char> {
    KEY_LETTERS.get(usize::from(byte & 31)).copied().map(char::from)
}

/// The system's random number generator failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct RandomError;

fn random_text<const BYTES: usize>() -> Result<String, RandomError> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(STANDARD.encode(bytes))
}

impl Credentials {
    /// Creates credentials without keys.
    pub(crate) fn new(clock: fn() -> SystemTime) -> Self {
        let keys = Keys { operator: None, temporary: BTreeMap::new(), time_scale: 1 };
        Self { clock, keys: RwLock::new(keys) }
    }

    /// Sets the operator's key pair. It replaces an earlier one.
    pub fn set_operator(&self, pair: KeyPair) {
        let key = AccessKey { secret: pair.secret_access_key, session_token: None, expiration: None };
        self.keys.write().unwrap_or_else(PoisonError::into_inner).operator = Some((pair.access_key_id, key));
    }

    /// Sets how much faster than real time the lifetimes of temporary keys pass that are issued from now on. 0 and 1
    /// are real time.
    pub fn set_time_scale(&self, times: u32) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).time_scale = times.max(1);
    }

    /// Makes temporary credentials for a session. They are valid for `lifetime`, divided by the time scale.
    ///
    /// # Errors
    /// [`ErrorKind::InternalFailure`] without random numbers.
    pub fn issue(&self, session: Session, lifetime: Duration) -> Result<TemporaryCredentials, ApiError> {
        let failed = |error: RandomError| ApiError::new(ErrorKind::InternalFailure, error.to_string());
        let pair = KeyPair::random(TEMPORARY_PREFIX).map_err(failed)?;
        let session_token = random_text::<SESSION_TOKEN_BYTES>().map_err(failed)?;
        let now = self.now();
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let lifetime = lifetime.checked_div(keys.time_scale).unwrap_or(lifetime);
        let expiration = now.saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX));
        let key = AccessKey {
            secret: pair.secret_access_key.clone(),
            session_token: Some(session_token.clone()),
            expiration: Some(expiration),
        };
        keys.make_room(now);
        let session = Arc::new(session);
        keys.temporary.insert(pair.access_key_id.clone(), TemporaryKey { key, session, expiration });
        let KeyPair { access_key_id, secret_access_key } = pair;
        Ok(TemporaryCredentials { access_key_id, secret_access_key, session_token, expiration })
    }

    /// Finds a key. It may be expired: [`crate::sigv4::Signature::verify`] checks that.
    #[must_use]
    pub fn find(&self, access_key_id: &str) -> Option<KnownKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = keys.operator.as_ref().filter(|(id, _)| id == access_key_id) {
            return Some(KnownKey { key: key.clone(), caller: Caller::Operator });
        }
        let found = keys.temporary.get(access_key_id)?;
        let caller = Caller::Session(Arc::clone(&found.session));
        Some(KnownKey { key: found.key.clone(), caller })
    }

    /// Returns the time in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        let since = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}

impl Keys {
    /// Removes the keys that expired long ago, and the one that expires first if there are too many.
    fn make_room(&mut self, now: i64) {
        self.temporary.retain(|_, key| key.expiration.saturating_add(KEEP_EXPIRED_SECONDS) > now);
        while self.temporary.len() >= MAX_TEMPORARY_KEYS {
            let first = self.temporary.iter().min_by_key(|(_, key)| key.expiration).map(|(id, _)| id.clone());
            let Some(first) = first else { return };
            self.temporary.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap()
    }

    fn session(name: &str) -> Session {
        let statement = |more| json!({ "Version": "2012-10-17", "Statement": [more] });
        let trust = json!({
            "Effect": "Allow",
            "Principal": { "Federated": "cognito-identity.amazonaws.com" },
            "Action": "sts:AssumeRoleWithWebIdentity",
        });
        let policy = json!({ "Effect": "Allow", "Action": "iot:*", "Resource": "*" });
        let document = json!({ "trust": statement(trust), "policy": statement(policy) });
        let account = Account::new("us-east-1", "123456789012").unwrap();
        let role = Arc::new(Role::parse("app", &document, &account).unwrap());
        Session {
            role_arn: "arn:aws:iam::123456789012:role/app".to_owned(),
            session_name: name.to_owned(),
            role,
            identity: None,
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn keys_are_found_by_their_whole_ids() {
        let credentials = Credentials::new(|| at(1000));
        assert!(credentials.find("").is_none());
        let pair = KeyPair::random("AKIA").unwrap();
        credentials.set_operator(pair.clone());
        let issued = credentials.issue(session("first"), HOUR).unwrap();
        let (operator, temporary) = (pair.access_key_id.as_str(), issued.access_key_id.as_str());
        for id in [operator, temporary] {
            assert_eq!(id.len(), KEY_ID_LETTERS);
            let cut = id.chars().skip(1).collect();
            for unknown in [cut, id.to_lowercase(), format!("{id}A"), format!(" {id}")] {
                assert!(credentials.find(&unknown).is_none(), "{unknown}");
            }
        }
        let account = Account::new("us-east-1", "123456789012").unwrap();
        let found = credentials.find(operator).unwrap();
        assert_eq!(found.caller.arn(&account), "arn:aws:iam::123456789012:root");
        assert_eq!((found.key.secret, found.key.session_token), (pair.secret_access_key, None));
        let found = credentials.find(temporary).unwrap();
        assert_eq!(found.caller.arn(&account), "arn:aws:sts::123456789012:assumed-role/app/first");
        assert!(temporary.starts_with(TEMPORARY_PREFIX));
        assert_eq!((issued.expiration, found.key.expiration), (4600, Some(4600)));
        assert_eq!(found.key.session_token, Some(issued.session_token));
        // The next operator's key pair replaces the earlier one.
        credentials.set_operator(KeyPair::random("AKIA").unwrap());
        assert!(credentials.find(operator).is_none());
    }

    #[test]
    fn no_two_credentials_share_a_text() {
        let credentials = Credentials::new(|| at(0));
        let mut texts = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let issued = credentials.issue(session("s"), HOUR).unwrap();
            texts.extend([issued.access_key_id, issued.secret_access_key, issued.session_token]);
        }
        assert_eq!(texts.len(), 300);
    }

    #[test]
    fn lifetimes_follow_the_time_scale() {
        let credentials = Credentials::new(|| at(1000));
        for (times, expected) in [(0, 4600), (1, 4600), (60, 1060), (u32::MAX, 1000)] {
            credentials.set_time_scale(times);
            assert_eq!(credentials.issue(session("s"), HOUR).unwrap().expiration, expected, "{times}");
        }
    }

    #[test]
    fn expired_keys_are_removed_an_hour_later_and_the_number_of_keys_is_bounded() {
        let mut keys = Keys { operator: None, temporary: BTreeMap::new(), time_scale: 1 };
        let session = Arc::new(session("s"));
        for index in 0..MAX_TEMPORARY_KEYS {
            let key = AccessKey { secret: String::new(), session_token: None, expiration: None };
            let expiration = i64::try_from(index).unwrap();
            let session = Arc::clone(&session);
            keys.temporary.insert(index.to_string(), TemporaryKey { key, session, expiration });
        }
        keys.make_room(0);
        assert_eq!(keys.temporary.len(), MAX_TEMPORARY_KEYS - 1);
        assert!(!keys.temporary.contains_key("0"));
        keys.make_room(KEEP_EXPIRED_SECONDS + 10);
        assert_eq!(keys.temporary.len(), MAX_TEMPORARY_KEYS - 11);
        assert!(!keys.temporary.contains_key("10"));
        assert!(keys.temporary.contains_key("11"));
    }
}
