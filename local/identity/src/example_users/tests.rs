use super::*;

const SHIPPED: &str = include_str!("../../../../authorizer.toml");

/// The texts of policies by name.
fn config(config: &str, policies: &[(&str, &str)]) -> ExampleConfig {
    let policies = policies.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    ExampleConfig {
        config: config.to_owned(),
        policies: policies.collect(),
        env: Env::from([("APP", "app-1")]),
    }
}

fn shipped() -> ExampleConfig {
    config(
        SHIPPED,
        &[
            ("app-user", include_str!("../../../../policies/app-user.json")),
            ("device-owner", include_str!("../../../../policies/device-owner.json")),
            ("tenant-operator", include_str!("../../../../policies/tenant-operator.json")),
        ],
    )
}

fn user(config: &ExampleConfig, name: &str) -> ExampleUser {
    let found = users(config, "users").into_iter().find(|user| user.name == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// An issuer `users` with a `require` and client ids, then the rest of a configuration.
fn issuer(require: &str, client_ids: &str, rest: &str) -> String {
    format!("issuer = [{{ id = \"users\", require = {require}, client_ids = {client_ids} }}]\n{rest}")
}

#[test]
fn the_shipped_configuration_has_a_user_for_each_grant_another_tenant_and_an_attacker() {
    let found = users(&shipped(), "users");
    let found: Vec<_> = found
        .iter()
        .map(|user| (&*user.name, user.grant.as_deref(), Value::Object(user.claims.clone())))
        .collect();
    let devices = json!(["device-1", "device-2"]);
    let expected = [
        ("alice", Some("app-user"), json!({ "tenant": "acme" })),
        ("ben", Some("device-owner"), json!({ "tenant": "acme", "devices": devices })),
        ("olga", Some("tenant-operator"), json!({ "tenant": "acme", "role": "operator" })),
        ("gina", Some("app-user"), json!({ "tenant": "globex" })),
        ("eve", None, json!({ "tenant": "*" })),
    ];
    assert_eq!(found, expected);
    assert_eq!(machine(&shipped(), "users").claims, *json!({ "tenant": "acme" }).as_object().unwrap());
}

#[test]
fn each_slot_gets_a_value_of_its_type_at_its_path() {
    let rest = r#"
        grant = [{ policy = "p" }]
        [claims]
        sub = { path = "sub", type = "uuid" }
        tenant = { path = "/org/a~1b", max_length = 2 }
        home = { path = "home", type = "hash" }
        unit = { path = "unit", type = "uuid" }
        roles = { path = "roles", list = true, max_items = 1 }
        unused = { path = "unused", optional = true }
        used = { path = "used", optional = true }
    "#;
    let policy =
        r#"{ "Statement": { "Effect": "Allow", "Action": "iot:*", "Resource": "topic/${used}/${sub}" } }"#;
    let config = config(&issuer("{ ok = [true], n = 7 }", "[\"x\"]", rest), &[("p", policy)]);
    let alice = user(&config, "alice");
    let expected = json!({
        "ok": true, "n": 7, "org": { "a/b": "ac" }, "home": "acme", "roles": ["role-1"], "used": "acme",
        "unit": "00000000-0000-4000-8000-000000000001",
    });
    assert_eq!(Value::Object(alice.claims), expected);
    assert_eq!((&*alice.sub, &*alice.client_id), ("00000000-0000-4000-8000-000000000001", "x"));
}

#[test]
fn conditions_of_grant_and_issuer_hold_together_and_refused_values_are_avoided() {
    let rest = r#"
        grant = [
          { policy = "other", issuer = "other", when = { no = "no" } },
          { policy = "p", issuer = ["users"], when = { scope = ["s", "t"], aud = "${env:APP}", k = ["b", "c"] } },
        ]
        refuse = [{ when = { scope = "s" } }]
        [claims]
        groups = { path = "groups", list = true, optional = true }
    "#;
    let config =
        config(&issuer("{ k = [\"a\", \"c\"], groups = \"g\", e = \"${env:NONE}\" }", "[]", rest), &[]);
    let expected = json!({ "scope": "t", "aud": "app-1", "k": "c", "groups": ["g"] });
    assert_eq!(Value::Object(user(&config, "alice").claims), expected);
    let names: Vec<_> = users(&config, "users").into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["alice", "nora", "rita"]);
}

/// Firebase's recipe has such an operator.
#[test]
fn a_grant_without_connect_is_combined_with_a_compatible_one_that_has_it() {
    let rest = r#"
        grant = [
          { policy = "far", when = { app = "2" } },
          { policy = "near", when = { app = "1", scope = "s" } },
          { policy = "operator", when = { app = "1", role = "operator" } },
        ]
    "#;
    let connect =
        r#"{ "Statement": [{ "Effect": "Allow", "Action": ["iot:Connect"], "Resource": "client/a" }] }"#;
    let publish = r#"{ "Statement": [
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/a" },
        { "Effect": "Deny", "Action": "iot:Connect", "Resource": "client/b" }
    ] }"#;
    let policies = [("far", connect), ("near", connect), ("operator", publish)];
    let config = config(&issuer("{}", "[]", rest), &policies);
    let operator = user(&config, "olga");
    assert_eq!(Value::Object(operator.claims), json!({ "app": "1", "scope": "s", "role": "operator" }));
    assert_eq!(operator.grant.as_deref(), Some("operator"));
}

