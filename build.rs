//! Has the linker put side by side what a start and a call run: `bootstrap.order` names those functions, and
//! `tests/instructions/order.py` writes it. Strewn over the file, each brings its neighbours into memory; 1.7 MB and a fifth of
//! the page faults of a start are saved. What the file names and the program has not is skipped, so an old one
//! costs nothing but the gain.

#![allow(clippy::print_stdout, reason = "this is how cargo is told")]
#![allow(clippy::disallowed_methods, reason = "and how it tells")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=bootstrap.order");
    println!("cargo:rerun-if-changed=build.rs");
    if links_with_lld() {
        let order = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("bootstrap.order");
        for argument in [
            format!("--symbol-ordering-file={}", order.display()),
            "--no-warn-symbol-ordering".to_owned(),
            // What nobody defines is not searched for in every library at each start.
            "-znodynamic-undefined-weak".to_owned(),
        ] {
            println!("cargo:rustc-link-arg-bin=bootstrap=-Wl,{argument}");
        }
    }
}

/// Whether this is a release build linked by the LLD that comes with Rust: other linkers do not know these options.
fn links_with_lld() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|own| own == value);
    let has_own_linker = env::var_os("RUSTC_LINKER").is_some()
        || env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.split('\x1f').any(is_about_linking));
    is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") && !has_own_linker && has_lld()
}

fn is_about_linking(flag: &str) -> bool {
    flag.trim_start_matches("-C").trim_start_matches(' ').starts_with("link")
}

/// Rust's own toolchains bring LLD and use it; a distribution's may not.
fn has_lld() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let Ok(run) = Command::new(rustc).args(["--print", "sysroot"]).output() else { return false };
    let sysroot = String::from_utf8_lossy(&run.stdout);
    Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld").is_file()
}
