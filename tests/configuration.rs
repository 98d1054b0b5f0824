//! A wrong deployment stops the function before its first event, with every fault named.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use std::process::Command;

use serde_json::json;
use support::deployment::Deployment;
use support::signer::Signer;

/// What the faults of a deployment say, a line each.
#[track_caller]
fn faults(deployment: &Deployment) -> Vec<String> {
    match deployment.load() {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

/// The example with one text put in another's place.
fn example_with(old: &str, new: &str) -> Deployment {
    let deployment = Deployment::named("example");
    let text = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    assert!(text.contains(old), "the example has no `{old}`");
    deployment.write("authorizer.toml", text.replacen(old, new, 1));
    deployment
}

#[test]
fn the_example_is_sound() {
    assert_eq!(faults(&Deployment::named("example")), [""; 0]);
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("authorizer.toml");
    let config = iot_jwt_authorizer::config::Config::load(&shipped, &|_| None)
        .unwrap_or_else(|faults| panic!("{faults}"));
    assert!(config.warnings.is_empty());
    let read = [
        "keys/users.jwks.json",
        "policies/app-user.json",
        "policies/device-owner.json",
        "policies/tenant-operator.json",
    ];
    assert_eq!(config.files, read);
}

/// One wrong thing at a time: what is put in another's place, and what the fault has to say, its place included.
#[test]
fn each_fault_names_its_place_and_its_mend() {
    let cases = [
        ("audience   =", "audiences  =", "authorizer.toml:4: [[issuer]] lacks `audience`"),
        (
            "audience   =",
            "audiences  =",
            "authorizer.toml:7: [[issuer]] has no key `audiences`; it has `id`, `issuer`, `audience`",
        ),
        ("[\"iot.example.com\"]", "[]", "authorizer.toml:7: `audience` is empty"),
        ("[\"iot.example.com\"]", "\"iot.example.com\"", "authorizer.toml:7: `audience` has to be a list"),
        (
            "[\"iot.example.com\"]",
            "[7]",
            "authorizer.toml:7: `audience` takes strings, and this is of type integer",
        ),
        ("\"RS256\", ", "\"HS256\", ", "authorizer.toml:8: `HS256` is no algorithm that is taken"),
        ("\"RS256\", ", "\"none\", ", "authorizer.toml:8: `none` is no algorithm that is taken"),
        (
            "file:keys/users",
            "file:keys/user",
            "authorizer.toml:9: `keys/user.jwks.json` cannot be read (entity not found)",
        ),
        (
            "\"file:keys/users.jwks.json\"",
            "\"ftp:x\"",
            "authorizer.toml:9: `ftp:x` is no source of keys: write `file:PATH`",
        ),
        ("\"file:keys/users.jwks.json\"", "\"file\"", "authorizer.toml:9: `file` is no source of keys"),
        (
            "\"file:keys/users.jwks.json\"",
            "\"secret:\"",
            "authorizer.toml:9: `secret:` is no source of keys: write `secret:` and",
        ),
        (
            "\"file:keys/users.jwks.json\"",
            "\"jwks:http://login.example.com/\"",
            "is no source of keys: write `https://HOST/PATH`",
        ),
        (
            "client_ids =",
            "refresh_seconds = 60\nmax_stale_seconds = 59\nclient_ids =",
            "authorizer.toml:4: `max_stale_seconds` is less than `refresh_seconds`",
        ),
        (
            "client_ids =",
            "max_stale_seconds = 299\nclient_ids =",
            "authorizer.toml:4: `max_stale_seconds` is less than `refresh_seconds`",
        ),
        (
            "client_ids =",
            "refresh_seconds = 0\nclient_ids =",
            "`refresh_seconds` has to be an integer from 1",
        ),
        (
            "\"${sub}\", ",
            "\"*\", ",
            "authorizer.toml:4: two subjects of issuer `users` could hold one client id by `",
        ),
        (
            "\"${sub}\", ",
            "\"${tenant}\", ",
            "authorizer.toml:4: two subjects of issuer `users` could hold one client id by `",
        ),
        ("\"${sub}/*\"", "\"${sub}*\"", "authorizer.toml:10: `${sub}*` lets one value run into another"),
        (
            "\"${sub}/*\"",
            "\"${sub}-*\"",
            "authorizer.toml:10: `${sub}-*` has `${sub}` beside other text in one level",
        ),
        (
            "\"${sub}/*\"",
            "\"*/${sub}\"",
            "authorizer.toml:10: `*/${sub}` has a character that no client id may have",
        ),
        ("\"${sub}/*\"", "\"${who}\"", "authorizer.toml:10: `${who}` has `${who}`, which is no slot"),
        (
            "\"${sub}/*\"",
            "\"${mqtt:client_id}\"",
            "authorizer.toml:10: `${mqtt:client_id}` has `${mqtt:client_id}`, which is no variable here",
        ),
        ("\"${sub}/*\"", "\"${aws:partition}/${sub}\"", "has `${aws:partition}`, which is no variable here"),
        ("\"${sub}/*\"", "\"${aws:region}/${sub}\"", "has `${aws:region}`, which is no variable here"),
        ("\"${sub}/*\"", "\"${aws:account}/${sub}\"", "has `${aws:account}`, which is no variable here"),
        ("\"${sub}/*\"", "\"${iot:ClientId}/${sub}\"", "has `${iot:ClientId}`, which is no variable here"),
        (
            "\"https://login.example.com/\"",
            "\"https://${env:HOST}/\"",
            "authorizer.toml:6: `issuer` takes the environment's `HOST`, which is not set",
        ),
        (
            "id         = \"users\"",
            "id         = \"us ers\"",
            "authorizer.toml:4: an issuer's id is of letters",
        ),
        ("optional = true", "optional = \"yes\"", "authorizer.toml:16: `optional` has to be true or false"),
        (
            "max_items = 20",
            "max_items = 0",
            "authorizer.toml:16: `max_items` has to be an integer from 1 to 500",
        ),
        ("list = true", "type = \"text\"", "authorizer.toml:16: `text` is no type of a slot"),
        ("path = \"devices\", ", "", "authorizer.toml:16: a slot lacks `path`"),
        ("tenant  = \"tenant\"", "tenant  = 7", "authorizer.toml:15: `tenant` takes strings"),
        (
            "policy = \"device-owner\"",
            "policy = \"devices\"",
            "authorizer.toml:23: `policies/devices.json` cannot be read",
        ),
        (
            "policy = \"device-owner\"",
            "policy = \"../keys/x\"",
            "authorizer.toml:23: `../keys/x` is no policy's name",
        ),
        ("role = \"operator\"", "", "authorizer.toml:27: `when` is empty"),
        (
            "role = \"operator\"",
            "role = 1.5",
            "authorizer.toml:27: `role` takes a string, an integer, a boolean",
        ),
        ("[claims]", "[claim]", "has no key `claim`"),
        ("[claims]", "[claims", "is not TOML"),
        (
            "[claims]",
            "[token]\nfrom = [\"cookie\"]\n[claims]",
            "authorizer.toml:14: `cookie` is no place of a request",
        ),
        (
            "[claims]",
            "[token]\nmax_bytes = 100\n[claims]",
            "`max_bytes` has to be an integer from 256 to 65536",
        ),
        (
            "[claims]",
            "[session]\nrefresh_after_seconds = 299\n[claims]",
            "`refresh_after_seconds` has to be an integer from 300 to 86400",
        ),
        (
            "client_ids =",
            "leeway_seconds = 61\nclient_ids =",
            "`leeway_seconds` has to be an integer from 0 to 60",
        ),
        (
            "client_ids =",
            "audience_claim = \"azpp\"\nclient_ids =",
            "`audience_claim` is `aud`, `client_id`, `azp` or `cid`",
        ),
        ("client_ids =", "claims = { who = \"who\" }\nclient_ids =", "`who` is no slot"),
        (
            "policy = \"app-user\"",
            "policy = \"app-user\"\nissuer = \"user\"",
            "there is no `[[issuer]]` with the id `user`",
        ),
        ("# Slots", "[[refuse]]\nissuer = \"users\"\n#", "[[refuse]] lacks `when`"),
        (
            "# Who may",
            "blocked_keys = [\"abc\"]\n#",
            "authorizer.toml:1: a blocked key is named by its RFC 7638 thumbprint",
        ),
    ];
    for (old, new, expected) in cases {
        let all = faults(&example_with(old, new));
        assert!(all.iter().any(|fault| fault.contains(expected)), "`{new}`: no `{expected}` among {all:#?}");
    }
}

/// The same for a policy: the statement, and what the fault has to say.
#[test]
fn each_fault_of_a_policy() {
    let topic = |resource: &str| json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": resource });
    let cases = [
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "NotResource": "topic/x" }),
            "Statement[0].NotResource is not supported",
        ),
        (
            json!({ "Effect": "Allow", "NotAction": "iot:Publish", "Resource": "topic/x" }),
            "Statement[0].NotAction is not supported",
        ),
        (
            json!({ "Effect": "allow", "Action": "iot:Publish", "Resource": "topic/x" }),
            "Statement[0].Effect has to be \"Allow\" or \"Deny\"",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:*", "Resource": "topic/x" }),
            "Statement[0].Action[0] `iot:*` is no action of a client",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:DeleteConnection", "Resource": "client/x" }),
            "is no action of a client",
        ),
        (
            json!({ "Effect": "Allow", "Action": [], "Resource": "topic/x" }),
            "Statement[0].Action has to be a string or a list of strings",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Subscribe", "Resource": "topic/x" }),
            "`iot:Subscribe` acts on `topicfilter/`",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "*" }),
            "`*` is of a kind that no action of the statement acts on",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "acme/x" }),
            "`acme/x` begins with none of `client/`",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:s3:::bucket" }),
            "begins with none of",
        ),
        (
            topic("topic/${tenent}/x"),
            "policies/app-user.json: Statement[0].Resource[0] has `${tenent}`, which is no slot: declare it under `[claims]`",
        ),
        (topic("topic/${tenant/x"), "has a `${` without its `}`"),
        (topic("topic/x-${tenant}/x"), "beside other text in one level"),
        (topic("topic/${tenant}x"), "beside other text in one level"),
        (topic("topic/${tenant}${sub}"), "beside other text in one level"),
        (topic("topic/${tenant}*"), "beside other text in one level"),
        (topic("topic/x:${mqtt:client_id}"), "beside other text in one level"),
        (topic("topic/${devices}/${devices}"), "more than one list slot"),
        (topic("topic/${env:STAGE}"), "`${env:STAGE}`, which is not set"),
        (topic("topic/${aws:userid}"), "`${aws:userid}`, which is no variable here"),
        (topic("topic/${iot:Certificate.}"), "which is no variable here"),
        (topic("topic/${iot:Certificate.Subject*}"), "which is no variable here"),
        (topic("topic/${iot:Connection.Thing.Attributes[]}"), "which is no variable here"),
        (topic("topic/"), "`topic/` begins with none of"),
        (topic("topic/${iot:Connection.Thing.Attributes[a*]}"), "which is no variable here"),
        (
            json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "topic/${devices}" }),
            "denies by `${devices}`, which is optional",
        ),
        (
            json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "topic/${iot:Connection.Thing.ThingName}" }),
            "denies by a thing or certificate variable",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/x", "Condition": { "Equals": { "a": "b" } } }),
            "Statement[0].Condition.Equals is no condition operator",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/x", "Condition": { "StringEquals": "b" } }),
            "has to be an object of condition keys",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/x", "Condition": [] }),
            "Statement[0].Condition has to be an object of operators",
        ),
        (
            json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/x", "Condition": { "StringEquals": {} } }),
            "Statement[0].Condition.StringEquals has to be an object of condition keys",
        ),
        (
            json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "topic/x", "Condition": { "Bool": { "iot:Connection.Thing.IsAttached": "true" } } }),
            "denies by a thing or certificate variable",
        ),
        (
            json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "topic/x", "Condition": { "StringEquals": { "iot:Certificate.Subject.CommonName": "x" } } }),
            "denies by a thing or certificate variable",
        ),
        (json!("Allow"), "Statement[0] is no JSON object"),
    ];
    for (statement, expected) in cases {
        let deployment = Deployment::named("example");
        deployment.write(
            "policies/app-user.json",
            json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string(),
        );
        let all = faults(&deployment);
        assert!(
            all.iter().any(|fault| fault.contains(expected)),
            "{statement}: no `{expected}` among {all:#?}"
        );
    }
    // An action that nobody knows says nothing about its resource.
    let deployment = Deployment::named("example");
    let unknown = json!({ "Effect": "Allow", "Action": "iot:Unknown", "Resource": "topic/x" });
    deployment.write(
        "policies/app-user.json",
        json!({ "Version": "2012-10-17", "Statement": [unknown] }).to_string(),
    );
    assert_eq!(faults(&deployment).len(), 1, "{:?}", faults(&deployment));
    for (policy, expected) in [
        ("{", "is not JSON"),
        (r#"{"Version":"2012-10-17","Statement":[],"Statement":[]}"#, "has a name twice"),
        ("[]", "the document is no JSON object"),
        (r#"{"Version":"2008-10-17","Statement":[]}"#, "`Version` has to be \"2012-10-17\""),
        (r#"{"Version":"2012-10-17","Statement":[]}"#, "`Statement` has to hold at least one statement"),
        (
            r#"{"Version":"2012-10-17","Principal":"*","Statement":[]}"#,
            "`Principal` is no member of a policy",
        ),
    ] {
        let deployment = Deployment::named("example");
        deployment.write("policies/app-user.json", policy);
        let all = faults(&deployment);
        assert!(all.iter().any(|fault| fault.contains(expected)), "{policy}: no `{expected}` among {all:#?}");
    }
}

/// A variable of the environment is text: it cannot bring variables, quotes or control characters along.
#[test]
fn variables_of_the_environment() {
    use iot_jwt_authorizer::config::Config;
    let deployment = example_with("\"https://login.example.com/\"", "\"https://${env:STAGE}.example.com/\"");
    let policy = std::fs::read_to_string(deployment.path("policies/app-user.json")).unwrap();
    deployment
        .write("policies/app-user.json", policy.replace("topic/${tenant}", "topic/${env:STAGE}/${tenant}"));
    let load = |stage: &str| {
        let environment = |name: &str| (name == "STAGE").then(|| stage.to_owned());
        Config::load(&deployment.path("authorizer.toml"), &environment).map_err(|faults| faults.to_string())
    };
    let claims = json!({
        "iss": "https://prod.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "exp": support::NOW + 60,
    });
    let event = json!({ "token": Signer::named("es256").token(&claims) }).to_string();
    let authorizer = load("prod").unwrap().authorizer;
    let answer = authorizer.authorize(event.as_bytes(), support::FUNCTION, support::at(0.0)).outcome.unwrap();
    assert!(serde_json::to_string(&answer).unwrap().contains(":topic/prod/acme/users/ana/*"));
    for odd in ["", "a${sub}", "a$b", "a{", "a}", "a\"b", "a\u{1}b", "a\nb"] {
        let Err(faults) = load(odd) else { panic!("{odd:?} is taken") };
        assert!(faults.contains("does not belong in a policy"), "{odd:?}: {faults}");
    }
}

/// The same for keys.
#[test]
fn each_fault_of_a_key_file() {
    let signer = Signer::named("rs256");
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut jwk = signer.jwk();
        change(&mut jwk);
        json!({ "keys": [jwk] }).to_string()
    };
    let cases = [
        ("keys".to_owned(), "keys/users.jwks.json: is neither JSON nor PEM"),
        (json!({ "key": [] }).to_string(), "is neither a JWK Set"),
        (json!({ "keys": {} }).to_string(), "is neither a JWK Set"),
        (json!({ "keys": [] }).to_string(), "has no key that serves any of the issuer's `algorithms`"),
        (with(&|jwk| jwk["d"] = json!("AQAB")), "holds a private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(), "holds a private key"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n".to_owned(),
            "holds a private key",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            "holds no `PUBLIC KEY` block",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
            "a `PUBLIC KEY` block that is damaged",
        ),
        (with(&|jwk| jwk["use"] = json!("enc")), "key 0 is left out: its `use` is not `sig`"),
        (with(&|jwk| jwk["key_ops"] = json!(["sign"])), "key 0 is left out: its `key_ops` lack `verify`"),
        (with(&|jwk| jwk["alg"] = json!("ES256")), "key 0 is left out: its `alg` is not one of its type"),
        (with(&|jwk| jwk["alg"] = json!("RSA-OAEP")), "key 0 is left out: its `alg` is not one of its type"),
        (with(&|jwk| jwk["e"] = json!("AQ")), "key 0 is left out: RSA keys have"),
        (with(&|jwk| jwk["n"] = json!("AQAB")), "key 0 is left out: RSA keys have"),
        (with(&|jwk| jwk["kty"] = json!("XYZ")), "key 0 is left out: it is not a public JWK of type"),
        (
            json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }).to_string(),
            "key 0 is left out: it is symmetric",
        ),
    ];
    for (keys, expected) in cases {
        let deployment = Deployment::named("example");
        deployment.write("keys/users.jwks.json", &keys);
        let all = faults(&deployment);
        assert!(all.iter().any(|fault| fault.contains(expected)), "no `{expected}` among {all:#?}");
    }
}

