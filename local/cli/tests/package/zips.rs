//! The contents of a zip, and its reproducibility.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::config::Config;
use zip::ZipArchive;

use super::recipe_edits::{EditedRecipe, recipes};
use super::{Deployment, PROGRAM};

const SHIPPED: [&str; 6] = [
    "authorizer.toml",
    "bootstrap",
    "keys/users.jwks.json",
    "policies/app-user.json",
    "policies/device-owner.json",
    "policies/tenant-operator.json",
];

/// Name, mode and content of each entry, in the zip's order.
fn entries(deployment: &Deployment) -> Vec<(String, u32, Vec<u8>)> {
    let mut zip = ZipArchive::new(File::open(deployment.zip()).unwrap()).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut entry = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!(entry.last_modified().unwrap().to_string(), "1980-01-01 00:00:00");
            (entry.name().unwrap().into_owned(), entry.unix_mode().unwrap(), bytes)
        })
        .collect()
}

#[test]
fn a_zip_contains_only_what_the_function_reads() {
    let deployment = Deployment::example();
    deployment.write("keys/old.jwks.json", r#"{"keys":[]}"#);
    let (text, is_success) = deployment.package(&[]);
    assert!(is_success, "{text}");
    let entries = entries(&deployment);
    assert!(entries.iter().map(|(name, ..)| name.as_str()).eq(SHIPPED));
    for (name, mode, bytes) in entries {
        let (expected_mode, expected) = match name.as_str() {
            "bootstrap" => (0o100_755, PROGRAM.to_vec()),
            _ => (0o100_644, fs::read(deployment.path(&name)).unwrap()),
        };
        assert_eq!((mode, bytes), (expected_mode, expected), "{name}");
    }
    let skipped: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("skipped: ")).collect();
    let expected = [
        "keys/old.jwks.json",
        "policies/dashboard.json",
        "policies/device-shadow.json",
        "policies/shared-worker.json",
    ];
    assert!(skipped.iter().map(|line| line.split(',').next().unwrap()).eq(expected), "{text}");
}

/// Compared with the system's own tools: the hash in two encodings, and the sizes.
#[test]
fn hashes_and_sizes_are_printed() {
    let deployment = Deployment::example();
    let (text, _) = deployment.package(&[]);
    let out = std::process::Command::new("sha256sum").arg(deployment.zip()).output().unwrap();
    let hex = String::from_utf8(out.stdout).unwrap()[..64].to_owned();
    assert!(text.contains(&format!("SHA-256     {hex}\n")), "{text}");
    let code = text.lines().last().unwrap().strip_prefix("  CodeSha256  ").unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, code).unwrap();
    assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), hex);
    let config = Config::load(&deployment.path("authorizer.toml"), &|_| None).unwrap();
    assert!(text.contains(&format!("configuration {}: ", config.hash)), "{text}");
    let size = fs::metadata(deployment.zip()).unwrap().len();
    assert!(text.contains(&format!("-x86_64.zip: {size} bytes\n")), "{text}");
    assert!(text.contains("         64  bootstrap  (x86_64, no C library)\n"), "{text}");
}

#[test]
fn the_same_files_result_in_the_same_bytes() {
    let deployment = Deployment::example();
    let bytes = |deployment: &Deployment, line: &[&str]| {
        let (text, is_success) = deployment.package(line);
        assert!(is_success, "{text}");
        fs::read(deployment.zip()).unwrap()
    };
    let first = bytes(&deployment, &[]);
    assert_eq!(bytes(&deployment, &[]), first, "second time");
    // Unused files, modes, times and the name of the folder have no effect.
    let copy = Deployment::example();
    copy.write("policies/dashboard.json", "{}");
    copy.write("keys/old.pem", "nothing");
    for file in ["authorizer.toml", "policies/app-user.json"] {
        let path = copy.path(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let times = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
    }
    assert_eq!(bytes(&copy, &[]), first, "from another folder");
    // Another name of the configuration, and keys behind a link inside the folder.
    fs::rename(copy.path("authorizer.toml"), copy.path("live.toml")).unwrap();
    fs::rename(copy.path("keys/users.jwks.json"), copy.path("keys/2026.json")).unwrap();
    copy.link(std::path::Path::new("2026.json"), "keys/users.jwks.json");
    let config = copy.path("live.toml");
    assert_eq!(bytes(&copy, &["--config", config.to_str().unwrap()]), first, "with another name");
    // Every file that is read has an effect.
    for file in SHIPPED.iter().filter(|file| **file != "bootstrap") {
        let changed = Deployment::example();
        let text = fs::read_to_string(changed.path(file)).unwrap();
        changed.write(file, text + "\n");
        assert_ne!(bytes(&changed, &[]), first, "{file}");
    }
}

#[test]
fn files_for_sam_are_the_same_as_in_the_zip() {
    let deployment = Deployment::example();
    let folder = deployment.outside("artifacts");
    let bootstrap = deployment.outside("bootstrap");
    let line = ["--bootstrap", bootstrap.to_str().unwrap(), "--into", folder.to_str().unwrap()];
    let (text, is_success) = deployment.run(&line);
    assert!(is_success && text.ends_with("artifacts: written\n"), "{text}");
    assert!(!deployment.zip().exists());
    for file in SHIPPED {
        let mode = fs::metadata(folder.join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if file == "bootstrap" { 0o755 } else { 0o644 }, "{file}");
    }
    assert!(!folder.join("policies/dashboard.json").exists());
}

#[test]
fn every_edited_recipe_is_packaged() {
    let deployment = Deployment::example();
    for recipe in recipes() {
        let edited = EditedRecipe::new(&recipe);
        let (text, is_success) = deployment.package(&["--config", edited.config().to_str().unwrap()]);
        assert!(is_success, "{}: {text}", recipe.display());
        let entries = entries(&deployment);
        let config = entries.iter().find(|(name, ..)| name == "authorizer.toml").unwrap();
        assert_eq!(config.2, fs::read(edited.config()).unwrap());
        assert!(entries.iter().any(|(name, ..)| name.starts_with("policies/")), "{}", recipe.display());
        fs::remove_file(deployment.zip()).unwrap();
    }
}

#[test]
fn the_result_as_json_describes_the_zip() {
    let deployment = Deployment::example();
    deployment.write("keys/unused.txt", "x");
    let (text, is_success) = deployment.package(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(is_success && json["ok"] == true && json["check"]["ok"] == true, "{json:#}");
    let package = &json["packages"][0];
    let zip = fs::read(deployment.zip()).unwrap();
    assert_eq!(
        (&package["bytes"], &package["architecture"]),
        (&zip.len().into(), &"x86_64".into()),
        "{json:#}"
    );
    assert_eq!(package["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(package["path"], deployment.zip().display().to_string());
    assert!(package["files"].as_array().unwrap().iter().any(|file| file["name"] == "bootstrap"), "{json:#}");
    assert!(json["skipped"].as_array().unwrap().contains(&"keys/unused.txt".into()), "{json:#}");
    deployment.edit("authorizer.toml", "audience   =", "audiences  =");
    let (text, is_success) = deployment.package(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(!is_success && json["ok"] == false && json["packages"] == serde_json::json!([]), "{json:#}");
}
