//! `docs/codes.md` says what `denial.rs` says.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use std::fmt::Write;

use iot_jwt_authorizer::denial::Code;

/// `UPDATE_DOCS=1 cargo test --test codes` writes the page anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "the one switch of a test that writes documentation")]
fn the_page_of_codes_is_current() {
    let mut page = String::from(
        "# Refusals\n\nMade from `src/denial.rs`; a test keeps it current. The checks run in this order, and the first that fails names \
         the refusal. Codes are stable.\nThe log line of a refusal has the code, the hint, and as `detail` the claim, slot or rule \
         that it is about. The client learns nothing but the refusal.\n\n| code | meaning | hint |\n| --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", code.name(), code.meaning(), code.hint());
    }
    let _ = writeln!(
        page,
        "\n`keys_unavailable` is ours rather than the request's: its line is of level `ERROR`, so that an alarm can tell it from an attack."
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "run it with UPDATE_DOCS=1");
}
