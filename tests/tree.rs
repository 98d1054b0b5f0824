//! What the Lambda is made of, compared with what was agreed: `tests/lambda-tree.txt`.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Command;

/// To accept a change, after having looked at it:
/// `cargo tree --locked -e normal -p iot-jwt-authorizer --target x86_64-unknown-linux-gnu --prefix none --format '{p}'`, sorted, without versions.
#[test]
fn the_lambda_is_made_of_these_crates_and_no_others() {
    let arguments = [
        "tree",
        "--locked",
        "--offline",
        "-e",
        "normal",
        "-p",
        "iot-jwt-authorizer",
        "--target",
        "x86_64-unknown-linux-gnu",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let run =
        Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8(run.stdout).unwrap();
    let mut crates: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    crates.sort_unstable();
    crates.dedup();
    assert!(
        !crates.iter().any(|name| matches!(*name, "rmqtt" | "iot-local" | "hyper-tls" | "openssl")),
        "{crates:?}"
    );
    let agreed: Vec<&str> = include_str!("lambda-tree.txt").lines().collect();
    assert_eq!(crates, agreed, "the Lambda's dependencies have changed");
}
