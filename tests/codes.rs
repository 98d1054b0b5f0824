//! `docs/codes.md` agrees with `src/denial.rs`.

#![cfg(test)]

mod support;

use std::fmt::Write;

use iot_jwt_authorizer::denial::Code;

/// `UPDATE_DOCS=1 cargo test --test codes` writes the page.
#[test]
#[expect(clippy::disallowed_methods, reason = "the switch that makes the test write the page")]
fn the_page_of_codes_is_up_to_date() {
    let mut page = String::from(
        "# Denial codes\n\n\
         Generated from `src/denial.rs`; a test keeps it up to date. The checks run in this order, and the first that fails\n\
         names the denial. Codes are stable. The log line of a denial has the code, the hint, and as `detail` the claim, slot\n\
         or rule that the check was about, or the patterns that a client id does not match. The client is not given the\n\
         reason.\n\n\
         | code | meaning | hint |\n| --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", code.name(), code.meaning(), code.hint());
    }
    page.push_str(
        "\nThe cause of `keys_unavailable` and `revocation_stale` is on the function's side, not in the request. Their log\n\
         lines have the level `ERROR`, so that an alarm can distinguish them from attacks.\n",
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        page,
        "update the page: UPDATE_DOCS=1 cargo test --test codes"
    );
}
