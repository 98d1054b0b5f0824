//! Identity ids: `REGION:UUID`, where the Region is that of the pool.

use aws_lc_rs::digest::{Context, SHA256};
use uuid::{Builder, Uuid};

/// The number of random bytes in the id of a guest. The others are a hash of these, by which the id of a guest is
/// recognized.
const GUEST_BYTES: usize = 8;

/// Returns the id of the identity of a login. The same login always gives the same id.
pub(super) fn of_login(pool: &str, provider: &str, sub: &str) -> String {
    let hash = hash(&[b"login", pool.as_bytes(), provider.as_bytes(), sub.as_bytes()]);
    named(pool, hash)
}

/// Makes the id of a guest.
pub(super) fn new_guest(pool: &str) -> String {
    named(pool, guest(pool, Uuid::new_v4().as_bytes()))
}

/// Returns whether an id is that of a guest of this pool.
pub(super) fn is_guest(pool: &str, id: &str) -> bool {
    let Some(uuid) = id.split_once(':').and_then(|(_, id)| Uuid::try_parse(id).ok()) else { return false };
    named(pool, guest(pool, uuid.as_bytes())) == id
}

/// Returns the bytes of a guest's id from its first ones.
fn guest(pool: &str, bytes: &[u8; 16]) -> [u8; 16] {
    // The version is in the random half.
    let uuid = *Builder::from_custom_bytes(*bytes).as_uuid().as_bytes();
    let (random, _) = uuid.split_at(GUEST_BYTES);
    let check = hash(&[b"guest", pool.as_bytes(), random]);
    let mut id = uuid;
    for (byte, check) in id.iter_mut().skip(GUEST_BYTES).zip(check) {
        *byte = check;
    }
    id
}

/// Returns `REGION:UUID`, a UUID of version 8 (RFC 9562, section 5.8).
fn named(pool: &str, bytes: [u8; 16]) -> String {
    let region = pool.split_once(':').map_or(pool, |(region, _)| region);
    format!("{region}:{}", Builder::from_custom_bytes(bytes).into_uuid())
}

/// Returns the first 16 bytes of the SHA-256 of all parts, each after its length.
fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let mut first = [0; 16];
    for (byte, hashed) in first.iter_mut().zip(context.finish().as_ref()) {
        *byte = *hashed;
    }
    first
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const POOL: &str = "us-east-1:00000000-0000-4000-8000-000000000001";

    #[test]
    fn an_id_is_stable_and_no_two_logins_share_one() {
        // The id must be the same after a restart, and in every version.
        assert_eq!(of_login(POOL, "login.example.com/", "ana"), of_login(POOL, "login.example.com/", "ana"));
        let rows = [
            (POOL, "login.example.com/", "ana"),
            (POOL, "login.example.com/", "ben"),
            (POOL, "login.example.com/a", "na"),
            (POOL, "login.example.com", "/ana"),
            (POOL, "other.example.com/", "ana"),
            ("us-east-1:00000000-0000-4000-8000-000000000002", "login.example.com/", "ana"),
            ("eu-west-1:00000000-0000-4000-8000-000000000001", "login.example.com/", "ana"),
        ];
        let ids: HashSet<_> = rows.iter().map(|(pool, name, sub)| of_login(pool, name, sub)).collect();
        assert_eq!(ids.len(), rows.len());
        for id in ids {
            let (region, uuid) = id.split_once(':').unwrap();
            assert!(["us-east-1", "eu-west-1"].contains(&region), "{id}");
            assert_eq!(Uuid::try_parse(uuid).unwrap().get_version_num(), 8, "{id}");
            assert!(!is_guest(POOL, &id), "{id}");
        }
    }

    #[test]
    fn only_the_ids_of_guests_are_guests() {
        let guests: HashSet<_> = (0..100).map(|_| new_guest(POOL)).collect();
        assert_eq!(guests.len(), 100);
        for id in &guests {
            assert!(is_guest(POOL, id), "{id}");
            assert!(!is_guest("us-east-1:00000000-0000-4000-8000-000000000002", id), "{id}");
            assert!(!is_guest(POOL, &id.replace("us-east-1", "eu-west-1")), "{id}");
            assert!(!is_guest(POOL, &id.to_uppercase()), "{id}");
            let last = id.chars().next_back().unwrap();
            let changed = if last == '0' { '1' } else { '0' };
            assert!(!is_guest(POOL, &format!("{}{changed}", id.strip_suffix(last).unwrap())), "{id}");
        }
        for id in ["", "us-east-1:", POOL, "us-east-1:x", "00000000-0000-4000-8000-000000000001"] {
            assert!(!is_guest(POOL, id), "{id}");
        }
    }
}
