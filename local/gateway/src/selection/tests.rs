use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RsaEncoding,
    RsaKeyPair,
};
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use iot_local_cloud::{BuiltInAuthorizer, Cloud, CloudOptions};

use super::*;
use crate::auth::authorizers::LiveAuthorizers;

static KEYS: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

const TOKEN: &str = "header.payload";

fn public_pem(key: &RsaKeyPair) -> String {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    pem::encode(&pem::Pem::new("PUBLIC KEY", der.as_ref()))
}

fn sign(key: &RsaKeyPair, padding: &'static dyn RsaEncoding, text: &str) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    signature
}

/// Returns a token and its signature, whose base64 contains the characters that need percent-encoding.
fn signed_token() -> (String, Vec<u8>) {
    (0..)
        .map(|number| format!("{TOKEN}{number}"))
        .map(|token| (token.clone(), sign(&KEYS[0], &RSA_PKCS1_SHA256, &token)))
        .find(|(_, signature)| {
            let text = STANDARD.encode(signature);
            text.contains('+') && text.contains('/')
        })
        .unwrap()
}

fn with_signing_key() -> AuthorizerDefinition {
    let keys = KEYS.iter().take(1).map(|key| SigningKey::from_pem(&public_pem(key)).unwrap());
    AuthorizerDefinition { signing_keys: keys.collect(), ..AuthorizerDefinition::default() }
}

/// Selects among the built-in authorizer alone, as a gateway without further authorizers does.
impl AuthorizerDefinition {
    fn select(&self, http: Option<&HttpFacts>, mqtt: Option<&MqttFacts>) -> Result<Selected, SelectionError> {
        let account = iot_local_cloud::Account::new("us-east-1", "123456789012").unwrap();
        let cloud = Cloud::open(CloudOptions {
            account,
            folder: None,
            private: None,
            endpoint: "localhost".to_owned(),
            clock: iot_local_base::clock::now,
        });
        let cloud = cloud.unwrap();
        let authorizer = self.description("arn:aws:lambda:us-east-1:123456789012:function:f", 0).into();
        cloud.set_built_in_authorizer(BuiltInAuthorizer { authorizer, is_default: self.is_default });
        let live = LiveAuthorizers::of(&cloud, self);
        live.select(requested_name(http, mqtt)?, None)?.definition.find_token(http, mqtt)
    }
}

fn http(headers: &[(&str, &str)], query: Option<&str>) -> HttpFacts {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    HttpFacts { headers, query: query.map(str::to_owned) }
}

fn mqtt(username: &str) -> MqttFacts {
    MqttFacts { username: Some(username.to_owned()), password: None, client_id: None }
}

fn unknown(requested: &str) -> Result<(), SelectionError> {
    Err(SelectionError::Unknown { requested: requested.to_owned(), known: "iot-jwt-authorizer".to_owned() })
}

#[test]
fn selects_by_name_and_otherwise_the_default() {
    let not_default = AuthorizerDefinition { is_default: false, ..AuthorizerDefinition::default() };
    let parameter = "x-amz-customauthorizer-name=iot-jwt-authorizer";
    for (facts, expected_of_default, expected_otherwise) in [
        ((http(&[], None), mqtt("u")), Ok(()), Err(SelectionError::Unnamed)),
        ((http(&[], None), mqtt(parameter)), Ok(()), Err(SelectionError::Unnamed)),
        ((http(&[], Some("Name=iot-jwt-authorizer")), mqtt("")), Ok(()), Err(SelectionError::Unnamed)),
        ((http(&[("X-Amz-CustomAuthorizer-Name", "iot-jwt-authorizer")], None), mqtt("u")), Ok(()), Ok(())),
        ((http(&[], Some(parameter)), mqtt("u")), Ok(()), Ok(())),
        (
            (http(&[], Some("a&x-amz-customauthorizer-name=iot%2Djwt%2Dauthorizer")), mqtt("u")),
            Ok(()),
            Ok(()),
        ),
        ((http(&[], None), mqtt(&format!("u?{parameter}&SDK=x"))), Ok(()), Ok(())),
        ((http(&[], None), mqtt(&format!("u?a=b?{parameter}"))), Ok(()), Ok(())),
        (
            (http(&[], Some("x-amz-customauthorizer-name=other")), mqtt("u")),
            unknown("other"),
            unknown("other"),
        ),
        // Clients in the field send an empty or a quoted empty name for the default authorizer.
        ((http(&[], Some("x-amz-customauthorizer-name=")), mqtt("u")), Ok(()), Err(SelectionError::Unnamed)),
        (
            (http(&[], Some("x-amz-customauthorizer-name=''")), mqtt("u")),
            Ok(()),
            Err(SelectionError::Unnamed),
        ),
        (
            (http(&[], None), mqtt("u?x-amz-customauthorizer-name=%27%27")),
            Ok(()),
            Err(SelectionError::Unnamed),
        ),
        (
            (http(&[("x-amz-customauthorizer-name", "\"\"")], None), mqtt("u")),
            Ok(()),
            Err(SelectionError::Unnamed),
        ),
        ((http(&[], Some("x-amz-customauthorizer-name='")), mqtt("u")), unknown("'"), unknown("'")),
        ((http(&[], Some("x-amz-customauthorizer-name='a'")), mqtt("u")), unknown("'a'"), unknown("'a'")),
        ((http(&[], Some("x-amz-customauthorizer-name=%20")), mqtt("u")), unknown(" "), unknown(" ")),
        (
            (http(&[], Some("x-amz-customauthorizer-name=IOT-JWT-AUTHORIZER")), mqtt("u")),
            unknown("IOT-JWT-AUTHORIZER"),
            unknown("IOT-JWT-AUTHORIZER"),
        ),
        // The header has precedence over the query.
        (
            (http(&[("x-amz-customauthorizer-name", "h")], Some(parameter)), mqtt("u")),
            unknown("h"),
            unknown("h"),
        ),
    ] {
        let select =
            |authorizer: &AuthorizerDefinition| authorizer.select(Some(&facts.0), Some(&facts.1)).map(|_| ());
        assert_eq!(select(&AuthorizerDefinition::default()), expected_of_default, "{:?}", facts.0.query);
        assert_eq!(select(&not_default), expected_otherwise, "{:?}", facts.0.query);
    }
    let long = format!("x-amz-customauthorizer-name={}", "n".repeat(1000));
    let outcome = not_default.select(Some(&http(&[], Some(&long))), None).map(|_| ());
    assert_eq!(outcome, unknown(&"n".repeat(128)));
}

