//! The dependencies of the Lambda function, compared with the accepted list `tests/lambda-tree.txt`.

#![cfg(test)]

use std::process::Command;

/// To accept a change, write the sorted names from this command, each once, to `tests/lambda-tree.txt`:
///
/// ```text
/// cargo tree --locked -e normal -p iot-jwt-authorizer --target x86_64-unknown-linux-gnu --prefix none --format '{p}'
/// ```
#[test]
fn the_function_has_the_accepted_dependencies_only() {
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
        !crates.iter().any(|name| {
            matches!(*name, "rmqtt" | "hyper-tls" | "openssl") || name.starts_with("iot-local")
        }),
        "{crates:?}"
    );
    let accepted: Vec<&str> = include_str!("lambda-tree.txt").lines().collect();
    assert_eq!(crates, accepted, "the function's dependencies have changed");
}
