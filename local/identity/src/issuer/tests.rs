//! Minted tokens, verified with the published keys.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};

use super::*;

const NOW: u64 = 1_700_000_000;

fn settings(algorithms: &[&str]) -> IssuerSettings {
    IssuerSettings {
        id: "users".to_owned(),
        issuer: "https://login.example.com/".to_owned(),
        audience: vec!["iot.example.com".to_owned(), "other".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: algorithms.iter().map(|name| algorithm(name).unwrap()).collect(),
        typ: "JWT".to_owned(),
        max_lifetime: None,
    }
}

fn request() -> TokenRequest {
    TokenRequest {
        sub: "ana".to_owned(),
        claims: Map::from_iter([("tenant".to_owned(), json!("acme"))]),
        ttl: Duration::from_secs(600),
        at: UNIX_EPOCH.checked_add(Duration::from_secs(NOW)).unwrap(),
    }
}

/// The claims, if the token verifies with the key of the set that has its `kid`.
fn verify(token: &str, set: &Value) -> Option<Value> {
    let header = decode_header(token).unwrap();
    let set: JwkSet = serde_json::from_value(set.clone()).unwrap();
    let key = DecodingKey::from_jwk(set.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut rules = Validation::new(header.alg);
    rules.validate_exp = false;
    rules.validate_aud = false;
    decode::<Value>(token, &key, &rules).ok().map(|data| data.claims)
}

#[test]
fn published_keys_verify_tokens_of_every_algorithm() {
    let names = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
    let issuer = DevelopmentIssuer::ephemeral(settings(&names)).unwrap();
    assert_eq!(issuer.key_set()["keys"].as_array().unwrap().len(), 4);
    for name in names {
        let token = issuer.mint_with(algorithm(name).unwrap(), &request()).unwrap();
        assert_eq!(verify(&token, &issuer.key_set()).unwrap()["sub"], "ana", "{name}");
    }
}

#[test]
fn a_token_has_the_requested_and_the_configured_claims() {
    let issuer = DevelopmentIssuer::ephemeral(settings(&["ES256"])).unwrap();
    let token = issuer.mint(&request()).unwrap();
    let claims = verify(&token, &issuer.key_set()).unwrap();
    assert_eq!(claims["iss"], "https://login.example.com/");
    assert_eq!(claims["aud"], "iot.example.com");
    assert_eq!(claims["tenant"], "acme");
    assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(NOW), Some(NOW + 600)));
    assert_eq!(claims["jti"].as_str().unwrap().len(), 32);
    assert_ne!(claims["jti"], verify(&issuer.mint(&request()).unwrap(), &issuer.key_set()).unwrap()["jti"]);
    assert_eq!(decode_header(&token).unwrap().typ.as_deref(), Some("JWT"));
}

#[test]
fn audience_claim_and_typ_are_the_configured_ones() {
    let cognito = IssuerSettings {
        audience_claim: "client_id".to_owned(),
        typ: "at+jwt".to_owned(),
        ..settings(&["EdDSA"])
    };
    let issuer = DevelopmentIssuer::ephemeral(cognito).unwrap();
    let token = issuer.mint(&request()).unwrap();
    let claims = verify(&token, &issuer.key_set()).unwrap();
    assert_eq!((&claims["client_id"], &claims["aud"]), (&json!("iot.example.com"), &Value::Null));
    assert_eq!(decode_header(&token).unwrap().typ.as_deref(), Some("at+jwt"));
}

#[test]
fn a_requested_claim_replaces_a_registered_one() {
    let issuer = DevelopmentIssuer::ephemeral(settings(&["ES256"])).unwrap();
    let claims = Map::from_iter([("aud".to_owned(), json!(["a", "b"]))]);
    let token = issuer.mint(&TokenRequest { claims, ..request() }).unwrap();
    assert_eq!(verify(&token, &issuer.key_set()).unwrap()["aud"], json!(["a", "b"]));
}

#[test]
fn published_keys_have_a_thumbprint_no_private_members_and_alg_only_for_a_single_algorithm() {
    let issuer = DevelopmentIssuer::ephemeral(settings(&["RS256", "PS256", "ES384"])).unwrap();
    let set = issuer.key_set();
    let [rsa, ec] = set["keys"].as_array().unwrap().as_slice() else { panic!("{set}") };
    assert_eq!((&rsa["kty"], &rsa["alg"], &rsa["use"]), (&json!("RSA"), &Value::Null, &json!("sig")));
    assert_eq!((&ec["kty"], &ec["crv"], &ec["alg"]), (&json!("EC"), &json!("P-384"), &json!("ES384")));
    for key in [rsa, ec] {
        assert_eq!(key["kid"].as_str().unwrap().len(), 43);
        assert!(["d", "p", "q", "dp", "dq", "qi"].iter().all(|private| key.get(private).is_none()));
    }
}

#[test]
fn a_forged_token_has_the_kid_but_does_not_verify() {
    let issuer = DevelopmentIssuer::ephemeral(settings(&["RS256", "ES256"])).unwrap();
    let forger = issuer.forger().unwrap();
    for name in ["RS256", "ES256"] {
        let forged = forger.mint_with(algorithm(name).unwrap(), &request()).unwrap();
        let genuine = issuer.mint_with(algorithm(name).unwrap(), &request()).unwrap();
        assert_eq!(decode_header(&forged).unwrap().kid, decode_header(&genuine).unwrap().kid);
        assert_eq!(verify(&forged, &issuer.key_set()), None);
    }
}

#[test]
fn keys_are_created_once_and_an_invalid_key_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DevelopmentIssuer::open(settings(&["RS256", "ES256", "EdDSA"]), folder.path());
    let first = open().unwrap();
    assert_eq!(first.key_set(), open().unwrap().key_set());
    let file = folder.path().join("users-p256.pem");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::copy(folder.path().join("users-rsa.pem"), &file).unwrap();
    let error = open().unwrap_err().to_string();
    assert!(
        error.contains("users-p256.pem: not a private key") && error.contains("help: delete the file"),
        "{error}"
    );
}

#[test]
fn debug_output_has_no_private_key() {
    let shown = format!("{:?}", DevelopmentIssuer::ephemeral(settings(&["EdDSA"])).unwrap());
    assert!(shown.contains("kid") && !shown.contains("encoding") && !shown.contains("content"), "{shown}");
}

#[test]
fn only_algorithms_of_the_issuer_can_sign() {
    let issuer = DevelopmentIssuer::ephemeral(settings(&["ES256"])).unwrap();
    assert!(matches!(
        issuer.mint_with(Algorithm::RS256, &request()),
        Err(MintError::NoKey(Algorithm::RS256))
    ));
    assert_eq!((algorithm("HS256"), algorithm("none"), algorithm("ES512")), (None, None, None));
    assert_eq!(algorithm("Ed25519"), Some(Algorithm::EdDSA));
    let endless = TokenRequest { ttl: Duration::from_secs(u64::MAX), ..request() };
    assert!(matches!(issuer.mint(&endless), Err(MintError::Time)));
}
