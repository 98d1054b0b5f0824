//! The functions of a release at an https address, as the installed program fetches them. It has no Rust in its `PATH`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Deployment;
use super::https_server::{HttpsServer, Reply};
use super::release::{ZIP, write_checksums, write_release, zip};

/// A user's folder whose release is on a server.
struct User {
    deployment: Deployment,
    server: HttpsServer,
}

impl User {
    fn new() -> Self {
        let user = Self { deployment: Deployment::example(), server: HttpsServer::start() };
        write_release(&user.release(), "0.2.0");
        user.server.set_files("/v0.2.0", &user.release());
        fs::write(user.deployment.outside("ca.pem"), &user.server.certificate).unwrap();
        user.set_version("0.2.0");
        user
    }

    fn release(&self) -> PathBuf {
        self.deployment.outside("release")
    }

    fn set_version(&self, version: &str) {
        let from = self.server.url("/v{version}");
        self.deployment.write("release.toml", format!("version = \"{version}\"\nfrom = \"{from}\"\n"));
    }

    fn command(&self, architecture: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-local"));
        command
            .args(["local", "package", "--arch", architecture, "--out"])
            .arg(self.deployment.outside("out"));
        command.arg("--config").arg(self.deployment.path("authorizer.toml"));
        command.env("PATH", "").env("SSL_CERT_FILE", self.deployment.outside("ca.pem"));
        command.stdin(Stdio::null());
        command
    }

    /// Packages. Returns the whole output, and whether it succeeded.
    fn package(&self, architecture: &str) -> (String, bool) {
        let output = self.command(architecture).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (text, output.status.success())
    }

