//! The devices of a kit: numbered, or from a list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use iot_local_base::names::is_name;
use thiserror::Error;

/// What stands for the number in a name.
const NUMBER: &str = "${n}";

const MAX_DEVICES: usize = 100_000;

/// A device before it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Device {
    /// The thing's name: `[a-zA-Z0-9:_-]{1,128}`.
    pub(super) name: String,
    /// The attribute `serialNumber`. Without one in the list, the name.
    pub(super) serial_number: String,
}

/// Why there are no devices.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum DevicesError {
    /// The option `--name` is invalid.
    #[error("--name {0:?}: {1}")]
    Name(String, &'static str),
    /// The option `--policy` is invalid.
    #[error("--policy {0:?}: expected 1 to 128 letters, digits or _+=,.@-")]
    Policy(String),
    /// The list has errors, all of which are here.
    #[error("{}", .1.iter().map(|(line, what)| format!("{}:{line}: {what}", .0.display())).collect::<Vec<_>>().join("\n"))]
    List(PathBuf, Vec<(usize, String)>),
}

/// Returns devices with numbers from 1, all with the digits of the last.
///
/// # Errors
/// The name is no thing's name, or has no `${n}` for several devices.
pub(super) fn numbered(name: &str, count: u32) -> Result<Vec<Device>, DevicesError> {
    let error = |what| DevicesError::Name(name.to_owned(), what);
    if count > 1 && !name.contains(NUMBER) {
        return Err(error("expected ${n} in it; help: quote it for the shell, as in --name 'dev-${n}'"));
    }
    let width = count.to_string().len();
    let device = |number: u32| {
        let name = name.replace(NUMBER, &format!("{number:0width$}"));
        is_thing_name(&name).then(|| Device { serial_number: name.clone(), name })
    };
    let devices: Option<Vec<_>> = (1..=count).map(device).collect();
    devices.ok_or_else(|| error("expected 1 to 128 letters, digits or :_- with the number in it"))
}

/// Reads a list: CSV without quotes, with a header. The column `secret_sha256` of a list of expected devices is
/// skipped.
///
/// # Errors
/// All invalid lines.
pub(super) fn read_list(path: &Path, text: &str) -> Result<Vec<Device>, DevicesError> {
    let mut errors = Vec::new();
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let columns = lines.next().map(|(number, header)| read_header(number, header, &mut errors));
    let Some(columns) = columns else {
        return Err(DevicesError::List(
            path.to_owned(),
            vec![(1, "no header; expected ThingName".to_owned())],
        ));
    };
    let mut names = BTreeSet::new();
    let mut devices = Vec::new();
    for (number, line) in lines.take_while(|_| errors.is_empty()).collect::<Vec<_>>() {
        match read_line(line, &columns) {
            Ok(device) if !names.insert(device.name.clone()) => {
                errors.push((number, format!("{} is there twice", device.name)));
            }
            Ok(device) => devices.push(device),
            Err(what) => errors.push((number, what)),
        }
    }
    if errors.is_empty() && devices.is_empty() {
        errors.push((1, "no devices".to_owned()));
    }
    if devices.len() > MAX_DEVICES {
        errors.push((1, format!("{} devices; expected at most {MAX_DEVICES}", devices.len())));
    }
    if errors.is_empty() { Ok(devices) } else { Err(DevicesError::List(path.to_owned(), errors)) }
}

/// Checks the name of a policy.
///
/// # Errors
/// See [`DevicesError::Policy`].
pub(super) fn check_policy(name: &str) -> Result<(), DevicesError> {
    if is_name(name, "_+=,.@-", 1..=128) { Ok(()) } else { Err(DevicesError::Policy(name.to_owned())) }
}

/// Returns whether a text is a thing's name, which is then safe as a part of a file's name.
pub(super) fn is_thing_name(text: &str) -> bool {
    is_name(text, ":_-", 1..=128)
}

/// What the columns of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    SerialNumber,
    Skipped,
}

