//! The package of the provisioning functions.

use std::fs;

use super::{Deployment, PROGRAM};

const CONFIG: &str = "[[template]]\nname = \"fleet\"\nexpected = \"list:lists/devices.csv\"\n";

/// A configuration with a list, and with files that the functions do not read.
fn deployment() -> Deployment {
    let deployment = Deployment::example();
    fs::create_dir(deployment.path("lists")).unwrap();
    deployment.write("provision.toml", CONFIG);
    deployment.write("lists/devices.csv", "device\nsensor-1\n");
    deployment.write("lists/old.csv", "device\n");
    deployment
}

fn package(deployment: &Deployment, options: &[&str]) -> (String, bool) {
    let config = deployment.path("provision.toml");
    deployment.package(&[&["--provision", "--config", config.to_str().unwrap()], options].concat())
}

#[test]
fn the_zip_contains_configuration_lists_and_program_and_is_reproducible() {
    let deployment = deployment();
    let zip = deployment.outside("out/iot-provision-x86_64.zip");
    let bytes = [(); 2].map(|()| {
        let (text, is_success) = package(&deployment, &[]);
        assert!(is_success && text.contains("iot-provision-x86_64.zip: "), "{text}");
        assert!(!text.contains("skipped") && !text.contains("in the function's log"), "{text}");
        fs::read(&zip).unwrap()
    });
    assert_eq!(bytes[0], bytes[1]);
    let mut zip = zip::ZipArchive::new(fs::File::open(&zip).unwrap()).unwrap();
    let expected = [
        ("bootstrap", 0o100_755, PROGRAM.to_vec()),
        ("lists/devices.csv", 0o100_644, b"device\nsensor-1\n".to_vec()),
        ("provision.toml", 0o100_644, CONFIG.as_bytes().to_vec()),
    ];
    assert_eq!(zip.len(), expected.len());
    for (index, (name, mode, content)) in expected.into_iter().enumerate() {
        let mut entry = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        assert_eq!((entry.name().unwrap(), entry.unix_mode(), bytes), (name.into(), Some(mode), content));
    }
}

#[test]
fn invalid_configurations_are_not_packaged() {
    type Change = fn(&Deployment);
    let cases: [(&str, Change, &str); 5] = [
        ("an error", |d| d.edit("provision.toml", "name", "nam"), "not packaged because of the errors above"),
        ("a missing list", |d| fs::remove_file(d.path("lists/devices.csv")).unwrap(), "lists/devices.csv"),
        (
            "a list above the folder",
            |d| {
                fs::rename(d.path("lists/devices.csv"), d.outside("devices.csv")).unwrap();
                d.edit("provision.toml", "list:lists/", "list:../");
            },
            "../devices.csv: not inside the configuration's folder",
        ),
        (
            "a list with the name of the program",
            |d| {
                fs::rename(d.path("lists/devices.csv"), d.path("bootstrap")).unwrap();
                d.edit("provision.toml", "lists/devices.csv", "bootstrap");
            },
            "bootstrap: the name is that of another file of the package",
        ),
        (
            "a link that leads out",
            |d| {
                fs::rename(d.path("lists/devices.csv"), d.outside("devices.csv")).unwrap();
                d.link(&d.outside("devices.csv"), "lists/devices.csv");
            },
            "a link that leads out",
        ),
    ];
    for (title, change, expected) in cases {
        let deployment = deployment();
        change(&deployment);
        let (text, is_success) = package(&deployment, &[]);
        assert!(!is_success && text.contains(expected), "{title}: {text}");
        assert!(!deployment.outside("out").exists(), "{title} was packaged");
    }
}
