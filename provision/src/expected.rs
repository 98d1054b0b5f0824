//! Which devices are expected: anyone with a certificate, a list, or a table of DynamoDB.

mod list;

pub use list::{DeviceList, ListError};

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::control::{CallError, ControlPlane};
use crate::denial::{Code, Denial};
use crate::names::{ThingName, is_table_name};

/// Which devices are expected.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Every device that can show what the trigger asks for.
    Anyone,
    /// The devices of a list.
    List(DeviceList),
    /// The devices of a table with this name. Its key is `device`.
    Table(Box<str>),
}

/// `expected` as it is written, before a list is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `anyone`
    Anyone,
    /// `list:FILE`
    List(Box<str>),
    /// `dynamodb:TABLE`
    Table(Box<str>),
}

impl Source {
    /// How `provision.toml` writes the values of `expected`.
    pub const SYNTAX: [&str; 3] = ["anyone", "list:FILE", "dynamodb:TABLE"];

    /// The same without `anyone`.
    pub const LISTED: [&str; 2] = ["list:FILE", "dynamodb:TABLE"];

    /// Parses a value of `expected`. Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "anyone" => Some(Self::Anyone),
            Some(("list", file)) if !file.is_empty() => Some(Self::List(file.into())),
            Some(("dynamodb", table)) if is_table_name(table) => Some(Self::Table(table.into())),
            _ => None,
        }
    }
}

/// The SHA-256 of a device's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret as a device sends it.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let mut hash = [0; 32];
        hash.iter_mut().zip(digest(&SHA256, secret.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }

    /// Parses 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)?;
        }
        Some(Self(hash))
    }

    fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretHash")
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What a list or a table says about a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The hash of the secret that the device must send.
    pub secret: Option<SecretHash>,
    /// The certificate that was registered for the device.
    pub certificate: Option<String>,
}

/// The result of a look-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// The device is not expected.
    #[default]
    Unknown,
    /// Every device is expected.
    Anyone,
    /// The device is in a list.
    Listed(DeviceRecord),
    /// The device is in the table of this name.
    InTable(Box<str>, DeviceRecord),
}

impl Lookup {
    /// What is known of the device.
    #[must_use]
    pub fn record(&self) -> Option<&DeviceRecord> {
        match self {
            Self::Unknown | Self::Anyone => None,
            Self::Listed(record) | Self::InTable(_, record) => Some(record),
        }
    }

    /// Checks that the device is expected.
    ///
    /// # Errors
    /// [`Code::UnexpectedDevice`].
    pub fn check_expected(&self) -> Result<(), Denial> {
        if *self == Self::Unknown { Err(Code::UnexpectedDevice.into()) } else { Ok(()) }
    }

    /// Checks that the device is expected, and that it has sent its secret if it has one.
    ///
    /// # Errors
    /// [`Code::UnexpectedDevice`], [`Code::WrongSecret`].
    pub fn check(&self, sent: Option<&SecretHash>) -> Result<(), Denial> {
        self.check_expected()?;
        match self.record().and_then(|record| record.secret) {
            Some(secret) if !sent.is_some_and(|sent| secret.is(sent)) => Err(Code::WrongSecret.into()),
            _ => Ok(()),
        }
    }
}

impl Expected {
    /// Looks a device up by its name.
    ///
    /// # Errors
    /// The call to the table fails.
    pub async fn look_up(
        &self,
        control: &impl ControlPlane,
        device: &ThingName,
    ) -> Result<Lookup, CallError> {
        Ok(match self {
            Self::Anyone => Lookup::Anyone,
            Self::List(list) => list.get(device).cloned().map_or(Lookup::Unknown, Lookup::Listed),
            Self::Table(table) => match control.device(table, device.as_str()).await? {
                Some(record) => Lookup::InTable(table.clone(), record),
                None => Lookup::Unknown,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read() {
        let table = |name: &str| Some(Source::Table(name.into()));
        for (text, expected) in [
            ("anyone", Some(Source::Anyone)),
            ("list:devices.csv", Some(Source::List("devices.csv".into()))),
            ("list:a:b", Some(Source::List("a:b".into()))),
            ("dynamodb:devices", table("devices")),
            ("dynamodb:a.b_c-1", table("a.b_c-1")),
            ("", None),
            ("Anyone", None),
            ("anyone:", None),
            ("anyone ", None),
            ("list", None),
            ("list:", None),
            ("dynamodb", None),
            ("dynamodb:", None),
            ("dynamodb:ab", None),
            ("dynamodb:a b", None),
            ("dynamodb:a/b", None),
            ("table:devices", None),
        ] {
            assert_eq!(Source::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn hashes_are_64_digits() {
        // The SHA-256 of "abc", FIPS 180-4.
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = SecretHash::parse(text).unwrap();
        assert!(
            hash.is(&SecretHash::of("abc")) && SecretHash::parse(&text.to_uppercase()).unwrap().is(&hash)
        );
        assert!(!hash.is(&SecretHash::of("abd")));
        assert_eq!(format!("{hash:?}"), "SecretHash");
        let shorter = ["b", "ba"].map(|start| text.strip_prefix(start).unwrap());
        let longer = ["0", "00"].map(|end| format!("{text}{end}"));
        let other = [String::new(), text.replace('b', "g")];
        for bad in shorter.into_iter().chain(longer.iter().chain(&other).map(String::as_str)) {
            assert!(SecretHash::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_device_is_expected_with_its_secret() {
        let record = |secret| DeviceRecord { secret, certificate: None };
        let (secret, other) = (SecretHash::of("a"), SecretHash::of("b"));
        let denied = |code: Code| Err(Denial::from(code));
        for (lookup, sent, expected) in [
            (Lookup::Unknown, None, denied(Code::UnexpectedDevice)),
            (Lookup::Unknown, Some(secret), denied(Code::UnexpectedDevice)),
            (Lookup::Anyone, None, Ok(())),
            (Lookup::Listed(record(None)), None, Ok(())),
            (Lookup::Listed(record(None)), Some(other), Ok(())),
            (Lookup::Listed(record(Some(secret))), Some(secret), Ok(())),
            (Lookup::Listed(record(Some(secret))), Some(other), denied(Code::WrongSecret)),
            (Lookup::Listed(record(Some(secret))), None, denied(Code::WrongSecret)),
            (Lookup::InTable("t".into(), record(Some(secret))), None, denied(Code::WrongSecret)),
            (Lookup::InTable("t".into(), record(Some(secret))), Some(secret), Ok(())),
        ] {
            assert_eq!(lookup.check(sent.as_ref()), expected, "{lookup:?}");
        }
    }
}
