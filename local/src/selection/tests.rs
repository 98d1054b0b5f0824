use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RsaEncoding,
    RsaKeyPair,
};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};

use super::*;

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

/// A signature whose base64 holds what needs to be encoded; the token is chosen so.
fn signed() -> (String, Vec<u8>) {
    (0..)
        .map(|number| format!("{TOKEN}{number}"))
        .map(|token| (token.clone(), sign(&KEYS[0], &RSA_PKCS1_SHA256, &token)))
        .find(|(_, signature)| {
            let text = STANDARD.encode(signature);
            text.contains('+') && text.contains('/')
        })
        .unwrap()
}

fn signing() -> Authorizer {
    let keys = KEYS.iter().take(1).map(|key| SigningKey::from_pem(&public_pem(key)).unwrap());
    Authorizer { signing_keys: keys.collect(), ..Authorizer::default() }
}

fn http(headers: &[(&str, &str)], query: Option<&str>) -> HttpFacts {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    HttpFacts { headers, query: query.map(str::to_owned) }
}

fn mqtt(username: &str) -> MqttFacts {
    MqttFacts { username: Some(username.to_owned()), password: None, client_id: None }
}

fn unknown(asked: &str) -> Result<(), Unselected> {
    Err(Unselected::Unknown { asked: asked.to_owned(), known: "iot-jwt-authorizer".to_owned() })
}

#[test]
fn the_name_chooses_and_without_one_the_default_decides() {
    let named = Authorizer { is_default: false, ..Authorizer::default() };
    let own = "x-amz-customauthorizer-name=iot-jwt-authorizer";
    for (facts, by_default, by_name) in [
        ((http(&[], None), mqtt("u")), Ok(()), Err(Unselected::Unnamed)),
        ((http(&[], None), mqtt(own)), Ok(()), Err(Unselected::Unnamed)),
        ((http(&[], Some("Name=iot-jwt-authorizer")), mqtt("")), Ok(()), Err(Unselected::Unnamed)),
        ((http(&[("X-Amz-CustomAuthorizer-Name", "iot-jwt-authorizer")], None), mqtt("u")), Ok(()), Ok(())),
        ((http(&[], Some(own)), mqtt("u")), Ok(()), Ok(())),
        (
            (http(&[], Some("a&x-amz-customauthorizer-name=iot%2Djwt%2Dauthorizer")), mqtt("u")),
            Ok(()),
            Ok(()),
        ),
        ((http(&[], None), mqtt(&format!("u?{own}&SDK=x"))), Ok(()), Ok(())),
        ((http(&[], None), mqtt(&format!("u?a=b?{own}"))), Ok(()), Ok(())),
        (
            (http(&[], Some("x-amz-customauthorizer-name=other")), mqtt("u")),
            unknown("other"),
            unknown("other"),
        ),
        ((http(&[], Some("x-amz-customauthorizer-name=")), mqtt("u")), unknown(""), unknown("")),
        ((http(&[], Some("x-amz-customauthorizer-name=''")), mqtt("u")), unknown("''"), unknown("''")),
        (
            (http(&[], Some("x-amz-customauthorizer-name=IOT-JWT-AUTHORIZER")), mqtt("u")),
            unknown("IOT-JWT-AUTHORIZER"),
            unknown("IOT-JWT-AUTHORIZER"),
        ),
        // The header comes first, then the query.
        ((http(&[("x-amz-customauthorizer-name", "h")], Some(own)), mqtt("u")), unknown("h"), unknown("h")),
    ] {
        let ask = |authorizer: &Authorizer| authorizer.select(Some(&facts.0), Some(&facts.1)).map(|_| ());
        assert_eq!(ask(&Authorizer::default()), by_default, "{:?}", facts.0.query);
        assert_eq!(ask(&named), by_name, "{:?}", facts.0.query);
    }
    let long = format!("x-amz-customauthorizer-name={}", "n".repeat(1000));
    let refused = named.select(Some(&http(&[], Some(&long))), None).map(|_| ());
    assert_eq!(refused, unknown(&"n".repeat(128)));
}

#[test]
fn a_signed_token_is_verified_before_the_authorizer_is_asked() {
    let (token, signature) = signed();
    let text = STANDARD.encode(&signature);
    let encoded = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let bare_slash = text.replace('+', "%2B").replace('=', "%3D");
    let ask = |token: &str, signature: &str| {
        let query = format!("token={token}&{SIGNATURE_KEY}={signature}");
        signing().select(Some(&http(&[], Some(&query))), None).map(|selected| {
            assert_eq!(selected.token.as_deref(), Some(token));
            selected.signature_verified
        })
    };
    // As AWS's clients write it: nothing encoded, all but the slash, all.
    for good in [&text, &bare_slash, &encoded] {
        assert_eq!(ask(&token, good), Ok(true), "{good}");
    }
    let by_user = mqtt(&format!("u?token={token}&{SIGNATURE_KEY}={encoded}"));
    assert!(signing().select(None, Some(&by_user)).is_ok_and(|selected| selected.signature_verified));
    let by_header = http(&[("TOKEN", &token), (SIGNATURE_KEY, &text)], None);
    assert!(signing().select(Some(&by_header), None).is_ok_and(|selected| selected.signature_verified));

    let of = |signature: &[u8]| STANDARD.encode(signature);
    let mut changed = signature.clone();
    changed[0] ^= 1;
    for (token, bad, expected) in [
        ("", text.clone(), Unselected::NoToken("token".to_owned())),
        (&token, String::new(), Unselected::NoSignature),
        (&token, URL_SAFE.encode(&signature), Unselected::NotBase64),
        (&token, STANDARD_NO_PAD.encode(&signature), Unselected::NotBase64),
        (&token, text.replace('+', " "), Unselected::NotBase64),
        (&token, "A".repeat(2564), Unselected::NotBase64),
        (&token, of(&changed), Unselected::BadSignature),
        (&token, of(&signature[1..]), Unselected::BadSignature),
        (&token, of(b"x"), Unselected::BadSignature),
        ("another", text.clone(), Unselected::BadSignature),
        (&token, of(&sign(&KEYS[1], &RSA_PKCS1_SHA256, &token)), Unselected::BadSignature),
        (&token, of(&sign(&KEYS[0], &RSA_PKCS1_SHA384, &token)), Unselected::BadSignature),
    ] {
        assert_eq!(ask(token, &bad), Err(expected), "{token} {bad}");
    }
    let nothing = signing().select(Some(&http(&[], None)), Some(&mqtt("u"))).map(|_| ());
    assert_eq!(nothing, Err(Unselected::NoToken("token".to_owned())));
}

