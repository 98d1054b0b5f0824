//! `docs/api.md` agrees with the table.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use super::*;
use crate::api::data_plane::DataOperation;

/// `UPDATE_DOCS=1 cargo test -p iot-local-cloud page` writes the page.
#[test]
#[expect(clippy::disallowed_methods, reason = "the switch that makes the test write the page")]
fn the_page_of_operations_is_up_to_date() {
    let mut page = String::from(
        "# AWS APIs of the local gateway\n\n\
         Generated from `local/cloud/src/api/routes.rs`; a test keeps it up to date. Requests, answers and errors are those\n\
         of AWS's API references: [AWS IoT](https://docs.aws.amazon.com/iot/latest/apireference/),\n\
         [STS](https://docs.aws.amazon.com/STS/latest/APIReference/). A request is signed with Signature Version 4, for\n\
         the gateway's Region, and sent to `127.0.0.1`, `localhost` or a name below `localhost`. Any key that the gateway does\n\
         not know will do, except for `iot-data`; the operator's and temporary keys are verified.\n\n\
         ## Operations\n\n\
         | service | operation | request |\n| --- | --- | --- |\n",
    );
    write_rows(&mut page, |route| route.run.is_some());
    page.push_str(
        "\n## Operations of clients\n\n\
         Those of [AWS IoT's data plane](https://docs.aws.amazon.com/iot/latest/apireference/API_Operations_AWS_IoT_Data_Plane.html).\n\
         A client signs them or presents its certificate on the TLS port, and its policy must allow the action of the\n\
         same name. A client with a token can only publish.\n\n\
         | service | operation | request |\n| --- | --- | --- |\n",
    );
    let (served, others): (Vec<_>, Vec<_>) =
        DataOperation::ALL.into_iter().partition(|operation| *operation != DataOperation::SendDirectMessage);
    write_data_rows(&mut page, &served);
    page.push_str(
        "\n## Not implemented\n\n\
         These operations of AWS answer 501 `NotImplementedException` and change nothing. So does every operation that is\n\
         in neither table.\n\n\
         | service | operation | request |\n| --- | --- | --- |\n",
    );
    write_rows(&mut page, |route| route.run.is_none());
    write_data_rows(&mut page, &others);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        page,
        "update the page: UPDATE_DOCS=1 cargo test -p iot-local-cloud page"
    );
}

fn write_rows(page: &mut String, is_in: impl Fn(&Route) -> bool) {
    for Route { service, name, method, path, .. } in ROUTES.iter().filter(|route| is_in(route)) {
        let detail = if *path == "/" { format!(", `{name}`") } else { String::new() };
        let _ = writeln!(page, "| {service} | {name} | `{method} {path}`{detail} |");
    }
}

fn write_data_rows(page: &mut String, operations: &[DataOperation]) {
    for operation in operations {
        let (name, method, path) = (operation.name(), operation.method(), operation.path());
        let _ = writeln!(page, "| {} | {name} | `{method} {path}` |", Service::IotData);
    }
}

#[test]
fn no_row_hides_another() {
    let mut names = HashSet::new();
    for route in ROUTES {
        assert!(names.insert((route.service.signing_name(), route.name)), "{} occurs twice", route.name);
        if route.path == "/" {
            continue;
        }
        let found = by_path(route.method, route.path).map(|(route, _)| route.name);
        assert_eq!(found, Some(route.name), "{} {}", route.method, route.path);
    }
}

#[test]
fn paths_that_share_a_prefix_have_their_own_operations() {
    for (method, path, expected) in [
        ("POST", "/things", Some("RegisterThing")),
        ("GET", "/things", Some("ListThings")),
        ("POST", "/things/a", Some("CreateThing")),
        ("PUT", "/thing-groups/addThingToThingGroup", Some("AddThingToThingGroup")),
        ("PATCH", "/thing-groups/addThingToThingGroup", Some("UpdateThingGroup")),
        ("PUT", "/target-policies/p", Some("AttachPolicy")),
        ("POST", "/target-policies/p", Some("DetachPolicy")),
        (
            "POST",
            "/attached-policies/arn%3Aaws%3Aiot%3Aus-east-1%3A1%3Acert%2Fa",
            Some("ListAttachedPolicies"),
        ),
        ("GET", "/authorizers/", Some("ListAuthorizers")),
        ("GET", "/authorizers", None),
        ("GET", "/things/", None),
        ("GET", "/things/a/", None),
        ("get", "/things/a", None),
        ("PUT", "/things/a", None),
        ("OPTIONS", "/things/a", None),
        ("POST", "/attached-policies/arn:aws:iot:us-east-1:1:cert/a", None),
        ("POST", "/", None),
        ("GET", "/endpoint/", None),
        ("GET", "/endpoint?endpointType=iot:Data", None),
    ] {
        assert_eq!(by_path(method, path).map(|(route, _)| route.name), expected, "{method} {path}");
    }
}
