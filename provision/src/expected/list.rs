//! A list of devices: CSV with the header `device` or `device,secret_sha256`.

use std::collections::BTreeMap;

use super::{DeviceRecord, SecretHash};
use crate::names::ThingName;

/// How many errors of a list are reported. A wrong column makes one in each line.
const MAX_ERRORS: usize = 20;

/// The devices of a list, by name.
#[derive(Clone, Debug, Default)]
pub struct DeviceList(BTreeMap<ThingName, DeviceRecord>);

/// An error in a line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListError {
    /// Counted from one.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl DeviceList {
    /// Parses a list. Empty lines are skipped, and fields have no quotation marks.
    ///
    /// # Errors
    /// The first 20 errors.
    pub fn parse(text: &str) -> Result<Self, Vec<ListError>> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let error = |index: usize, what: String| ListError { line: index.saturating_add(1), what };
        let has_secrets = match lines.next().map(|(index, header)| (index, header.trim())) {
            Some((_, "device")) => false,
            Some((_, "device,secret_sha256")) => true,
            header => {
                let what = "expected the header `device` or `device,secret_sha256`";
                return Err(vec![error(header.map_or(0, |(index, _)| index), what.to_owned())]);
            }
        };
        let (mut devices, mut errors) = (BTreeMap::new(), Vec::new());
        for (index, line) in lines {
            match device(line.trim(), has_secrets) {
                Ok((name, record)) => {
                    if devices.insert(name, record).is_some() {
                        errors.push(error(index, "the device is listed twice".to_owned()));
                    }
                }
                Err(what) => errors.push(error(index, what.to_owned())),
            }
            if errors.len() >= MAX_ERRORS {
                break;
            }
        }
        if errors.is_empty() { Ok(Self(devices)) } else { Err(errors) }
    }

    /// What the list says about a device.
    #[must_use]
    pub fn get(&self, device: &ThingName) -> Option<&DeviceRecord> {
        self.0.get(device)
    }
}

fn device(line: &str, has_secrets: bool) -> Result<(ThingName, DeviceRecord), &'static str> {
    let (name, secret) = if has_secrets {
        line.split_once(',').ok_or("expected two fields, device and secret_sha256")?
    } else {
        (line, "")
    };
    let name = ThingName::parse(name).ok_or("invalid device; expected 1 to 128 of A-Z a-z 0-9 : _ -")?;
    let secret = match secret {
        "" => None,
        secret => {
            Some(SecretHash::parse(secret).ok_or("invalid secret_sha256; expected 64 hexadecimal digits")?)
        }
    };
    Ok((name, DeviceRecord { secret, certificate: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn lists_are_read() {
        for (text, expected) in [
            ("device\n", &[][..]),
            ("device\na\nb\n", &[("a", None), ("b", None)]),
            ("\ndevice\r\n\r\na\r\n \nb", &[("a", None), ("b", None)]),
            ("device,secret_sha256\na,\n", &[("a", None)]),
            ("device,secret_sha256\na,HASH\nb:_-9,\n", &[("a", Some("abc")), ("b:_-9", None)]),
        ] {
            let list = DeviceList::parse(&text.replace("HASH", HASH)).unwrap();
            assert_eq!(list.0.len(), expected.len(), "{text:?}");
            for (name, secret) in expected {
                let record = list.get(&ThingName::parse(name).unwrap()).unwrap();
                assert_eq!(record.secret, secret.map(SecretHash::of), "{text:?} {name}");
                assert_eq!(record.certificate, None);
            }
            assert!(list.get(&ThingName::parse("other").unwrap()).is_none());
        }
    }

    #[test]
    fn errors_of_lists_have_their_line() {
        for (text, expected) in [
            ("", &[(1, "header")][..]),
            ("\n\n", &[(1, "header")]),
            ("a\nb\n", &[(1, "header")]),
            ("\nDevice\n", &[(2, "header")]),
            ("device;secret_sha256\n", &[(1, "header")]),
            ("device\na,b\n", &[(2, "invalid device")]),
            (
                "device\na\n\"b\"\na b\na/b\n",
                &[(3, "invalid device"), (4, "invalid device"), (5, "invalid device")],
            ),
            ("device\na\n\na\n", &[(4, "twice")]),
            ("device,secret_sha256\na\n", &[(2, "two fields")]),
            ("device,secret_sha256\n,HASH\n", &[(2, "invalid device")]),
            ("device,secret_sha256\na,xyz\n", &[(2, "invalid secret_sha256")]),
            ("device,secret_sha256\na,HASH,\n", &[(2, "invalid secret_sha256")]),
            ("device,secret_sha256\na,HASH\nb,HASH0\n", &[(3, "invalid secret_sha256")]),
        ] {
            let errors = DeviceList::parse(&text.replace("HASH", HASH)).unwrap_err();
            let lines: Vec<_> = errors.iter().map(|error| error.line).collect();
            assert_eq!(lines, expected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{text:?}");
            for (error, (_, what)) in errors.iter().zip(expected) {
                assert!(error.what.contains(what), "{text:?}: {error:?}");
            }
        }
        let long = format!("device\n{}", "a b\n".repeat(50));
        assert_eq!(DeviceList::parse(&long).unwrap_err().len(), MAX_ERRORS);
    }
}