fn read_header(number: usize, header: &str, errors: &mut Vec<(usize, String)>) -> Vec<Column> {
    let mut columns = Vec::new();
    for name in header.trim_start_matches('\u{feff}').split(',') {
        let column = match name.trim() {
            "ThingName" | "device" => Column::Name,
            "SerialNumber" => Column::SerialNumber,
            "secret_sha256" => Column::Skipped,
            other => {
                errors
                    .push((number, format!("unknown column {other:?}; expected ThingName or SerialNumber")));
                Column::Skipped
            }
        };
        if column != Column::Skipped && columns.contains(&column) {
            errors.push((number, format!("column {name:?} is there twice")));
        }
        columns.push(column);
    }
    if errors.is_empty() && !columns.contains(&Column::Name) {
        errors.push((number, "no column ThingName".to_owned()));
    }
    columns
}

fn read_line(line: &str, columns: &[Column]) -> Result<Device, String> {
    let fields: Vec<_> = line.split(',').map(str::trim).collect();
    if fields.len() != columns.len() {
        return Err(format!("{} fields; expected {}", fields.len(), columns.len()));
    }
    let field =
        |wanted| columns.iter().zip(&fields).find(|(column, _)| **column == wanted).map(|(_, field)| *field);
    let name = field(Column::Name).unwrap_or_default();
    if !is_thing_name(name) {
        return Err(format!("invalid name {name:?}; expected 1 to 128 letters, digits or :_-"));
    }
    let serial_number = field(Column::SerialNumber).filter(|serial| !serial.is_empty()).unwrap_or(name);
    if !is_name(serial_number, "_.,@/:#=[]-", 1..=800) {
        return Err(format!(
            "invalid serial number {serial_number:?}; expected up to 800 letters, digits or _.,@/:#=[]-"
        ));
    }
    Ok(Device { name: name.to_owned(), serial_number: serial_number.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_of_the_last() {
        let names = |name, count| -> Option<Vec<_>> {
            Some(numbered(name, count).ok()?.into_iter().map(|device| device.name).collect())
        };
        assert_eq!(names("dev-${n}", 3).unwrap(), ["dev-1", "dev-2", "dev-3"]);
        let many = names("${n}_x${n}", 10).unwrap();
        assert_eq!((many[0].as_str(), many[9].as_str()), ("01_x01", "10_x10"));
        assert_eq!(names("one", 1).unwrap(), ["one"]);
        let long = "a".repeat(127);
        for (name, count) in [("dev-", 2), ("", 1), ("a b${n}", 2), ("../${n}", 2), ("é${n}", 2), ("${m}", 1)]
        {
            assert!(numbered(name, count).is_err(), "{name}");
        }
        assert!(numbered(&format!("{long}${{n}}"), 9).is_ok());
        assert!(numbered(&format!("{long}${{n}}"), 10).is_err());
    }

    #[test]
    fn lists_are_read_or_all_their_errors_reported() {
        let read = |text: &str| read_list(Path::new("d.csv"), text);
        let device =
            |name: &str, serial: &str| Device { name: name.to_owned(), serial_number: serial.to_owned() };
        let two = vec![device("a", "1"), device("b", "b")];
        assert_eq!(read("ThingName,SerialNumber\na,1\nb,\n"), Ok(two.clone()));
        assert_eq!(read("\u{feff}SerialNumber,device,secret_sha256\r\n1,a,ff\r\n\r\n,b,\r\n"), Ok(two));
        for (text, expected) in [
            ("", "1: no header"),
            ("ThingName\n", "1: no devices"),
            ("Name\na", "1: unknown column \"Name\""),
            ("SerialNumber\n1", "1: no column ThingName"),
            ("ThingName,device\na,b", "1: column \"device\" is there twice"),
            ("ThingName\na,b", "2: 2 fields; expected 1"),
            ("ThingName\n\"a\"", "2: invalid name"),
            ("ThingName\n../a", "2: invalid name"),
            ("ThingName\na\n\na", "4: a is there twice"),
            ("ThingName,SerialNumber\na,x y", "2: invalid serial number"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("d.csv:{expected}")), "{text:?}: {error}");
        }
        let both = read("ThingName\na b\nc\nd e").unwrap_err().to_string();
        assert_eq!(both.lines().count(), 2, "{both}");
    }
}
