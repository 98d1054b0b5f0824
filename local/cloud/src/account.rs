//! The Region and the account whose registry this is.

use std::fmt;

/// A Region and an account, both valid as parts of an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    region: String,
    id: String,
}

/// Why texts are not a Region and an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccount {
    /// The Region is invalid.
    #[error("invalid Region; expected lower-case letters, digits and hyphens, such as us-east-1")]
    Region,
    /// The account is invalid.
    #[error("invalid account; expected 12 digits, such as 123456789012")]
    Id,
}

impl Account {
    /// Checks a Region and an account.
    ///
    /// # Errors
    /// Which of the two is invalid.
    pub fn new(region: &str, id: &str) -> Result<Self, InvalidAccount> {
        let is_region = (1..=32).contains(&region.len())
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_region {
            return Err(InvalidAccount::Region);
        }
        if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidAccount::Id);
        }
        Ok(Self { region: region.to_owned(), id: id.to_owned() })
    }

    /// Returns the Region, such as `us-east-1`.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the account: 12 digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the ARN of a resource of AWS IoT, such as `thing/sensor`.
    #[must_use]
    pub fn arn(&self, resource: impl fmt::Display) -> String {
        format!("arn:aws:iot:{}:{}:{resource}", self.region, self.id)
    }
}