#[test]
fn checks_the_signature_of_a_token() {
    let (token, signature) = signed_token();
    let text = STANDARD.encode(&signature);
    let encoded = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let bare_slash = text.replace('+', "%2B").replace('=', "%3D");
    let select = |token: &str, signature: &str| {
        let query = format!("token={token}&{SIGNATURE_KEY}={signature}");
        with_signing_key().select(Some(&http(&[], Some(&query))), None).map(|selected| {
            assert_eq!(selected.token.as_deref(), Some(token));
            selected.signature_verified
        })
    };
    let one_sign = text.strip_suffix('=').unwrap();
    // The forms of AWS's clients: not encoded, encoded without the slash, encoded. The API model has optional padding.
    for valid in [&text, &bare_slash, &encoded, &STANDARD_NO_PAD.encode(&signature), one_sign] {
        assert_eq!(select(&token, valid), Ok(true), "{valid}");
    }
    let in_username = mqtt(&format!("u?token={token}&{SIGNATURE_KEY}={encoded}"));
    assert!(
        with_signing_key().select(None, Some(&in_username)).is_ok_and(|selected| selected.signature_verified)
    );
    let in_headers = http(&[("TOKEN", &token), (SIGNATURE_KEY, &text)], None);
    assert!(
        with_signing_key().select(Some(&in_headers), None).is_ok_and(|selected| selected.signature_verified)
    );

    let encode = |signature: &[u8]| STANDARD.encode(signature);
    let mut changed = signature.clone();
    changed[0] ^= 1;
    for (token, invalid, expected) in [
        ("", text.clone(), SelectionError::MissingToken("token".to_owned())),
        (&token, String::new(), SelectionError::MissingSignature),
        (&token, URL_SAFE.encode(&signature), SelectionError::NotBase64),
        (&token, format!("{text}="), SelectionError::NotBase64),
        (&token, format!("={text}"), SelectionError::NotBase64),
        (&token, STANDARD_NO_PAD.encode(&changed), SelectionError::BadSignature),
        (&token, text.replace('+', " "), SelectionError::NotBase64),
        (&token, "A".repeat(2564), SelectionError::NotBase64),
        (&token, encode(&changed), SelectionError::BadSignature),
        (&token, encode(&signature[1..]), SelectionError::BadSignature),
        (&token, encode(b"x"), SelectionError::BadSignature),
        ("another", text.clone(), SelectionError::BadSignature),
        (&token, encode(&sign(&KEYS[1], &RSA_PKCS1_SHA256, &token)), SelectionError::BadSignature),
        (&token, encode(&sign(&KEYS[0], &RSA_PKCS1_SHA384, &token)), SelectionError::BadSignature),
    ] {
        assert_eq!(select(token, &invalid), Err(expected), "{token} {invalid}");
    }
    let without_token = with_signing_key().select(Some(&http(&[], None)), Some(&mqtt("u"))).map(|_| ());
    assert_eq!(without_token, Err(SelectionError::MissingToken("token".to_owned())));
}

