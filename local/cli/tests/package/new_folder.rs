//! From nothing but a release: `init`, `check` and `package` without Rust in `PATH`, and the workflow's installation.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::release::{write_checksums, write_release};

const TARBALL: &str = "cargo-local-0.2.0-x86_64-unknown-linux-gnu.tar.gz";

/// A release with the archive of `cargo-local`, and a new folder that takes its functions from there.
fn new_folder() -> (TempDir, PathBuf, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let (release, folder) = (parent.path().join("release"), parent.path().join("new"));
    write_release(&release, "0.2.0");
    let program = parent.path().join("cargo-local");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(release.join(TARBALL)).arg("-C").arg(parent.path()).arg("cargo-local");
    assert!(tar.status().unwrap().success());
    write_checksums(&release);
    let line = ["init", "new", "--firebase", "acme-prod-1", "--release", release.to_str().unwrap()];
    let (text, is_success) = run(parent.path(), &line);
    assert!(is_success && !text.contains("AUTHORIZER_COMMIT"), "{text}");
    (parent, release, folder)
}

/// Runs the installed form of the program without Rust in `PATH`.
fn run(folder: &Path, line: &[&str]) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-local"));
    let output = command.args(line).current_dir(folder).env("PATH", "").env_remove("CARGO").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (text, output.status.success())
}

#[test]
fn a_release_is_enough_for_init_check_and_package() {
    let (_parent, release, folder) = new_folder();
    let settings = fs::read_to_string(folder.join("release.toml")).unwrap();
    let expected = format!("version = \"0.2.0\"\nfrom    = \"{}\"\n", release.display());
    assert!(settings.ends_with(&expected), "{settings}");
    assert!(fs::read_to_string(folder.join("README.md")).unwrap().contains("| `release.toml` |"));
    for (line, expected) in [
        (&["check"][..], "cases, 0 failed"),
        (&["package", "--arch", "both"], "release 0.2.0 of "),
        (&["explain", "--claims", "claims/user.json"], "app-user"),
    ] {
        let (text, is_success) = run(&folder, line);
        assert!(is_success && text.contains(expected), "{line:?}: {text}");
    }
    for architecture in ["x86_64", "arm64"] {
        assert!(folder.join(format!("target/package/iot-jwt-authorizer-{architecture}.zip")).exists());
    }
}

#[test]
fn a_release_that_cannot_be_used_writes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir(parent.path().join("empty")).unwrap();
    for (release, expected) in [
        ("empty", "--release: empty: no SHA256SUMS"),
        ("nowhere", "--release: nowhere: no SHA256SUMS"),
        ("http://mirror.example/{version}", "--release: http://mirror.example/{version}: invalid address"),
        ("https://mirror.example/{tag}", "unknown placeholder; expected {version}"),
    ] {
        let (text, is_success) = run(parent.path(), &["init", "new", "--release", release]);
        assert!(!is_success && text.contains(expected), "{release}: {text}");
        assert!(!parent.path().join("new").exists(), "{release}");
    }
}

/// The script of the workflow's step that installs `cargo local`.
fn install_step(folder: &Path) -> String {
    let workflow = fs::read_to_string(folder.join(".github/workflows/authorizer.yml")).unwrap();
    for absent in ["cargo install", "rustup", "AUTHORIZER_COMMIT", "{install}", "{settings}"] {
        assert!(!workflow.contains(absent), "{absent}: {workflow}");
    }
    let (_, step) = workflow.split_once("run: |\n").unwrap();
    step.split_once("      - ").unwrap().0.to_owned()
}

/// Runs the step as the workflow does. Returns its output, and whether it succeeded.
fn install(parent: &Path, folder: &Path, path: &str) -> (String, bool) {
    let temporary = parent.join("runner");
    let _ = fs::remove_dir_all(&temporary);
    fs::create_dir(&temporary).unwrap();
    let mut command = Command::new("bash");
    command.args(["-e", "-c", &install_step(folder)]).current_dir(folder).env("PATH", path);
    command.env("RUNNER_TEMP", &temporary).env("GITHUB_PATH", temporary.join("path"));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (text, output.status.success())
}

const SYSTEM: &str = "/usr/bin:/bin";

#[test]
fn the_workflow_installs_a_verified_release() {
    type Change = fn(&Path);
    let cases: [(&str, Change, Option<&str>); 6] = [
        ("good", |_| {}, None),
        ("a wrong checksum", |f| fs::write(f.join(TARBALL), "x").unwrap(), Some("FAILED")),
        ("a missing archive", |f| fs::remove_file(f.join(TARBALL)).unwrap(), Some("No such file")),
        (
            "an archive that is not listed",
            |f| {
                let kept = fs::read(f.join(TARBALL)).unwrap();
                fs::remove_file(f.join(TARBALL)).unwrap();
                write_checksums(f);
                fs::write(f.join(TARBALL), kept).unwrap();
            },
            Some("no properly formatted"),
        ),
        (
            "no version",
            |f| fs::write(f.with_file_name("new/release.toml"), "from = \"/release\"\n").unwrap(),
            Some("release.toml: expected version = "),
        ),
        (
            "another version",
            |f| {
                let from = format!("version = \"0.3.0\"\nfrom = \"{}\"\n", f.display());
                fs::write(f.with_file_name("new/release.toml"), from).unwrap();
            },
            Some("cargo-local-0.3.0-x86_64-unknown-linux-gnu.tar.gz"),
        ),
    ];
    for (title, change, expected) in cases {
        let (parent, release, folder) = new_folder();
        change(&release);
        let (text, is_success) = install(parent.path(), &folder, SYSTEM);
        assert_eq!(is_success, expected.is_none(), "{title}: {text}");
        assert!(expected.is_none_or(|expected| text.contains(expected)), "{title}: {text}");
        let installed = parent.path().join("runner/cargo-local");
        assert_eq!(installed.join("cargo-local").exists(), is_success, "{title}");
        let path = fs::read_to_string(parent.path().join("runner/path")).unwrap_or_default();
        assert_eq!(path == format!("{}\n", installed.display()), is_success, "{title}");
    }
}

/// With programs in place of curl and gh: the host is GitHub's.
#[test]
fn the_workflow_verifies_the_attestation_of_github_s_releases() {
    let (parent, release, folder) = new_folder();
    let from = "https://github.com/acme/iot/releases/download/v{version}";
    fs::write(folder.join("release.toml"), format!("version = \"0.2.0\"\nfrom    = \"{from}\"\n")).unwrap();
    let tools = parent.path().join("tools");
    fs::create_dir(&tools).unwrap();
    let curl = format!(
        "while [ $# -gt 2 ]; do [ \"$1\" = --output ] && out=$2; shift; done; last=$2\n\
         case \"$last\" in https://github.com/acme/iot/releases/download/v0.2.0/*) ;; *) exit 22 ;; esac\n\
         cp '{}'/\"${{last##*/}}\" \"$out\"",
        release.display()
    );
    for (verdict, is_verified) in [(0, true), (1, false)] {
        let gh = format!("echo \"gh $*\"; exit {verdict}");
        for (name, script) in [("curl", &curl), ("gh", &gh)] {
            fs::write(tools.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(tools.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let (text, is_success) = install(parent.path(), &folder, &format!("{}:{SYSTEM}", tools.display()));
        assert!(text.contains(&format!("gh attestation verify {TARBALL} --repo acme/iot")), "{text}");
        assert_eq!(is_success, is_verified, "{text}");
        assert_eq!(parent.path().join("runner/cargo-local/cargo-local").exists(), is_verified);
    }
}
