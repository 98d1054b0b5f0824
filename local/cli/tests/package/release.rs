//! The functions of a release in a folder, and what is rejected there.

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use clap::Parser;
use iot_local::launch::{FunctionArgs, LaunchSettings, launch};
use iot_local::package::archive::{self, PackageFile};
use iot_local::package::build::Architecture;
use iot_local_base::env::Env;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Deployment, PROGRAM};

pub(super) const ZIP: &str = "iot-jwt-authorizer-0.2.0-x86_64.zip";

/// The ELF header of a program for arm64.
pub(super) const fn arm_program() -> [u8; 64] {
    let mut program = PROGRAM;
    program[18] = 183;
    program
}

pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let file =
        |(name, bytes): &(&str, &[u8])| PackageFile { name: (*name).to_owned(), bytes: bytes.to_vec() };
    archive::zip(&members.iter().map(file).collect::<Vec<_>>()).unwrap()
}

/// Writes a release with the programs of both architectures.
pub(super) fn write_release(folder: &Path, version: &str) {
    fs::create_dir_all(folder).unwrap();
    for package in ["iot-jwt-authorizer", "iot-provision"] {
        for (architecture, program) in [("x86_64", PROGRAM), ("arm64", arm_program())] {
            let name = format!("{package}-{version}-{architecture}.zip");
            fs::write(folder.join(name), zip(&[("bootstrap", &program)])).unwrap();
        }
    }
    fs::write(folder.join("iot-jwt-authorizer.cdx.json"), "{}").unwrap();
    write_checksums(folder);
}

/// Writes `SHA256SUMS` of all other files.
pub(super) fn write_checksums(folder: &Path) {
    let _ = fs::remove_file(folder.join("SHA256SUMS"));
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap();
        let checksum: String =
            digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("{checksum}  {}\n", entry.file_name().to_str().unwrap()));
    }
    lines.sort();
    fs::write(folder.join("SHA256SUMS"), lines.concat()).unwrap();
}

/// Replaces the zip for x86-64, and its checksum.
fn set_zip(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join(ZIP), bytes).unwrap();
    write_checksums(folder);
}

/// Replaces the size that a zip of one member states.
fn with_size(bytes: &[u8], size: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
    bytes
}

/// A zip whose two members have one name.
fn duplicate() -> Vec<u8> {
    let bytes = zip(&[("bootstrap", &PROGRAM), ("bootstrax", &PROGRAM)]);
    let mut bytes = bytes.to_vec();
    while let Some(start) = bytes.windows(9).position(|window| window == b"bootstrax") {
        bytes[start + 8] = b'p';
    }
    bytes
}

fn link() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("bootstrap", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap().into_inner()
}

fn folder_member() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_directory("bootstrap/", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap().into_inner()
}

fn traversal() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("../bootstrap", SimpleFileOptions::default()).unwrap();
    zip.write_all(&PROGRAM).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Packages with the release in a folder.
fn package(deployment: &Deployment, folder: &Path, options: &[&str]) -> (String, bool) {
    deployment.run(&[&["--bootstrap", folder.to_str().unwrap()], options].concat())
}

