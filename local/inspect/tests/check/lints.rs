//! Each lint finds the bad configuration once, does not find the good one, and can be accepted.

use iot_local_inspect::check::lints::LINTS;
use iot_local_inspect::findings::Severity;
use serde_json::{Value, json};

use crate::support::Folder;

const CONFIG: &str = "authorizer.toml";
const USER: &str = "policies/app-user.json";

/// A change of the example.
#[derive(Clone, Copy)]
enum Edit {
    /// Adds statements with these actions and resources to the app user's policy.
    Allow(&'static [(&'static str, &'static str)]),
    /// Replaces a text of the configuration.
    Config(&'static str, &'static str),
}
use Edit::{Allow, Config};

const GRANT: &str = "[[grant]]\npolicy = \"app-user\"\n";

/// Lint, the file of the finding, the change that causes it, and the good change.
const CASES: [(&str, &str, Edit, Edit); 19] = [
    ("any-client", USER, Allow(&[("Connect", "client/*")]), Allow(&[("Connect", "client/${sub}")])),
    (
        "any-client",
        USER,
        Allow(&[("Connect", "client/${iot:ClientId}")]),
        Allow(&[("Connect", "client/${sub}/*")]),
    ),
    (
        "any-client",
        USER,
        Allow(&[("Connect", "arn:aws:iot:eu-west-1:1:client/app-*")]),
        Allow(&[("Connect", "client/app")]),
    ),
    (
        "subscribe-without-receive",
        USER,
        Allow(&[("Subscribe", "topicfilter/news/${sub}/+/#")]),
        Allow(&[("Subscribe", "topicfilter/news/${sub}/+/#"), ("Receive", "topic/news/${sub}/*")]),
    ),
    (
        "subscribe-without-receive",
        USER,
        Allow(&[
            ("Subscribe", "topicfilter/$share/g/${tenant}/jobs"),
            ("Receive", "topic/$share/g/${tenant}/jobs"),
        ]),
        Allow(&[("Subscribe", "topicfilter/$share/g/${tenant}/jobs"), ("Receive", "topic/${tenant}/jobs")]),
    ),
    (
        "mqtt-wildcard",
        USER,
        Allow(&[("Publish", "topic/${tenant}/#")]),
        Allow(&[("Publish", "topic/${tenant}/*")]),
    ),
    (
        "mqtt-wildcard",
        USER,
        Allow(&[("Receive", "topic/${tenant}/+/x")]),
        Allow(&[("Receive", "topic/${tenant}/a+b/x")]),
    ),
    (
        "across-tenants",
        USER,
        Allow(&[("Publish", "topic/news/*")]),
        Allow(&[("Publish", "topic/${tenant}/news/*")]),
    ),
    (
        "across-tenants",
        USER,
        Allow(&[("Subscribe", "topicfilter/+/${sub}"), ("Receive", "topic/a/${sub}")]),
        Allow(&[("Subscribe", "topicfilter/a/${sub}"), ("Receive", "topic/a/${sub}")]),
    ),
    (
        "reserved-topic",
        USER,
        Allow(&[("Receive", "topic/$aws/events/presence/connected/*")]),
        Allow(&[("Receive", "topic/$aws/things/${sub}/shadow/*")]),
    ),
    (
        "thing-variable",
        USER,
        Allow(&[("Publish", "topic/${iot:Connection.Thing.ThingName}/x")]),
        Allow(&[("Publish", "topic/${sub}/x")]),
    ),
    (
        "client-id-in-filter",
        USER,
        Allow(&[("Subscribe", "topicfilter/a/${iot:ClientId}"), ("Receive", "topic/a/${sub}")]),
        Allow(&[("Subscribe", "topicfilter/a/${mqtt:client_id}"), ("Receive", "topic/a/${sub}")]),
    ),
    (
        "unpinned-share",
        USER,
        Allow(&[("Subscribe", "topicfilter/$share/*/${tenant}/jobs"), ("Receive", "topic/${tenant}/jobs")]),
        Allow(&[
            ("Subscribe", "topicfilter/$share/workers/${tenant}/jobs"),
            ("Receive", "topic/${tenant}/jobs"),
        ]),
    ),
    (
        "unused-slot",
        CONFIG,
        Config("tenant  =", "spare = \"spare\"\ntenant  ="),
        Config("tenant  =", "tenant ="),
    ),
    (
        "unreachable-grant",
        CONFIG,
        Config(
            GRANT,
            "[[grant]]\npolicy = \"app-user\"\n[[grant]]\npolicy = \"app-user\"\nwhen = { iss = \"https://other.example/\" }\n",
        ),
        Config(
            GRANT,
            "[[grant]]\npolicy = \"app-user\"\n[[grant]]\npolicy = \"app-user\"\nwhen = { iss = \"https://login.example.com/\" }\n",
        ),
    ),
    (
        "unreachable-grant",
        CONFIG,
        Config(
            GRANT,
            "[[refuse]]\nwhen = { role = [\"operator\", \"admin\"] }\n[[grant]]\npolicy = \"app-user\"\n",
        ),
        Config(
            GRANT,
            "[[refuse]]\nwhen = { role = \"operator\", left = true }\n[[grant]]\npolicy = \"app-user\"\n",
        ),
    ),
    (
        "unreachable-grant",
        CONFIG,
        Config(
            GRANT,
            "[[grant]]\npolicy = \"app-user\"\n[[grant]]\npolicy = \"app-user\"\nwhen = { sub = 7 }\n",
        ),
        Config(
            GRANT,
            "[[grant]]\npolicy = \"app-user\"\n[[grant]]\npolicy = \"app-user\"\nwhen = { sub = \"7\" }\n",
        ),
    ),
    (
        "user-editable-claim",
        CONFIG,
        Config("tenant  = \"tenant\"", "tenant = \"email\""),
        Config("tenant  = \"tenant\"", "tenant = \"org_email\""),
    ),
    (
        "user-editable-claim",
        CONFIG,
        Config("tenant  = \"tenant\"", "tenant = \"/user/preferred_username\""),
        Config("tenant  = \"tenant\"", "tenant = \"/preferred_username/tenant\""),
    ),
];

fn with(edit: Edit) -> Folder {
    let folder = Folder::example();
    match edit {
        Config(old, new) => folder.edit(CONFIG, old, new),
        Allow(permissions) => {
            let statement = |(action, resource): &(&str, &str)| json!({ "Effect": "Allow", "Action": format!("iot:{action}"), "Resource": resource });
            folder.add(USER, &permissions.iter().map(statement).collect::<Vec<Value>>());
        }
    }
    folder
}

/// Two issuers whose topics begin with `start`.
fn two_issuers(start: &str) -> Folder {
    let folder = Folder::empty();
    let issuer = |id: &str| {
        format!(
            "[[issuer]]\nid = \"{id}\"\nissuer = \"https://{id}.example/\"\naudience = [\"a\"]\nalgorithms = [\"RS256\", \"ES256\"]\n\
             keys = [\"file:keys/users.jwks.json\"]\nclient_ids = [\"${{issuer:id}}/${{sub}}\"]\n"
        )
    };
    let grant = "[[grant]]\npolicy = \"user\"\nissuer = [\"one\", \"two\"]\n";
    folder.write(CONFIG, &format!("{}{}[claims]\nsub = \"sub\"\n{grant}", issuer("one"), issuer("two")));
    let statement =
        |action: &str, resource: String| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        statement("iot:Connect", "client/${mqtt:client_id}".to_owned()),
        statement("iot:Publish", format!("topic/{start}${{sub}}/*")),
    ] });
    folder.write("policies/user.json", &policy.to_string());
    folder
}

