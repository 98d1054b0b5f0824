//! A fingerprint of the files of a deployment.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Hashes the files that a deployment consists of, in the order in which they are read.
///
/// SipHash-1-3 with 64 bits: it tells configurations apart in the log. It is not a cryptographic hash and proves nothing.
pub(super) struct FilesHasher(SipHasher13);

impl FilesHasher {
    pub(super) fn new() -> Self {
        Self(SipHasher13::new())
    }

    /// Adds a file: its name and its text, each with its length, so that no two lists of files are alike.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        for part in [name, text] {
            self.0.write(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            self.0.write(part.as_bytes());
        }
    }

    /// 16 hexadecimal digits.
    pub(super) fn finish(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}
