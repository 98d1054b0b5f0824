//! Builds that this machine cannot do are refused before any begins, with what would mend it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use iot_local::package::build::{Architecture, Build, Builder, Tools};

/// A program that says where the standard library is.
fn rustc(folder: &Path, says: &Path) -> std::path::PathBuf {
    let path = folder.join("rustc");
    fs::write(&path, format!("#!/bin/sh\necho '{}'\n", says.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

const fn other() -> Architecture {
    match Architecture::of_host() {
        Architecture::X86_64 => Architecture::Arm64,
        Architecture::Arm64 => Architecture::X86_64,
    }
}

#[tokio::test]
async fn what_cannot_be_built_says_how_it_could() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    for there in [&with, &without] {
        fs::create_dir(there).unwrap();
    }
    fs::write(with.join("libcore-0123456789abcdef.rlib"), "").unwrap();
    fs::write(without.join("libcore.txt"), "").unwrap();
    fs::write(folder.path().join("cargo-lambda"), "").unwrap();
    let installed = [("PATH".to_owned(), folder.path().to_str().unwrap().to_owned())];
    let (host, lambda) = (Architecture::of_host(), Some(Builder::CargoLambda));
    let cases = [
        (host, None, &without, &[][..], None),
        (host, Some(Builder::Cargo), &without, &installed[..], None),
        (other(), lambda, &with, &[], None),
        (other(), None, &with, &installed, None),
        (other(), None, &with, &[], Some("with cargo alone on this machine: cargo-lambda can")),
        (other(), Some(Builder::Cargo), &with, &installed, Some("with cargo alone on this machine")),
        (other(), lambda, &without, &installed, Some("there is no standard library of Rust for")),
        (host, lambda, &without, &installed, Some("there is no standard library of Rust for")),
        (other(), lambda, &folder.path().join("absent"), &installed, Some("`rustup target add")),
    ];
    for (at, (architecture, builder, library, env, expected)) in cases.into_iter().enumerate() {
        let rustc = rustc(folder.path(), library);
        let tools = Tools { cargo: env!("CARGO"), env };
        let said =
            Build::plan(architecture, builder, Some(&rustc), tools).await.map_err(|error| error.to_string());
        match (said, expected) {
            (Ok(_), None) => {}
            (Err(said), Some(expected)) => assert!(said.contains(expected), "case {at}: {said}"),
            (said, expected) => panic!("case {at}: {expected:?}, and {said:?}"),
        }
    }
}
