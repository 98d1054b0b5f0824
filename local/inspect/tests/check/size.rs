//! The size proof, compared with the function's own packing: no response exceeds the bound, and the largest response of
//! the example reaches it.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::denial::Code;
use iot_jwt_authorizer::time::NumericDate;
use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, TokenRequest};
use iot_local_inspect::check::size::{Size, sizes};
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::support::Folder;

/// The longest partition and Region.
const FUNCTION: &str = "arn:aws-us-gov:lambda:us-isof-south-1:123456789012:function:f";

fn issuer() -> &'static DevelopmentIssuer {
    static ISSUER: OnceLock<DevelopmentIssuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        DevelopmentIssuer::ephemeral(IssuerSettings {
            id: "users".to_owned(),
            issuer: "https://login.example.com/".to_owned(),
            audience: vec!["iot.example.com".to_owned()],
            audience_claim: "aud".to_owned(),
            algorithms: vec![Algorithm::ES256],
            typ: "JWT".to_owned(),
            max_lifetime: None,
        })
        .unwrap()
    })
}

/// The size of the response to a token: its documents, and the characters to the end of the last, each before it full.
fn response_size(
    authorizer: &Authorizer,
    claims: Map<String, Value>,
    client_id: Option<&str>,
) -> Result<(usize, usize), Code> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let sub = claims["sub"].as_str().unwrap().to_owned();
    let request = TokenRequest { sub, claims, ttl: Duration::from_secs(600), at: now };
    let mut event = json!({ "token": issuer().mint(&request).unwrap(), "protocols": ["mqtt"] });
    if let Some(id) = client_id {
        event["protocolData"] = json!({ "mqtt": { "clientId": id } });
    }
    let decision = authorizer.authorize(event.to_string().as_bytes(), FUNCTION, NumericDate::from(now));
    let response = decision.outcome.map_err(|denial| denial.code())?;
    let lengths: Vec<usize> = response.documents().iter().map(|document| document.get().len()).collect();
    Ok((lengths.len(), (lengths.len() - 1) * 2048 + lengths.last().unwrap()))
}

fn load(folder: &Folder) -> Authorizer {
    folder.write("keys/users.jwks.json", &issuer().key_set().to_string());
    Config::load(&folder.path("authorizer.toml"), &|_| None)
        .unwrap_or_else(|errors| panic!("{errors}"))
        .authorizer
}

fn assert_reaches_bound(folder: &Folder, name: &str, devices: usize) {
    let authorizer = load(folder);
    let devices: Vec<String> = (0..devices).map(|at| format!("{at:02}{}", "d".repeat(62))).collect();
    let claims =
        json!({ "sub": "s".repeat(128), "tenant": "t".repeat(128), "devices": devices, "role": "operator" });
    let largest = response_size(&authorizer, claims.as_object().unwrap().clone(), Some(&"s".repeat(128)));
    let [Size { documents, characters, is_exact: true, .. }] = sizes(&authorizer)[..] else {
        panic!("{name}: the bound is not exact")
    };
    assert_eq!(largest, Ok((documents, characters)), "{name}");
}

#[test]
fn the_largest_responses_of_example_and_presets_reach_the_bound() {
    assert_reaches_bound(&Folder::example(), "the example", 20);
    let policies = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut presets = 0;
    for entry in std::fs::read_dir(policies).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".json").filter(|name| !name.ends_with(".cases")) else {
            continue;
        };
        let folder = Folder::example();
        folder.copy(&format!("policies/{file}"));
        let config = std::fs::read_to_string(folder.path("authorizer.toml")).unwrap();
        let (head, _) = config.split_once("[[grant]]").unwrap();
        folder.write("authorizer.toml", &format!("{head}[[grant]]\npolicy = \"{name}\"\n"));
        // The shadows of twenty devices with long names do not fit.
        folder.edit("authorizer.toml", "max_items = 20", "max_items = 10");
        assert_reaches_bound(&folder, name, 10);
        let unexpected: Vec<_> =
            folder.examine().findings.into_iter().filter(|found| found.lint != Some("unused-slot")).collect();
        assert!(unexpected.is_empty(), "{name}: {unexpected:?}");
        presets += 1;
    }
    assert!(presets >= 3);
}