/// A private key is a fault wherever it lies in `keys/`, and its text is in no message.
#[test]
fn a_private_key_that_nothing_names() {
    let deployment = Deployment::named("example");
    deployment.write("keys/old.pem", "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----\n");
    let all = faults(&deployment);
    assert!(
        matches!(all.as_slice(), [one] if one.starts_with("keys/old.pem: holds a private key") && !one.contains("MIIsecret")),
        "{all:?}"
    );
}

/// The function itself: all faults at once on stderr, and no event is ever asked for.
#[test]
fn the_function_refuses_to_start_and_names_every_fault() {
    let deployment = example_with("audience   =", "audiences  =");
    deployment.write("policies/app-user.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Publish","Resource":"topic/${nobody}/x"}]}"#);
    std::fs::remove_file(deployment.path("policies/device-owner.json")).unwrap();
    deployment.write("keys/old.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let run = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .env("LAMBDA_TASK_ROOT", deployment.path(""))
        .output()
        .unwrap();
    let text = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{text}");
    assert!(run.stdout.is_empty());
    for expected in [
        "[[issuer]] has no key `audiences`",
        "[[issuer]] lacks `audience`",
        "`policies/device-owner.json` cannot be read",
        "policies/app-user.json: Statement[0].Resource[0] has `${nobody}`",
        "keys/old.pem: holds a private key",
    ] {
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
    }
}
