//! Any text as a signed request, of HTTP or of the address of a WebSocket: a line of method and target, a line for each
//! header, an empty line, a body. `$SIGNATURE` stands for the signature that a second implementation makes.
//!
//! Asserted: a request is verified exactly if the second implementation signs it so, for the Region, a service, the
//! time and the key that are expected; a verified request is denied after each change of a part that is signed, and
//! verified after a change of what is not; a denial has texts without secret, session token and signature.

#![no_main]

#[path = "sigv4/reference.rs"]
mod reference;

use iot_local_cloud::sigv4::{
    AccessKey, Expected, MAX_SKEW_SECONDS, Signature, SignatureDenial, SignedRequest,
};
use libfuzzer_sys::fuzz_target;
use reference::{Parameters, Request};

const REGION: &str = "us-east-1";
const SERVICES: [&str; 3] = ["iotdevicegateway", "iotdata", "service"];
/// 2026-01-15T12:00:00Z.
const NOW: i64 = 1_768_478_400;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//token+with/slash==";

/// The session token of a known access key, or that it has none.
fn session_token(key: &str) -> Option<Option<&'static str>> {
    match key {
        "AKIDEXAMPLE" => Some(None),
        "ASIAIOSFODNN7EXAMPLE" => Some(Some(TOKEN)),
        _ => None,
    }
}

fuzz_target!(|input: &str| {
    let request = Request::read(input);
    let signature = reference::parameters(&request).and_then(|parameters| {
        let signed = reference::sign(&request, &parameters, SECRET)?;
        Some((parameters, signed))
    });
    let request = match &signature {
        Some((_, signed)) => Request::read(&input.replace("$SIGNATURE", signed)),
        None => request,
    };
    let outcome = verify(&request, SECRET, NOW);
    let parameters = reference::parameters(&request);
    let is_valid = parameters.as_ref().is_some_and(|parameters| is_valid(&request, parameters));
    match outcome {
        Ok(()) => {
            assert!(is_valid, "verified, and not signed so");
            check_changes(&request, &parameters.unwrap());
        }
        Err(denial) => {
            assert!(!is_valid, "{denial:?}");
            check_texts(input, &denial, signature.as_ref().map(|(_, signed)| signed.as_str()));
        }
    }
});

fn verify(request: &Request, secret: &str, now: i64) -> Result<(), Option<SignatureDenial>> {
    let Request { method, path, query, headers, body } = request;
    let signed = SignedRequest { method, path, query, headers, body: body.as_bytes() };
    let signature = Signature::read(&signed)?.ok_or(None::<SignatureDenial>)?;
    assert!(Signature::mark_in(&signed).is_some());
    let key = session_token(signature.access_key()).map(|token| AccessKey {
        secret: secret.to_owned(),
        session_token: token.map(str::to_owned),
        expiration: None,
    });
    let expected = Expected { region: REGION, services: &SERVICES, now };
    signature.verify(&signed, key.as_ref(), &expected).map_err(Some)
}

/// Whether all is as it must be, by the second implementation.
fn is_valid(request: &Request, parameters: &Parameters) -> bool {
    let Some(token) = session_token(&parameters.access_key) else { return false };
    let age = NOW - parameters.seconds;
    let longest = parameters.expires.unwrap_or(MAX_SKEW_SECONDS).min(MAX_SKEW_SECONDS);
    parameters.region == REGION
        && SERVICES.contains(&parameters.service.as_str())
        && parameters.date.starts_with(&parameters.day)
        && (-MAX_SKEW_SECONDS..=longest).contains(&age)
        && parameters.session_token.as_deref() == token
        && request.values("x-amz-content-sha256").all(|hash| hash.trim() == reference::sha256(&request.body))
        && reference::sign(request, parameters, SECRET).is_some_and(|signed| signed == parameters.signature)
}

/// Changes a verified request in each of its parts.
fn check_changes(request: &Request, parameters: &Parameters) {
    let denied = |what: &str, change: &dyn Fn(&mut Request)| {
        let mut changed = request.clone();
        change(&mut changed);
        assert!(verify(&changed, SECRET, NOW).is_err(), "verified with another {what}");
    };
    denied("method", &|request| request.method.push('X'));
    denied("path", &|request| request.path.push('x'));
    // Without a segment of dots, which could take the new one back.
    if !request.path.contains("..") {
        denied("path", &|request| request.path.insert_str(0, "/x"));
    }
    denied("query", &|request| request.query.push_str(if request.query.is_empty() { "x" } else { "&x" }));
    denied("body", &|request| request.body.push(' '));
    for name in &parameters.signed_headers {
        denied(name, &|request| {
            request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        });
        denied(name, &|request| request.headers.push((name.to_ascii_uppercase(), "x".to_owned())));
        denied(name, &|request| {
            let header = request.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
            header.unwrap().1.push('x');
        });
    }
    let other_digit = if parameters.signature.ends_with('0') { "1" } else { "0" };
    let other = format!("{}{other_digit}", &parameters.signature[..63]);
    let is_plain = |text: &String| text.contains(&parameters.signature);
    // In a query, its digits may be encoded.
    if is_plain(&request.query) || request.headers.iter().any(|(_, value)| is_plain(value)) {
        denied("signature", &|request| {
            request.query = request.query.replace(&parameters.signature, &other);
            request
                .headers
                .iter_mut()
                .for_each(|(_, value)| *value = value.replace(&parameters.signature, &other));
        });
    }
    assert!(verify(request, "another secret", NOW).is_err());
    for now in [parameters.seconds - MAX_SKEW_SECONDS - 1, parameters.seconds + MAX_SKEW_SECONDS + 1] {
        assert!(verify(request, SECRET, now).is_err(), "verified at {now}");
    }
    let mut same = request.clone();
    same.headers.insert(0, ("X-Not-Signed".to_owned(), "1".to_owned()));
    same.headers.iter_mut().for_each(|(name, _)| *name = name.to_ascii_uppercase());
    if !parameters.signed_headers.iter().any(|name| name == "x-not-signed") {
        assert_eq!(verify(&same, SECRET, NOW), Ok(()), "denied with a header that is not signed");
    }
}

/// The texts of a denial hold nothing that is secret, unless the input has it in a place for something else.
fn check_texts(input: &str, denial: &Option<SignatureDenial>, signed: Option<&str>) {
    let Some(denial) = denial else { return };
    let texts = [denial.to_string(), denial.message()];
    assert!(texts.iter().all(|text| !text.is_empty() && text.len() < 4_000 + 20 * input.len()));
    let hidden = |secret: &str| texts.iter().all(|text| !text.contains(secret));
    assert!(hidden(SECRET) || input.contains(SECRET));
    let Some(signed) = signed else { return };
    let has_one = |text: &str| input.matches(text).count() == 1;
    assert!(hidden(signed) || !has_one("$SIGNATURE"), "{texts:?}");
    // The first characters of the token are the same in the encoded one.
    let is_in_place = ["X-Amz-Security-Token=", "X-Amz-Security-Token:", "X-Amz-Security-Token: "]
        .iter()
        .any(|name| input.contains(&format!("{name}IQoJb3JpZ2luX2VjEXAMPLE")));
    assert!(
        hidden("IQoJb3JpZ2luX2VjEXAMPLE") || !is_in_place || !has_one("IQoJb3JpZ2luX2VjEXAMPLE"),
        "{texts:?}"
    );
}