/// Numbers that determine choices; proptest shrinks them.
struct Choices(std::vec::IntoIter<u16>);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.0.next().unwrap_or(0)) % count
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

const CLAIMS: &str = "sub tenant list other fixed maybe";

/// Writes a valid configuration and its policies. Returns the limits of its slots.
fn configuration(choices: &mut Choices, folder: &Folder) -> Vec<usize> {
    let lengths: Vec<usize> = (0..5).map(|_| choices.one_of(&[1, 5, 40, 128, 300])).collect();
    let items = 1 + choices.below(25);
    let optional = |choices: &mut Choices| if choices.below(2) == 0 { "true" } else { "false" };
    let (list_optional, other_optional) = (optional(choices), optional(choices));
    let slot_type = choices.one_of(&["hash", "uuid"]);
    let mut config = format!(
        "[token]\nmax_bytes = 65536\n[[issuer]]\nid = \"users\"\nissuer = \"https://login.example.com/\"\naudience = [\"iot.example.com\"]\n\
         algorithms = [\"ES256\"]\nkeys = [\"file:keys/users.jwks.json\"]\nclient_ids = [\"${{sub}}\"{}]\n[claims]\n\
         sub = {{ path = \"sub\", max_length = {} }}\ntenant = {{ path = \"tenant\", max_length = {} }}\n\
         list = {{ path = \"list\", list = true, max_items = {items}, max_length = {}, optional = {list_optional} }}\n\
         other = {{ path = \"other\", type = \"path\", max_length = {}, optional = {other_optional} }}\n\
         fixed = {{ path = \"fixed\", type = \"{slot_type}\" }}\n",
        choices.one_of(&["", ", \"${sub}/*\""]),
        lengths[0].min(128),
        lengths[1],
        lengths[2],
        lengths[3]
    );
    let policies = 1 + choices.below(3);
    for policy in 0..policies {
        let statements: Vec<Value> = (0..1 + choices.below(4)).map(|_| statement(choices)).collect();
        folder.write(
            &format!("policies/p{policy}.json"),
            &json!({ "Version": "2012-10-17", "Statement": statements }).to_string(),
        );
        config.push_str(&format!("[[grant]]\npolicy = \"p{policy}\"\n"));
        config.push_str(choices.one_of(&[
            "",
            "when = { role = \"a\" }\n",
            "when = { role = \"b\" }\n",
            "when = { tenant = \"x\" }\n",
            "when = { tenant = \"y\" }\n",
        ]));
    }
    folder.write("authorizer.toml", &config);
    vec![lengths[0].min(128), lengths[1], lengths[2], lengths[3], items]
}

fn statement(choices: &mut Choices) -> Value {
    let topics = ["iot:Publish", "iot:Receive", "iot:RetainPublish"];
    let (kind, actions) = match choices.below(4) {
        0 => ("client", vec!["iot:Connect"]),
        1 => ("topicfilter", vec!["iot:Subscribe"]),
        _ => (
            "topic",
            topics[..1 + choices.below(3)].iter().skip(choices.below(2)).copied().collect::<Vec<_>>(),
        ),
    };
    let actions = if actions.is_empty() { vec!["iot:Publish"] } else { actions };
    let is_deny = choices.below(6) == 0;
    let levels: &[&str] = if is_deny {
        &["${sub}", "${tenant}", "x"]
    } else {
        &[
            "${sub}",
            "${tenant}",
            "${fixed}",
            "${other}",
            "${list}",
            "${mqtt:client_id}",
            "${issuer:id}",
            "x",
            "y",
            "*",
        ]
    };
    let resources: Vec<String> = (0..1 + choices.below(3))
        .map(|_| {
            let mut name = kind.to_owned();
            for _ in 0..1 + choices.below(3) {
                let level = choices.one_of(levels);
                name.push('/');
                // A text may have one list slot.
                name.push_str(if level == "${list}" && name.contains(level) { "z" } else { level });
            }
            name
        })
        .collect();
    let mut statement =
        json!({ "Effect": if is_deny { "Deny" } else { "Allow" }, "Action": actions, "Resource": resources });
    if choices.below(4) == 0 {
        let value = choices.one_of(if is_deny {
            &["${tenant}", "q\u{e9}\""][..]
        } else {
            &["${tenant}", "${list}", "q\u{e9}\""]
        });
        statement["Condition"] =
            json!({ "StringEquals": { "iot:LastWillTopic": [value, "a"] }, "Bool": { "aws:x": "true" } });
    }
    statement
}

