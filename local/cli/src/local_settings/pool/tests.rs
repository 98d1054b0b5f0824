//! `[identity_pool]`: the contract's example, and each error with its line.

use super::super::LocalSettings;
use super::*;

const EXAMPLE: &str = r#"region  = "us-east-1"
account = "123456789012"

[identity_pool]
id        = "us-east-1:00000000-0000-4000-8000-000000000001"
providers = [{ issuer = "users", client_ids = ["app"] }]   # ids of [[issuer]]
role      = "app"
classic   = false
guests    = false

[[identity_pool.mapping]]
claim  = "role"
equals = "operator"
role   = "operator"
"#;

#[test]
fn the_example_is_read() {
    let settings = LocalSettings::parse(EXAMPLE).unwrap().identity_pool;
    let provider = ProviderSettings { issuer: "users".to_owned(), client_ids: vec!["app".to_owned()] };
    let rule = MappingRule {
        claim: "role".to_owned(),
        comparison: Comparison::Equals,
        value: "operator".to_owned(),
        role: "operator".to_owned(),
    };
    let expected = PoolSettings {
        id: Some("us-east-1:00000000-0000-4000-8000-000000000001".to_owned()),
        providers: Some(vec![Located { line: 6, value: provider }]),
        role: Some(Located { line: 7, value: "app".to_owned() }),
        classic: false,
        guests: false,
        mapping: vec![Located { line: 11, value: rule }],
    };
    assert_eq!(settings, expected);
    for text in ["", "[identity_pool]", "identity_pool = {}"] {
        assert_eq!(LocalSettings::parse(text).unwrap().identity_pool, PoolSettings::default(), "{text}");
    }
    let other = "[identity_pool]\nguests = true\nclassic = true\n\
                 [[identity_pool.providers]]\nissuer = \"a\"\nclient_ids = [\"x\", \"y\"]";
    let settings = LocalSettings::parse(other).unwrap().identity_pool;
    assert!(settings.guests && settings.classic && settings.providers.unwrap()[0].line == 4);
}

#[test]
fn every_error_has_its_line() {
    let mapping = "[[identity_pool.mapping]]\n";
    for (text, expected) in [
        ("identity_pool = 1".to_owned(), &[":1: invalid identity_pool; expected a table"][..]),
        ("[identity_pool]\nid = 1".to_owned(), &[":2: invalid id; expected REGION:UUID"]),
        ("[identity_pool]\nid = \"us-east-1\"".to_owned(), &[":2: invalid id"]),
        ("[identity_pool]\nid = \"us-east-1:00000000-0000-4000-8000\"".to_owned(), &[":2: invalid id"]),
        (
            "[identity_pool]\nid = \"us-east-1:00000000-0000-4000-8000-00000000000A\"".to_owned(),
            &[":2: invalid id"],
        ),
        ("[identity_pool]\nrole = \"a/b\"".to_owned(), &[":2: invalid role"]),
        ("[identity_pool]\nrole = \"\"".to_owned(), &[":2: invalid role"]),
        ("[identity_pool]\nrole = \"../app\"".to_owned(), &[":2: invalid role"]),
        (
            "[identity_pool]\nclassic = \"yes\"\nguests = 0".to_owned(),
            &[":2: invalid classic", ":3: invalid guests"],
        ),
        (
            "[identity_pool]\nproviders = \"users\"".to_owned(),
            &[":2: invalid providers; expected a list of tables"],
        ),
        ("[identity_pool]\nproviders = []".to_owned(), &[":2: invalid providers; expected at least one"]),
        ("[identity_pool]\nproviders = [\"users\"]".to_owned(), &[":2: invalid item of providers"]),
        (
            "[identity_pool]\nproviders = [\n{ issuer = \"users\" },\n{ client_ids = [\"app\"] }]".to_owned(),
            &[":3: client_ids is missing in a provider", ":4: issuer is missing in a provider"],
        ),
        (
            "[identity_pool]\nproviders = [{ issuer = 1, client_ids = [], audience = 1 }]".to_owned(),
            &[":2: invalid issuer", ":2: invalid client_ids", ":2: unknown member \"audience\""],
        ),
        (
            "[identity_pool]\nproviders = [{ issuer = \"\", client_ids = [\"\"] }]".to_owned(),
            &[":2: invalid issuer", ":2: invalid client_ids"],
        ),
        (
            format!("{mapping}claim = \"role\"\nrole = \"a\""),
            &[":1: a rule of mapping needs one of equals, contains, starts_with, not_equal"],
        ),
        (
            format!("{mapping}claim = \"role\"\nrole = \"a\"\nequals = \"x\"\ncontains = \"y\""),
            &[":1: a rule of mapping needs one of"],
        ),
        (format!("{mapping}equals = \"x\"\nrole = \"a\""), &[":1: claim is missing"]),
        (format!("{mapping}equals = \"x\"\nclaim = \"a\""), &[":1: role is missing"]),
        (
            format!("{mapping}equals = 1\nclaim = \"\"\nrole = 2\nmatches = \"x\""),
            &[
                ":2: invalid equals",
                ":3: invalid claim",
                ":4: invalid role",
                ":5: unknown member \"matches\"",
            ],
        ),
        ("[identity_pool]\nmapping = 1".to_owned(), &[":2: invalid mapping"]),
        (
            "[identity_pool]\nname = \"x\"\n\n[other]".to_owned(),
            &[":2: unknown member \"name\"; expected one of id, providers", ":4: unknown member \"other\""],
        ),
    ] {
        let errors = LocalSettings::parse(&text).unwrap_err();
        assert_eq!(errors.len(), expected.len(), "{text}: {errors:?}");
        for (error, expected) in errors.iter().zip(expected) {
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