#[test]
fn any_of_several_keys_will_do() {
    let keys = KEYS.iter().map(|key| SigningKey::from_pem(&public_pem(key)).unwrap()).collect();
    let authorizer = Authorizer { signing_keys: keys, ..Authorizer::default() };
    for key in KEYS.iter() {
        let signature = STANDARD.encode(sign(key, &RSA_PKCS1_SHA256, TOKEN));
        assert!(authorizer.check(Some(TOKEN.to_owned()), || Some(signature)).is_ok());
    }
}

#[test]
fn with_signing_off_nothing_is_verified() {
    let query = format!("token=t&{SIGNATURE_KEY}=nonsense");
    let selected = Authorizer::default().select(Some(&http(&[], Some(&query))), None).ok().unwrap();
    assert_eq!((selected.token.as_deref(), selected.signature_verified), (Some("t"), false));
    let keyless = Authorizer { token_key: None, ..Authorizer::default() };
    assert_eq!(keyless.select(Some(&http(&[], Some("token=t"))), None).ok().unwrap().token, None);
}

#[test]
fn a_key_that_aws_iot_would_not_take_is_named() {
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = ec.public_key().as_der().unwrap();
    let ec = pem::encode(&pem::Pem::new("PUBLIC KEY", der.as_ref()));
    let good = public_pem(&KEYS[0]);
    for (text, expected) in [
        ("", "no PEM"),
        ("MIIB", "no PEM"),
        (&ec, "no RSA key"),
        (&good.replace("PUBLIC KEY", "PRIVATE KEY"), "holds a PRIVATE KEY"),
        (&good.replace("PUBLIC KEY", "RSA PUBLIC KEY"), "holds a RSA PUBLIC KEY"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no RSA key"),
    ] {
        let error = SigningKey::from_pem(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn the_command_line_defines_an_authorizer_that_aws_iot_would_create() {
    use clap::Parser;
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: AuthorizerArgs,
    }
    let read = |line: &[&str]| Line::try_parse_from(["serve"].iter().chain(line)).map(|line| line.args);
    let defined = |line: &[&str]| read(line).unwrap().authorizer().unwrap();
    let default = defined(&[]);
    assert_eq!((default.name.as_str(), default.is_default), ("iot-jwt-authorizer", true));
    assert_eq!((default.token_key.as_deref(), default.caching_for_http), (Some("token"), false));
    assert!(default.signing_keys.is_empty());
    let other = defined(&["--authorizer", "a=b,c@d-e_f", "--no-default-authorizer", "--cache-http"]);
    assert_eq!((other.name.as_str(), other.is_default, other.caching_for_http), ("a=b,c@d-e_f", false, true));
    assert_eq!(defined(&["--token-key", "jwt"]).token_key.as_deref(), Some("jwt"));
    assert_eq!(defined(&["--no-token-key"]).token_key, None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, public_pem(&KEYS[0])).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(defined(&["--signing-key", path, "--signing-key", path]).signing_keys.len(), 2);
    let long = "n".repeat(129);
    for bad in [
        &["--authorizer", ""][..],
        &["--authorizer", "a b"],
        &["--authorizer", "a/b"],
        &["--authorizer", &long],
        &["--token-key", "a=b"],
        &["--token-key", ""],
        &["--no-token-key", "--token-key", "a"],
        &["--no-token-key", "--signing-key", path],
    ] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
    for (file, expected) in [("nothing.pem", "No such file"), ("key.txt", "no PEM")] {
        let path = folder.path().join(file);
        if file.ends_with("txt") {
            std::fs::write(&path, "text").unwrap();
        }
        let args = read(&["--signing-key", path.to_str().unwrap()]).unwrap();
        let error = args.authorizer().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("--signing-key"), "{error}");
    }
}

#[test]
fn a_request_larger_than_aws_iot_passes_on_is_refused() {
    // `Token: ...` with its line end and the query `q` are ten bytes and the value.
    for (length, expected) in [(8192 - 10, Ok(())), (8192 - 9, Err(Unselected::TooMuchHttp(8193)))] {
        let facts = http(&[("Token", &"x".repeat(length))], Some("q"));
        assert_eq!(Authorizer::default().select(Some(&facts), None).map(|_| ()), expected);
    }
    let username = mqtt(&format!("u?token={}", "x".repeat(20_000)));
    assert!(Authorizer::default().select(None, Some(&username)).is_ok(), "MQTT has other limits");
}
