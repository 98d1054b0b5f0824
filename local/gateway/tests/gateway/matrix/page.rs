//! `docs/matrix.md` agrees with the table.

use std::fmt::Write;
use std::path::Path;

use super::{Endpoint, Port, Protocol, Row, endpoints};

/// Whether a cell is a denial.
pub(super) fn is_denied(cell: &str) -> bool {
    !cell.starts_with("by ")
}

/// `UPDATE_DOCS=1 cargo test -p iot-local-gateway --test gateway matrix` writes the page.
#[test]
#[expect(clippy::disallowed_methods, reason = "the switch that makes the test write the page")]
fn the_page_of_the_matrix_is_up_to_date() {
    let endpoints = endpoints();
    let cells = || endpoints.iter().flat_map(|endpoint| &endpoint.rows).flat_map(|row| &row.cells);
    let denied = cells().filter(|cell| is_denied(cell)).count();
    let mut page = include_str!("page.md").to_owned();
    for (mark, text) in [
        ("CELLS", cells().count().to_string()),
        ("DENIED", denied.to_string()),
        (
            "DEFAULT-ENDPOINT",
            table(&endpoints, |endpoint| endpoint.settings().is_none() && !endpoint.is_elsewhere),
        ),
        ("OTHER-REGION", table(&endpoints, |endpoint| endpoint.is_elsewhere)),
        ("OWN-DOMAINS", table(&endpoints, |endpoint| endpoint.settings().is_some())),
    ] {
        page = page.replace(mark, &text);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/matrix.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        page,
        "update the page: UPDATE_DOCS=1 cargo test -p iot-local-gateway --test gateway matrix"
    );
}

/// Returns the rows of some endpoints. Domains of one's own have their settings in front, and one port.
fn table(endpoints: &[Endpoint], is_in: impl Fn(&Endpoint) -> bool) -> String {
    let mut text = String::new();
    for endpoint in endpoints.iter().filter(|endpoint| is_in(endpoint)) {
        if text.is_empty() {
            let (columns, line) = match endpoint.settings() {
                Some(_) => ("`authenticationType` | `applicationProtocol` | protocol", "--- | --- | ---"),
                None => ("protocol | port | ALPN", "--- | --- | ---"),
            };
            let _ = writeln!(text, "| {columns} | certificate | signature | token | certificate and token |");
            let _ = write!(text, "| {line} | --- | --- | --- | --- |");
        }
        for row in &endpoint.rows {
            let cells: Vec<_> = row.cells.iter().map(|cell| shown(cell)).collect();
            let _ = write!(text, "\n| {} | {} |", place(endpoint, row), cells.join(" | "));
        }
    }
    text
}

fn place(endpoint: &Endpoint, row: &Row) -> String {
    let protocol = match row.protocol {
        Protocol::Mqtt => "MQTT",
        Protocol::WebSocket => "MQTT over WSS",
        Protocol::Https => "HTTPS publish",
    };
    if let Some((authentication, application)) = endpoint.settings() {
        return format!("`{authentication}` | `{application}` | {protocol}");
    }
    let port = match row.port {
        Port::Https => "443",
        Port::Mqtts => "8883",
    };
    let alpn = if row.alpn.is_empty() { "none".to_owned() } else { format!("`{}`", row.alpn) };
    format!("{protocol} | {port} | {alpn}")
}

/// Returns a cell as the page shows it.
fn shown(cell: &str) -> String {
    match cell {
        _ if !is_denied(cell) => format!("**yes**, {cell}"),
        "CONNECT" => "no: CONNECT, closed".to_owned(),
        step => format!("no: {step}"),
    }
}
