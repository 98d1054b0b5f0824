//! Which logins have an identity, and which role it has.

use std::time::Duration;

use iot_local_base::{clock, timestamp};
use iot_local_cloud::identity_pool::{Comparison, MappingRule};
use iot_local_gateway::event_log::EntryKind;
use iot_local_identity::issuer::{IdToken, algorithm};
use serde_json::{Map, Value, json};

use super::support::{Identities, POOL, PROVIDER, role};
use crate::support::find;

/// The claims of a good token, with changes.
fn claims(changes: &Value) -> Value {
    let now = timestamp::seconds(clock::now());
    let mut claims = json!({
        "iss": format!("https://{PROVIDER}"), "sub": "ana", "aud": "app", "iat": now, "exp": now + 600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test]
async fn only_id_tokens_of_the_provider_have_an_identity() {
    let gateway = Identities::open().await;
    let sign = |name: &str, typ: &str, changes: &Value| {
        gateway.issuer.sign(algorithm(name).unwrap(), typ, &claims(changes)).unwrap()
    };
    let good = sign("RS256", "JWT", &json!({}));
    let elliptic = sign("ES256", "JWT", &json!({}));
    let access = sign("RS256", "at+jwt", &json!({}));
    let expired = sign("RS256", "JWT", &json!({ "exp": 1_700_000_000 }));
    let other_client = sign("RS256", "JWT", &json!({ "aud": "other" }));
    let other_issuer = sign("RS256", "JWT", &json!({ "iss": "https://other.example.com/" }));
    let forger = gateway.issuer.forger().unwrap();
    let forged = forger.sign(algorithm("RS256").unwrap(), "JWT", &claims(&json!({}))).unwrap();
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let no_id_token = "Invalid login token. Not a valid OpenId Connect identity token.";
    let unsupported = "Token is not from a supported provider of this identity pool.";
    let login = |name: &str, token: &str| json!({ "IdentityPoolId": POOL, "Logins": { name: token } });
    let rows: Vec<(Value, &str, &str, &str)> = vec![
        (login(PROVIDER, &elliptic), "NotAuthorizedException", no_id_token, "RSA keys only"),
        (login(PROVIDER, &access), "NotAuthorizedException", no_id_token, "an access token"),
        (
            login(PROVIDER, &expired),
            "NotAuthorizedException",
            "Invalid login token. Token expired: ",
            "exp 1700000000",
        ),
        (
            login(PROVIDER, &other_client),
            "NotAuthorizedException",
            unsupported,
            "no client id of the provider",
        ),
        (
            login(PROVIDER, &other_issuer),
            "NotAuthorizedException",
            "Invalid login token. Issuer doesn't match providerName",
            "iss is not that of the provider",
        ),
        (login(PROVIDER, &forged), "NotAuthorizedException", "Token signature invalid", "signature is wrong"),
        (
            login(PROVIDER, &unsigned),
            "NotAuthorizedException",
            "Token signature invalid",
            "signature is wrong",
        ),
        (login(PROVIDER, "a.b.c"), "NotAuthorizedException", no_id_token, "not a compact JWS"),
        (login(PROVIDER, ""), "NotAuthorizedException", no_id_token, "not a compact JWS"),
        (login("login.example.com", &good), "NotAuthorizedException", unsupported, "unknown login provider"),
        (
            login("https://login.example.com/", &good),
            "NotAuthorizedException",
            unsupported,
            "expected one of login",
        ),
        (
            login("accounts.google.com", &good),
            "NotAuthorizedException",
            unsupported,
            "unknown login provider",
        ),
        (
            json!({ "IdentityPoolId": POOL }),
            "NotAuthorizedException",
            "Unauthenticated access is not supported",
            "guests = true",
        ),
        (
            json!({ "IdentityPoolId": POOL, "Logins": {} }),
            "NotAuthorizedException",
            "Unauthenticated access is not supported",
            "guests = true",
        ),
        (
            json!({ "IdentityPoolId": "us-east-1:00000000-0000-4000-8000-000000000002", "Logins": { PROVIDER: good } }),
            "ResourceNotFoundException",
            "IdentityPool 'us-east-1:00000000-0000-4000-8000-000000000002' not found.",
            "the identity pool of this gateway is",
        ),
        (
            json!({ "IdentityPoolId": "us-east-1", "Logins": { PROVIDER: good } }),
            "InvalidParameterException",
            "",
            "",
        ),
        (json!({ "IdentityPoolId": 7 }), "InvalidParameterException", "IdentityPoolId must be a string", ""),
        (
            json!({ "Logins": { PROVIDER: good } }),
            "InvalidParameterException",
            "IdentityPoolId must have",
            "",
        ),
        (json!({ "IdentityPoolId": POOL, "Logins": "x" }), "InvalidParameterException", "Logins must be", ""),
        (
            json!({ "IdentityPoolId": POOL, "Logins": { PROVIDER: 7 } }),
            "InvalidParameterException",
            "A login",
            "",
        ),
    ];
    for (body, kind, message, note) in rows {
        let mut event_log = gateway.running.event_log.subscribe();
        let (status, answer) = gateway.call("GetId", &body).await;
        assert_eq!((status, answer["__type"].as_str()), (400, Some(kind)), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(message), "{message}: {answer}");
        if !note.is_empty() {
            let text = find(&mut event_log, |kind| match kind {
                EntryKind::Notice { text } => Some(text.clone()),
                _ => None,
            });
            let text = text.await;
            assert!(text.contains(note) && !text.contains(&good), "{note}: {text}");
        }
    }
    let two = json!({ "IdentityPoolId": POOL, "Logins": { PROVIDER: good, "other": good } });
    assert_eq!(gateway.call("GetId", &two).await.0, 501);
    assert_eq!(gateway.call("GetId", &login(PROVIDER, &good)).await.0, 200);
}

/// The id alone says nothing: credentials need the login of the same identity.
#[tokio::test]
async fn credentials_need_the_login_of_the_identity() {
    let gateway = Identities::open().await;
    let (ana, ben) = (gateway.log_in("ana").await, gateway.log_in("ben").await);
    let id = gateway.identity_id(&ana).await;
    let other = "us-east-1:00000000-0000-4000-8000-00000000000b";
    let mismatch = "Logins don't match";
    for (body, kind, message) in [
        (json!({ "IdentityId": id, "Logins": { PROVIDER: ben } }), "NotAuthorizedException", mismatch),
        (json!({ "IdentityId": other, "Logins": { PROVIDER: ana } }), "NotAuthorizedException", mismatch),
        (json!({ "IdentityId": POOL, "Logins": { PROVIDER: ana } }), "NotAuthorizedException", mismatch),
        (json!({ "IdentityId": id }), "NotAuthorizedException", "Unauthenticated access"),
        (
            json!({ "IdentityId": id, "Logins": { PROVIDER: "x" } }),
            "NotAuthorizedException",
            "Invalid login token",
        ),
        (json!({ "Logins": { PROVIDER: ana } }), "InvalidParameterException", "IdentityId must have"),
        (
            json!({ "IdentityId": id, "Logins": { PROVIDER: ana }, "CustomRoleArn": "arn:aws:iam::1:role/admin" }),
            "InvalidParameterException",
            "CustomRoleArn",
        ),
    ] {
        let (status, answer) = gateway.call("GetCredentialsForIdentity", &body).await;
        assert_eq!((status, answer["__type"].as_str()), (400, Some(kind)), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(message), "{answer}");
    }
    let body = json!({ "IdentityId": id, "Logins": { PROVIDER: ana } });
    let (status, answer) = gateway.call("GetCredentialsForIdentity", &body).await;
    assert_eq!(status, 200, "{}", answer["message"]);
    let expiration = answer["Credentials"]["Expiration"].as_u64().unwrap();
    let hour = expiration.abs_diff(timestamp::seconds(clock::now()) + 3600);
    assert!(hour < 60, "{expiration}");
    assert!(answer["Credentials"]["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
}

/// The caller's ARN, which names the role.
async fn role_of(gateway: &Identities, token: &str) -> Result<String, String> {
    let id = gateway.identity_id(token).await;
    let body = json!({ "IdentityId": id, "Logins": { PROVIDER: token } });
    let (status, answer) = gateway.call("GetCredentialsForIdentity", &body).await;
    if status != 200 {
        return Err(answer["__type"].as_str().unwrap().to_owned());
    }
    let credentials = super::support::credentials(&answer["Credentials"], "SecretKey");
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let response = gateway.signed("sts", ("POST", "/"), body, &credentials).await;
    let arn = response.split("assumed-role/").nth(1).unwrap_or_else(|| panic!("{response}"));
    Ok(arn.split("/CognitoIdentityCredentials").next().unwrap().to_owned())
}

#[tokio::test]
async fn the_first_rule_that_matches_gives_the_role() {
    let rule = |claim: &str, comparison, value: &str, role: &str| MappingRule {
        claim: claim.to_owned(),
        comparison,
        value: value.to_owned(),
        role: role.to_owned(),
    };
    let all = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    let gateway = Identities::open_with(|_, pool| {
        for name in ["operator", "admin", "foreign"] {
            pool.roles.insert(name.to_owned(), role(name, &all));
        }
        pool.mapping = vec![
            rule("role", Comparison::Equals, "operator", "operator"),
            rule("groups", Comparison::Contains, "admins", "admin"),
            rule("role", Comparison::StartsWith, "oper", "admin"),
            rule("plant", Comparison::NotEqual, "1", "foreign"),
            rule("role", Comparison::Equals, "lost", "missing"),
        ];
    })
    .await;
    // The login's own claims arrive in the ID token.
    assert_eq!(role_of(&gateway, &gateway.log_in("ana").await).await, Ok("app".to_owned()));
    assert_eq!(role_of(&gateway, &gateway.log_in("olga").await).await, Ok("operator".to_owned()));
    for (claims, expected) in [
        (json!({}), Ok("app")),
        (json!({ "role": "operators" }), Ok("admin")),
        (json!({ "role": "Operator" }), Ok("app")),
        (json!({ "groups": ["users", "admins"] }), Ok("admin")),
        (json!({ "groups": ["users"] }), Ok("app")),
        (json!({ "role": "operator", "groups": ["admins"] }), Ok("operator")),
        (json!({ "plant": "2" }), Ok("foreign")),
        (json!({ "plant": 1 }), Ok("app")),
        (json!({ "role": "lost" }), Err("InvalidIdentityPoolConfigurationException")),
    ] {
        let claims: Map<String, Value> = serde_json::from_value(claims).unwrap();
        let token = IdToken {
            sub: "ana",
            client_id: "app",
            claims: &claims,
            nonce: None,
            auth_time: clock::now(),
            ttl: Duration::from_secs(60),
            at: clock::now(),
        };
        let token = gateway.issuer.mint_id_token(&token).unwrap();
        let found = role_of(&gateway, &token).await;
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{claims:?}");
    }
}

/// The trust policy of the role decides, too.
#[tokio::test]
async fn a_role_that_does_not_trust_the_pool_is_not_given() {
    let gateway = Identities::open_with(|_, pool| {
        pool.id = "us-east-1:00000000-0000-4000-8000-000000000002".to_owned();
    })
    .await;
    let token = gateway.log_in("ana").await;
    let pool = "us-east-1:00000000-0000-4000-8000-000000000002";
    let (_, answer) =
        gateway.call("GetId", &json!({ "IdentityPoolId": pool, "Logins": { PROVIDER: token } })).await;
    let mut event_log = gateway.running.event_log.subscribe();
    let body = json!({ "IdentityId": answer["IdentityId"], "Logins": { PROVIDER: token } });
    let (status, answer) = gateway.call("GetCredentialsForIdentity", &body).await;
    assert_eq!((status, answer["__type"].as_str()), (400, Some("InvalidIdentityPoolConfigurationException")));
    let text = find(&mut event_log, |kind| match kind {
        EntryKind::Notice { text } => Some(text.clone()),
        _ => None,
    });
    let text = text.await;
    assert!(text.contains("the trust policy of role app denies the identity"), "{text}");
}