/// Claims of maximum length, or shorter ones, or equal ones.
fn claims(choices: &mut Choices, limits: &[usize]) -> Map<String, Value> {
    let is_longest = choices.below(2) == 0;
    let are_equal = choices.below(4) == 0;
    let text = |choices: &mut Choices, name: char, max: usize| {
        let length = if is_longest { max } else { 1 + choices.below(max) };
        if are_equal { "x".repeat(length.min(limits[0])) } else { name.to_string().repeat(length) }
    };
    let sub = text(choices, 's', limits[0]);
    let tenant = text(choices, 't', limits[1]);
    let other = text(choices, 'o', limits[3]);
    let items = if is_longest { limits[4] } else { choices.below(limits[4] + 1) };
    let list: Vec<String> = (0..items)
        .map(|index| {
            let letters = b"0123456789abcdefghijklmnopqrstuvwxyz";
            let value = text(choices, 'l', limits[2]);
            format!("{}{}", char::from(letters[index]), value.get(1..).unwrap())
        })
        .collect();
    let mut claims = json!({
        "sub": sub, "tenant": tenant, "list": list, "other": other, "fixed": "00000000-0000-0000-0000-00000000000a",
        "role": choices.one_of(&[json!(["a", "b"]), json!("a"), json!("b"), json!(["c"])]),
    });
    let members = claims.as_object_mut().unwrap();
    if choices.below(3) == 0 {
        // A claim that fills a slot cannot be a list. Without the slot, both conditions may hold.
        members.insert("tenant".to_owned(), choices.one_of(&[json!("x"), json!("y"), json!(["x", "y"])]));
    }
    if !is_longest {
        for name in CLAIMS.split(' ').filter(|name| matches!(*name, "list" | "other")) {
            if choices.below(3) == 0 {
                members.remove(name);
            }
        }
    }
    members.clone()
}

#[test]
fn no_response_exceeds_the_bound() {
    let folder = Folder::empty();
    let counts = std::cell::Cell::new((0_usize, 0_usize, 0_usize, 0_usize));
    let add = |responses, too_large, reached, exact| {
        let (a, b, c, d) = counts.get();
        counts.set((a + responses, b + too_large, c + reached, d + exact));
    };
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 5000,
        max_shrink_iters: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&prop::collection::vec(any::<u16>(), 100..140), |numbers| {
        let mut choices = Choices(numbers.into_iter());
        let limits = configuration(&mut choices, &folder);
        let authorizer = load(&folder);
        let bounds = sizes(&authorizer);
        let bound = &bounds[0];
        for _ in 0..2 {
            let claims = claims(&mut choices, &limits);
            let sub = claims["sub"].as_str().unwrap().to_owned();
            let longest = format!("{:c<128}", format!("{sub}/"));
            let client_id =
                choices.one_of(&[None, Some(sub.as_str()), Some(sub.as_str()), Some(longest.as_str())]);
            match response_size(&authorizer, claims, client_id) {
                Ok((documents, characters)) => {
                    prop_assert!(
                        (documents, characters) <= (bound.documents, bound.characters),
                        "{documents} {characters} {bound:?}"
                    );
                    add(1, 0, usize::from(characters == bound.characters), usize::from(bound.is_exact));
                }
                Err(Code::PolicyTooLarge) => {
                    prop_assert!(!bound.fits(), "denied as too large, but the bound is {bound:?}");
                    add(0, 1, 0, usize::from(bound.is_exact));
                }
                Err(Code::NoGrant | Code::MissingClaim | Code::MalformedClaim | Code::ClientIdNotAllowed) => {
                }
                Err(code) => prop_assert!(false, "{code:?}"),
            }
        }
        Ok(())
    });
    let (responses, too_large, reached, exact) = counts.get();
    outcome.unwrap_or_else(|error| {
        panic!("{error}\n{}", std::fs::read_to_string(folder.path("authorizer.toml")).unwrap())
    });
    // The test proves something only with responses, denials for size, and bounds that are reached.
    assert!(
        responses > 3000 && too_large > 50 && reached > 150 && exact > 1500,
        "{responses} {too_large} {reached} {exact}"
    );
}