fn findings(folder: &Folder) -> Vec<String> {
    let report = folder.examine();
    assert_eq!(report.count(Severity::Error), 0, "{}", report.text(false));
    report.findings.iter().map(|finding| finding.allow_key().unwrap_or_else(|| finding.message())).collect()
}

#[track_caller]
fn check(lint: &str, file: &str, bad: &Folder, good: &Folder) {
    let key = format!("{lint} {file}");
    assert_eq!(findings(bad).join("; "), key, "{lint}");
    assert_eq!(findings(good), [""; 0], "the good configuration of {lint}");
    let report = bad.examine();
    let finding = &report.findings[0];
    assert!(report.files.span(&finding.error).is_some(), "{lint} has no place");
    let config = std::fs::read_to_string(bad.path(CONFIG)).unwrap();
    bad.write(CONFIG, &format!("{config}\n[check.allow]\n\"{key}\" = \"intended\"\n"));
    let report = bad.examine();
    assert!(report.findings.is_empty(), "{}", report.text(false));
    assert_eq!(
        (report.accepted[0].key.as_str(), report.accepted[0].reason.as_str(), report.accepted[0].findings),
        (key.as_str(), "intended", 1)
    );
}

#[test]
fn each_lint_is_found_once_and_can_be_accepted() {
    for (lint, file, bad, good) in CASES {
        check(lint, file, &with(bad), &with(good));
    }
    check("shared-resource", "policies/user.json", &two_issuers(""), &two_issuers("${issuer:id}/"));
    for lint in LINTS {
        let has_case = CASES.iter().any(|(id, ..)| *id == lint.id)
            || ["shared-resource", "placeholder", "plain-entries"].contains(&lint.id);
        assert!(has_case, "{} has no case", lint.id);
    }
}