#[test]
fn a_release_has_both_architectures_and_both_programs() {
    let deployment = Deployment::example();
    let release = deployment.outside("release");
    write_release(&release, "0.2.0");
    let (text, is_success) = package(&deployment, &release, &["--arch", "both"]);
    let expected = format!("release 0.2.0 of {}: SHA-256 verified\n", release.display());
    assert!(is_success && text.contains(&expected), "{text}");
    for (architecture, program) in [("x86_64", PROGRAM), ("arm64", arm_program())] {
        let path = deployment.outside(&format!("out/iot-jwt-authorizer-{architecture}.zip"));
        let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
        let mut found = Vec::new();
        std::io::Read::read_to_end(&mut zip.by_name("bootstrap").unwrap(), &mut found).unwrap();
        assert_eq!((found, zip.len()), (program.to_vec(), 6));
    }
    // It is the same package as with the program itself.
    let from_release = fs::read(deployment.zip()).unwrap();
    assert!(deployment.package(&[]).1);
    assert_eq!(fs::read(deployment.zip()).unwrap(), from_release);
    let (text, is_success) = package(&deployment, &release, &["--json", "--arch", "x86_64"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(is_success && json["release"] == "0.2.0", "{text}");
    deployment.write("provision.toml", "[[template]]\nname = \"fleet\"\nexpected = \"anyone\"\n");
    let config = deployment.path("provision.toml");
    let line = ["--provision", "--arch", "arm64", "--config", config.to_str().unwrap()];
    let (text, is_success) = package(&deployment, &release, &line);
    assert!(is_success && text.contains("iot-provision-arm64.zip"), "{text}");
}

#[test]
fn invalid_releases_are_rejected() {
    type Change = fn(&Path);
    let cases: [(&str, Change, &str); 21] = [
        (
            "no checksums",
            |f| fs::remove_file(f.join("SHA256SUMS")).unwrap(),
            "release: no SHA256SUMS; expected the folder of a release",
        ),
        (
            "checksums that are none",
            |f| fs::write(f.join("SHA256SUMS"), "<html>").unwrap(),
            "SHA256SUMS: line 1: invalid",
        ),
        ("empty checksums", |f| fs::write(f.join("SHA256SUMS"), "").unwrap(), "SHA256SUMS: empty"),
        (
            "large checksums",
            |f| fs::write(f.join("SHA256SUMS"), "a".repeat(65_537)).unwrap(),
            "SHA256SUMS: longer than 65536 bytes",
        ),
        (
            "a wrong checksum",
            |f| fs::write(f.join(ZIP), zip(&[("bootstrap", &PROGRAM), ("x", b"")])).unwrap(),
            "iot-jwt-authorizer-0.2.0-x86_64.zip: wrong SHA-256",
        ),
        (
            "a truncated zip",
            |f| {
                let bytes = fs::read(f.join(ZIP)).unwrap();
                fs::write(f.join(ZIP), &bytes[..bytes.len() - 1]).unwrap();
            },
            "wrong SHA-256",
        ),
        (
            "a missing zip",
            |f| fs::remove_file(f.join(ZIP)).unwrap(),
            "iot-jwt-authorizer-0.2.0-x86_64.zip: No such file",
        ),
        (
            "a zip that is not listed",
            |f| {
                fs::rename(f.join(ZIP), f.join("kept")).unwrap();
                write_checksums(f);
                fs::rename(f.join("kept"), f.join(ZIP)).unwrap();
            },
            "SHA256SUMS: does not list iot-jwt-authorizer-0.2.0-x86_64.zip",
        ),
        (
            "two versions",
            |f| {
                fs::copy(f.join(ZIP), f.join("iot-jwt-authorizer-0.3.0-x86_64.zip")).unwrap();
                write_checksums(f);
            },
            "SHA256SUMS: lists versions 0.2.0 and 0.3.0; expected a single one",
        ),
        ("no zip", |f| set_zip(f, b"#!/bin/sh\n"), "not a zip that can be read"),
        ("an empty zip", |f| set_zip(f, &zip(&[])), "has 0 members; expected a single one, bootstrap"),
        (
            "a second member",
            |f| set_zip(f, &zip(&[("authorizer.toml", b""), ("bootstrap", &PROGRAM)])),
            "has 2 members",
        ),
        ("a name twice", |f| set_zip(f, &duplicate()), "has a name twice"),
        (
            "another name",
            |f| set_zip(f, &zip(&[("iot-provision", &PROGRAM)])),
            "has the member \"iot-provision\"; expected bootstrap",
        ),
        ("a traversal", |f| set_zip(f, &traversal()), "has the member \"../bootstrap\""),
        ("a link", |f| set_zip(f, &link()), "bootstrap is a link or a folder"),
        ("a folder", |f| set_zip(f, &folder_member()), "has the member \"bootstrap/\""),
        (
            "a huge program",
            |f| set_zip(f, &with_size(&zip(&[("bootstrap", &PROGRAM)]), 64 * 1024 * 1024 + 1)),
            "bootstrap is larger than 67108864 bytes",
        ),
        (
            "more than stated",
            |f| set_zip(f, &with_size(&zip(&[("bootstrap", &PROGRAM)]), 10)),
            "cannot unpack bootstrap: ",
        ),
        (
            "another architecture",
            |f| set_zip(f, &zip(&[("bootstrap", &arm_program())])),
            "x86_64.zip: wrong architecture arm64; expected x86_64",
        ),
        (
            "a script",
            |f| set_zip(f, &zip(&[("bootstrap", b"#!/bin/sh\n")])),
            "x86_64.zip: not a 64-bit Linux program",
        ),
    ];
    for (title, change, expected) in cases {
        let deployment = Deployment::example();
        let release = deployment.outside("release");
        write_release(&release, "0.2.0");
        change(&release);
        let (text, is_success) = package(&deployment, &release, &["--arch", "x86_64"]);
        assert!(!is_success && text.contains(expected), "{title}: {text}");
        assert!(!deployment.outside("out").exists(), "{title} was packaged");
    }
}

#[test]
fn release_toml_next_to_the_configuration_is_used() {
    let deployment = Deployment::example();
    for version in ["0.2.0", "0.3.0"] {
        write_release(&deployment.outside(&format!("releases/{version}")), version);
    }
    let settings = |version: &str| format!("version = \"{version}\"\nfrom = \"../releases/{{version}}\"\n");
    for (text, options, expected) in [
        (settings("0.2.0"), &["--arch", "x86_64"][..], Ok("release 0.2.0 of ")),
        // An upgrade is a number.
        (settings("0.3.0"), &["--arch", "both"], Ok("release 0.3.0 of ")),
        (settings("0.3.0"), &["--bootstrap", "0.2.0"], Ok("release 0.2.0 of ")),
        (settings("0.4.0"), &[], Err("releases/0.4.0/SHA256SUMS: No such file")),
        (settings("0.3.0"), &["--bootstrap", "0.4.0"], Err("releases/0.4.0/SHA256SUMS: No such file")),
        (
            "version = \"0.2.0\"\nfrom = \"../releases/0.3.0\"".to_owned(),
            &[],
            Err("SHA256SUMS: lists version 0.3.0; expected 0.2.0"),
        ),
        (
            "version = \"0.2.0\"\nfrom = \"http://localhost:1\"".to_owned(),
            &[],
            Err("release.toml:2: from: invalid address; expected https"),
        ),
        ("version = \"0.2.0\"".to_owned(), &[], Err("release.toml: missing from")),
        (settings("0.2.0") + "form = \"x\"", &[], Err("help: did you mean \"from\"?")),
    ] {
        deployment.write("release.toml", &text);
        let _ = fs::remove_dir_all(deployment.outside("out"));
        let (found, is_success) = deployment.run(options);
        let expected_text = expected.unwrap_or_else(|text| text);
        assert!(
            is_success == expected.is_ok() && found.contains(expected_text),
            "{text}{options:?}: {found}"
        );
        assert_eq!(deployment.outside("out").exists(), expected.is_ok(), "{text}");
    }
    // A file is used whatever release.toml says.
    let (text, is_success) = deployment.package(&[]);
    assert!(is_success && !text.contains("release "), "{text}");
}

#[derive(Parser)]
struct ServeLine {
    #[command(flatten)]
    args: FunctionArgs,
}

/// What `serve` and `invoke` run.
#[tokio::test]
async fn the_function_of_a_release_is_run() {
    let deployment = Deployment::example();
    write_release(&deployment.outside("releases/0.2.0"), "0.2.0");
    deployment.write("release.toml", "version = \"0.2.0\"\nfrom = \"../releases/{version}\"\n");
    let (config, folder) = (deployment.path("authorizer.toml"), deployment.outside("releases/0.2.0"));
    let program = match Architecture::host() {
        Architecture::X86_64 => PROGRAM,
        Architecture::Arm64 => arm_program(),
    };
    for (bootstrap, expected) in [
        (None, Ok(())),
        (Some("0.2.0"), Ok(())),
        (Some(folder.to_str().unwrap()), Ok(())),
        (Some("0.3.0"), Err("releases/0.3.0/SHA256SUMS: No such file")),
        (Some("v0.2.0"), Err("cannot read v0.2.0: ")),
        (Some("/"), Err("/: no SHA256SUMS; expected the folder of a release")),
    ] {
        let line = ["serve", "--config", config.to_str().unwrap()];
        let option = bootstrap.iter().flat_map(|value| ["--bootstrap", value]);
        let args = ServeLine::try_parse_from(line.into_iter().chain(option)).unwrap().args;
        let settings = LaunchSettings { cargo: "/nowhere".to_owned(), env: Env::default(), sandboxes: 1 };
        match (launch(&args, &settings).await, expected) {
            (Ok((_, mut target)), Ok(())) => {
                let path = &target.spec_mut().unwrap().program;
                assert!(path.starts_with(deployment.path(".iot-local/releases/programs")), "{path:?}");
                assert_eq!(fs::read(path).unwrap(), program);
                assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (result, _) => {
                panic!("{bootstrap:?}: {:?}", result.map(|_| ()).map_err(|error| error.to_string()))
            }
        }
    }
}