#[test]
fn the_token_is_in_header_query_or_user_name() {
    let token = |http: &HttpFacts, mqtt: Option<&MqttFacts>| lookup("token", Some(http), mqtt);
    assert_eq!(token(&http(&[("TOKEN", "h")], Some("token=q")), None).as_deref(), Some("h"));
    assert_eq!(token(&http(&[], Some("a=b&token=q+r%2Bs")), None).as_deref(), Some("q+r+s"));
    let username = mqtt("u?x-amz-customauthorizer-name=iot-jwt-authorizer&token=n&Metadata=(A=1;B=2)");
    assert_eq!(token(&http(&[], None), Some(&username)).as_deref(), Some("n"));
    assert_eq!(token(&http(&[], None), Some(&mqtt("token=no"))), None);
}

#[test]
fn accepts_a_signature_by_any_of_several_keys() {
    let keys = KEYS.iter().map(|key| SigningKey::from_pem(&public_pem(key)).unwrap()).collect();
    let authorizer = AuthorizerDefinition { signing_keys: keys, ..AuthorizerDefinition::default() };
    for key in KEYS.iter() {
        let signature = STANDARD.encode(sign(key, &RSA_PKCS1_SHA256, TOKEN));
        assert!(authorizer.check_signature(Some(TOKEN.to_owned()), || Some(signature)).is_ok());
    }
}

#[test]
fn without_signing_keys_no_signature_is_checked() {
    let query = format!("token=t&{SIGNATURE_KEY}=nonsense");
    let selected = AuthorizerDefinition::default().select(Some(&http(&[], Some(&query))), None).ok().unwrap();
    assert_eq!((selected.token, selected.signature_verified), (None, false));
    // TestInvokeAuthorizer passes its token on.
    let selected =
        AuthorizerDefinition::default().check_signature(Some("t".to_owned()), || None).ok().unwrap();
    assert_eq!((selected.token.as_deref(), selected.signature_verified), (Some("t"), false));
}

#[test]
fn rejects_keys_that_aws_iot_does_not_support() {
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = ec.public_key().as_der().unwrap();
    let ec = pem::encode(&pem::Pem::new("PUBLIC KEY", der.as_ref()));
    let rsa = public_pem(&KEYS[0]);
    let block = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    for (text, expected) in [
        ("", "not PEM; expected"),
        ("MIIB", "not PEM; expected"),
        ("-----BEGIN PUBLIC KEY-----\nMIIB", "not PEM; expected"),
        (&ec, "unsupported key; expected an RSA key"),
        (&rsa.replace("PUBLIC KEY", "PRIVATE KEY"), "a private key; expected the public half"),
        (&rsa.replace("PUBLIC KEY", "EC PRIVATE KEY"), "`openssl pkey -in FILE -pubout`"),
        (&rsa.replace("PUBLIC KEY", "ENCRYPTED PRIVATE KEY"), "a private key; expected the public half"),
        (&rsa.replace("PUBLIC KEY", "OPENSSH PRIVATE KEY"), "`ssh-keygen -e -m PKCS8 -f FILE`"),
        (&[&*rsa, &block("PRIVATE KEY", "AAAA")].concat(), "a private key; expected the public half"),
        (&rsa.replace("PUBLIC KEY", "CERTIFICATE"), "`openssl x509 -in FILE -pubkey -noout`"),
        (&rsa.replace("PUBLIC KEY", "PARAMETERS"), "unexpected PEM block \"PARAMETERS\""),
        (&block("PUBLIC KEY", "AAAA"), "unsupported key; expected an RSA key"),
        (&block("PUBLIC KEY", "A*"), "unsupported key; expected an RSA key"),
        (&block("RSA PUBLIC KEY", ""), "unsupported key; expected an RSA key"),
        ("ssh-rsa AAAA", "`ssh-keygen -e -m PKCS8 -f FILE`"),
        ("ecdsa-sha2-nistp256 AAAA", "`ssh-keygen -e -m PKCS8 -f FILE`"),
    ] {
        let error = SigningKey::from_pem(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn rejects_a_request_larger_than_aws_iot_passes_on() {
    // `Token: ` with its line ending, and the query `q`, are ten bytes without the value.
    for (length, expected) in [(8192 - 10, Ok(())), (8192 - 9, Err(SelectionError::HttpTooLarge(8193)))] {
        let facts = http(&[("Token", &"x".repeat(length))], Some("q"));
        assert_eq!(AuthorizerDefinition::default().select(Some(&facts), None).map(|_| ()), expected);
    }
    let username = mqtt(&format!("u?token={}", "x".repeat(20_000)));
    assert!(
        AuthorizerDefinition::default().select(None, Some(&username)).is_ok(),
        "the limit does not apply to MQTT"
    );
}