    /// The files of the stored release.
    fn stored(&self, version: &str) -> Vec<String> {
        let folder = self.deployment.path(".iot-local/releases").join(version);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_release_is_fetched_once() {
    let user = User::new();
    let (text, is_success) = user.package("x86_64");
    assert!(
        is_success && text.contains(&format!("release 0.2.0 of {}", user.server.url("/v0.2.0"))),
        "{text}"
    );
    assert_eq!(user.server.take_requested(), ["/v0.2.0/SHA256SUMS", &format!("/v0.2.0/{ZIP}")]);
    let first = fs::read(user.deployment.zip()).unwrap();
    let (text, is_success) = user.package("x86_64");
    assert!(is_success && user.server.take_requested().is_empty(), "{text}");
    assert_eq!(fs::read(user.deployment.zip()).unwrap(), first);
    let (text, is_success) = user.package("both");
    assert!(is_success, "{text}");
    assert_eq!(user.server.take_requested(), ["/v0.2.0/iot-jwt-authorizer-0.2.0-arm64.zip"]);
    let state = fs::metadata(user.deployment.path(".iot-local/releases")).unwrap();
    assert_eq!(state.permissions().mode() & 0o777, 0o700);
    // An upgrade is a number, and the way back is offline.
    let next = user.deployment.outside("next");
    write_release(&next, "0.3.0");
    user.server.set_files("/v0.3.0", &next);
    for (version, requests) in [("0.3.0", 2), ("0.2.0", 0)] {
        user.set_version(version);
        let (text, is_success) = user.package("x86_64");
        assert!(is_success && text.contains(&format!("release {version} of ")), "{text}");
        assert_eq!(user.server.take_requested().len(), requests, "{version}");
    }
    // Files from another address are not those of this one.
    let elsewhere = user.server.url("/mirror");
    user.deployment.write("release.toml", format!("version = \"0.2.0\"\nfrom = \"{elsewhere}\"\n"));
    let (text, is_success) = user.package("x86_64");
    assert!(!is_success && text.contains("/mirror/SHA256SUMS: status 404; expected 200"), "{text}");
}

#[test]
fn redirects_are_followed_to_https_only() {
    let user = User::new();
    let zip = fs::read(user.release().join(ZIP)).unwrap();
    let path = format!("/v0.2.0/{ZIP}");
    let other_host = format!("https://127.0.0.1:{}", user.server.port);
    user.server.set("/files/1?signature=SECRET", Reply::ok(&zip));
    for step in 1..=5 {
        user.server.set(&format!("/step/{step}"), Reply::redirect(&format!("/step/{}", step + 1)));
    }
    user.server.set("/step/6", Reply::ok(&zip));
    for (location, expected) in [
        (
            format!("http://localhost:{}/files/1?signature=SECRET", user.server.port),
            Some("redirected to \"http://localhost:"),
        ),
        (format!("file://{}", user.release().display()), Some("expected an https address")),
        ("https://user:secret@localhost/".to_owned(), Some("expected an https address")),
        ("files/1".to_owned(), Some("expected an https address")),
        ("//localhost/files/1".to_owned(), Some("expected an https address")),
        (path.clone(), Some("more than 5 redirects")),
        ("/step/1".to_owned(), Some("more than 5 redirects")),
        ("/step/2".to_owned(), None),
        (format!("{other_host}/files/1?signature=SECRET"), None),
    ] {
        let _ = fs::remove_dir_all(user.deployment.path(".iot-local"));
        user.server.set(&path, Reply::redirect(&location));
        let (text, is_success) = user.package("x86_64");
        assert_eq!(is_success, expected.is_none(), "{location}: {text}");
        assert!(expected.is_none_or(|expected| text.contains(expected)), "{location}: {text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
}

#[test]
fn what_cannot_be_fetched_is_not_stored() {
    let user = User::new();
    let (good, sums) = (user.release().join(ZIP), user.release().join("SHA256SUMS"));
    let (good, sums) = (fs::read(good).unwrap(), fs::read(sums).unwrap());
    let other = user.deployment.outside("other");
    write_release(&other, "0.3.0");
    let other_sums = fs::read(other.join("SHA256SUMS")).unwrap();
    fs::remove_file(other.join("iot-jwt-authorizer-0.3.0-x86_64.zip")).unwrap();
    fs::rename(
        other.join("iot-jwt-authorizer-0.3.0-arm64.zip"),
        other.join("iot-jwt-authorizer-0.2.0-arm64.zip"),
    )
    .unwrap();
    write_checksums(&other);
    let without_zip = fs::read(other.join("SHA256SUMS")).unwrap();
    let with_two = zip(&[("a", b""), ("bootstrap", b"")]);
    for (sums_reply, zip_reply, expected) in [
        (Reply::status(404), Reply::ok(&good), "/SHA256SUMS: status 404; expected 200"),
        (Reply::status(503), Reply::ok(&good), "/SHA256SUMS: status 503; expected 200"),
        (Reply::ok(b"<html>"), Reply::ok(&good), "/SHA256SUMS: line 1: invalid"),
        (Reply::ok(&[b'a'; 65_537]), Reply::ok(&good), "/SHA256SUMS: longer than 65536 bytes"),
        (Reply::ok(&other_sums), Reply::ok(&good), "/SHA256SUMS: lists version 0.3.0; expected 0.2.0"),
        (Reply::ok(&without_zip), Reply::ok(&good), "/SHA256SUMS: does not list iot-jwt"),
        (Reply::cut(&sums), Reply::ok(&good), "/SHA256SUMS: "),
        (Reply::ok(&sums), Reply::status(404), ".zip: status 404; expected 200"),
        (Reply::ok(&sums), Reply::ok(&with_two), ".zip: wrong SHA-256"),
        (Reply::ok(&sums), Reply::ok(b""), ".zip: wrong SHA-256"),
        (Reply::ok(&sums), Reply::cut(&good), ".zip: "),
    ] {
        let _ = fs::remove_dir_all(user.deployment.path(".iot-local"));
        user.server.set("/v0.2.0/SHA256SUMS", sums_reply);
        user.server.set(&format!("/v0.2.0/{ZIP}"), zip_reply);
        let (text, is_success) = user.package("x86_64");
        assert!(
            !is_success && text.contains("cannot download https://") && text.contains(expected),
            "{expected}: {text}"
        );
        assert!(!user.stored("0.2.0").contains(&ZIP.to_owned()), "{expected}");
        assert!(!user.deployment.outside("out").exists(), "{expected}");
    }
    // A second try after a broken connection fetches what is missing.
    user.server.take_requested();
    user.server.set(&format!("/v0.2.0/{ZIP}"), Reply::ok(&good));
    let (text, is_success) = user.package("x86_64");
    assert!(is_success, "{text}");
    assert_eq!(user.server.take_requested(), [format!("/v0.2.0/{ZIP}")]);
}

#[test]
fn a_server_of_an_unknown_authority_is_rejected() {
    let user = User::new();
    fs::write(user.deployment.outside("ca.pem"), &HttpsServer::start().certificate).unwrap();
    let (text, is_success) = user.package("x86_64");
    assert!(!is_success && text.contains("not reachable: invalid peer certificate"), "{text}");
    assert_eq!(user.server.take_requested(), Vec::<String>::new());
}

/// Killed while it downloads, and with what a kill in the middle of a write leaves.
#[test]
fn a_kill_leaves_no_half_of_a_file() {
    let user = User::new();
    let good = fs::read(user.release().join(ZIP)).unwrap();
    user.server.set(&format!("/v0.2.0/{ZIP}"), Reply::hanging(&good));
    let mut child = user.command("x86_64").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut requested = Vec::new();
    while requested.len() < 2 {
        requested.extend(user.server.take_requested());
        assert!(child.try_wait().unwrap().is_none(), "the command waits for the rest of the file");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(user.stored("0.2.0"), ["ORIGIN", "SHA256SUMS"]);
    let folder = user.deployment.path(".iot-local/releases/0.2.0");
    fs::write(folder.join(".draft-killed"), &good[..10]).unwrap();
    user.server.set(&format!("/v0.2.0/{ZIP}"), Reply::ok(&good));
    let (text, is_success) = user.package("x86_64");
    assert!(is_success, "{text}");
    assert_eq!(user.stored("0.2.0"), ["ORIGIN", "SHA256SUMS", ZIP]);
    // A stored file that was changed is not used.
    fs::write(folder.join(ZIP), b"changed").unwrap();
    let (text, is_success) = user.package("x86_64");
    assert!(!is_success && text.contains("wrong SHA-256") && text.contains("which you may delete"), "{text}");
    // A folder that was not completed is made again.
    fs::remove_file(folder.join("ORIGIN")).unwrap();
    let (text, is_success) = user.package("x86_64");
    assert!(is_success, "{text}");
}