#[test]
fn resources_with_different_issuer_ids_are_not_shared() {
    for start in ["${issuer:id}/", "app-${issuer:id}/", "app-${issuer:id}-v1/", "a/${issuer:id}.x/"] {
        assert_eq!(findings(&two_issuers(start)), [""; 0], "{start}");
    }
}

/// It is deployable otherwise, so its sample values are the only warnings.
#[test]
fn the_example_has_no_findings_but_its_sample_values() {
    let report = Folder::example().examine_all();
    assert!(report.accepted.is_empty(), "{}", report.text(false));
    let findings: Vec<String> = report.findings.iter().map(|finding| finding.message()).collect();
    let expected = [
        "issuer `users` has a sample `issuer`",
        "issuer `users` has a sample `audience`",
        "issuer `users` has the sample key, which signs no token",
    ];
    assert_eq!(findings, expected);
    assert!(report.findings.iter().all(|finding| report.files.span(&finding.error).is_some()));
}

#[test]
fn an_edited_example_has_no_sample_values() {
    let folder = Folder::example();
    folder.edit(CONFIG, "https://login.example.com/", "https://login.acme.io/");
    folder.edit(CONFIG, "iot.example.com", "iot.acme.io");
    folder.edit(CONFIG, "\"file:keys/users.jwks.json\"", "\"oidc\"");
    let report = folder.examine_all();
    assert!(report.findings.is_empty(), "{}", report.text(false));
}

#[test]
fn a_policy_of_certificate_bound_tokens_may_use_thing_variables() {
    let folder = with(Allow(&[("Publish", "topic/${iot:Connection.Thing.ThingName}/x")]));
    folder.edit(CONFIG, "client_ids =", "certificate_bound = true\nclient_ids =");
    assert_eq!(findings(&folder), [""; 0]);
}

#[test]
fn an_entry_that_accepts_nothing_is_reported() {
    for key in [
        "any-client policies/app-user.json",
        "any-client",
        "no-such-lint policies/app-user.json",
        "any-client policies/other.json",
    ] {
        let folder = Folder::example();
        let config = std::fs::read_to_string(folder.path(CONFIG)).unwrap();
        folder.write(CONFIG, &format!("{config}\n[check.allow]\n\"{key}\" = \"x\"\n"));
        assert_eq!(findings(&folder), [format!("`{key}` under [check.allow] accepts nothing")], "{key}");
    }
}

#[test]
fn the_page_describes_every_lint() {
    let page = include_str!("../../../../docs/check.md");
    for lint in LINTS {
        assert!(page.contains(&format!("### `{}`", lint.id)), "docs/check.md lacks {}", lint.id);
    }
}