#[test]
fn the_client_id_is_the_first_that_the_claims_allow() {
    let rest = r#"
        grant = [{ policy = "p" }]
        [claims]
        sub = "sub"
        devices = { path = "/d", list = true }
        tenant = { path = "tenant", type = "hash" }
        opt = { path = "opt", optional = true }
    "#;
    for (patterns, expected) in [
        (r#"["${sub}/*", "${sub}"]"#, "alice"),
        (r#"["${issuer:id}/${sub}/*"]"#, "users/alice/1"),
        (r#"["${opt}", "${env:APP}-${devices}"]"#, "app-1-device-1"),
        // The first 32 digits of SHA-256 of `acme`.
        (r#"["${tenant}"]"#, "822b33ad87c148a0a20a5ba7cd5ebcaa"),
        (r#"["${unknown}"]"#, "alice"),
        ("[]", "alice"),
    ] {
        assert_eq!(
            user(&config(&issuer("{}", patterns, rest), &[]), "alice").client_id,
            expected,
            "{patterns}"
        );
    }
}

#[test]
fn minimal_claims_are_those_of_require_or_of_a_grant_too() {
    let rest = r#"
        grant = [{ policy = "p", when = { scope = "s" } }, { policy = "q" }]
        [claims]
        tenant = "tenant"
    "#;
    let config = config(&issuer("{ use = \"access\" }", "[]", rest), &[]);
    let claims = |policy| minimal_claims(&config, "users", policy).map(Value::Object);
    assert_eq!(claims(None), Some(json!({ "use": "access" })));
    assert_eq!(claims(Some("p")), Some(json!({ "use": "access", "scope": "s", "tenant": "acme" })));
    assert_eq!(claims(Some("unknown")), None);
    assert_eq!(granted_policies(&config, "users"), ["p", "q"]);
}

#[test]
fn every_configuration_has_users() {
    for text in ["", "no toml at all", "[claims]\nhome = { path = \"h\", type = \"hash\" }\n"] {
        let names: Vec<_> = users(&config(text, &[]), "users").into_iter().map(|user| user.name).collect();
        assert_eq!(names, ["alice", "ben"], "{text}");
    }
    let subject = users(&config("[claims]\nsub = \"sub\"\n", &[]), "users").pop().unwrap();
    assert_eq!((&*subject.name, &*subject.sub), ("eve", "*"));
}
