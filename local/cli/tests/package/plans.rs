//! Builds that are impossible on this machine are rejected with a hint before any build starts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use iot_local::package::build::{Architecture, Build, Builder, Tools};
use iot_local::package::packaged::Packaged;
use iot_local_base::env::Env;

/// A `rustc` that prints a path as the folder of the standard library.
fn rustc(folder: &Path, library: &Path) -> std::path::PathBuf {
    let path = folder.join("rustc");
    fs::write(&path, format!("#!/bin/sh\necho '{}'\n", library.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

const fn foreign() -> Architecture {
    match Architecture::host() {
        Architecture::X86_64 => Architecture::Arm64,
        Architecture::Arm64 => Architecture::X86_64,
    }
}

#[tokio::test]
async fn impossible_builds_are_rejected_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    for library in [&with, &without] {
        fs::create_dir(library).unwrap();
    }
    fs::write(with.join("libcore-0123456789abcdef.rlib"), "").unwrap();
    fs::write(without.join("libcore.txt"), "").unwrap();
    fs::write(folder.path().join("cargo-lambda"), "").unwrap();
    let (empty, installed) = (Env::default(), Env::from([("PATH", folder.path().to_str().unwrap())]));
    let (host, lambda) = (Architecture::host(), Some(Builder::CargoLambda));
    let cases = [
        (host, None, &without, &empty, None),
        (host, Some(Builder::Cargo), &without, &installed, None),
        (foreign(), lambda, &with, &empty, None),
        (foreign(), None, &with, &installed, None),
        (foreign(), None, &with, &empty, Some("with cargo on this machine\n  help: install cargo-lambda")),
        (foreign(), Some(Builder::Cargo), &with, &installed, Some("with cargo on this machine")),
        (foreign(), lambda, &without, &installed, Some("Rust's standard library for")),
        (host, lambda, &without, &installed, Some("Rust's standard library for")),
        (foreign(), lambda, &folder.path().join("absent"), &installed, Some("help: run `rustup target add")),
    ];
    for (index, (architecture, builder, library, env, expected)) in cases.into_iter().enumerate() {
        let rustc = rustc(folder.path(), library);
        let tools = Tools { cargo: env!("CARGO"), env };
        let result =
            Build::plan(Packaged::Authorizer, architecture, builder, Some(&rustc), tools).await.map_err(|error| error.to_string());
        match (result, expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => assert!(error.contains(expected), "case {index}: {error}"),
            (result, expected) => panic!("case {index}: {result:?} instead of {expected:?}"),
        }
    }
}
