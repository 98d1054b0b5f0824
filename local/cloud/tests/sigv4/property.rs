//! Random requests that AWS's signer signed are verified. A changed request is only verified if the signer, which then
//! signs what was changed, arrives at the same signature.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::changes::NOW;
use super::{Case, SECRET};

const KEY: &str = "AKIDEXAMPLE";
const PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

fn settings(location: SignatureLocation) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.expires_in = (location == SignatureLocation::QueryParams).then(|| Duration::from_secs(60));
    settings.session_token_mode = match location {
        SignatureLocation::QueryParams => SessionTokenMode::Exclude,
        _ => SessionTokenMode::Include,
    };
    settings.signature_location = location;
    settings
}

/// Signs a request without a signature. Returns the signed request and the signature.
fn signed(case: &Case, location: SignatureLocation) -> Option<(Case, String)> {
    let credentials = Credentials::new(KEY, SECRET, case.token.clone(), None, "test");
    let identity = credentials.into();
    let time = UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs());
    let parameters =
        SigningParams::builder().identity(&identity).region("us-east-1").name("iotdata").time(time);
    let parameters = parameters.settings(settings(location)).build().ok()?.into();
    let host = case.headers.iter().find(|(name, _)| name == "host").map(|(_, host)| host)?;
    let address = format!("https://{host}{}", case.target);
    let headers = case.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let request =
        SignableRequest::new(&case.method, address, headers, SignableBody::Bytes(case.body.as_bytes()))
            .ok()?;
    let (instructions, signature) = sign(request, &parameters).ok()?.into_parts();
    let (headers, query) = instructions.into_parts();
    let mut case = case.clone();
    for header in headers {
        case.headers.push((header.name().to_owned(), header.value().to_owned()));
    }
    for (name, value) in query {
        let separator = if case.target.contains('?') { '&' } else { '?' };
        let value = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
        case.target = format!("{}{separator}{name}={value}", case.target);
    }
    Some((case, signature))
}

/// Removes what the signer adds and everything that is not signed, so that the signer can sign again.
fn stripped(case: &Case, signed_headers: &[String]) -> Case {
    let mut case = case.clone();
    // Names of headers have no case.
    case.headers.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    case.headers.retain(|(name, _)| {
        signed_headers.contains(name) && !["x-amz-date", "x-amz-security-token"].contains(&name.as_str())
    });
    if let Some((path, query)) = case.target.split_once('?') {
        let is_added = |pair: &&str| {
            let name = percent_decode_str(pair.split('=').next().unwrap_or_default()).decode_utf8_lossy();
            PARAMETERS.contains(&&*name)
        };
        let kept: Vec<_> = query.split('&').filter(|pair| !is_added(pair)).collect();
        case.target = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    }
    case
}

/// Changes one character of a part of a request.
fn changed(case: &Case, part: usize, position: usize, character: char) -> Case {
    let mut case = case.clone();
    let count = case.headers.len();
    let text = match part % (count * 2 + 3) {
        0 => &mut case.method,
        1 => &mut case.target,
        2 => &mut case.body,
        part if part % 2 == 0 => &mut case.headers[(part - 3) / 2].0,
        part => &mut case.headers[(part - 3) / 2].1,
    };
    let mut characters: Vec<_> = text.chars().collect();
    match characters.len() {
        0 => characters.push(character),
        length => characters[position % length] = character,
    }
    *text = characters.into_iter().collect();
    case
}

fn requests() -> impl Strategy<Value = (Case, bool)> {
    let path = "(/[a-zA-Z0-9_.~$:@-]{1,6}(%[2-7][0-9A-F])?){1,4}";
    let query = prop_oneof![
        Just(String::new()),
        "[a-z]{1,4}=[a-zA-Z0-9_.~-]{0,5}(&[a-z]{1,3}=(%[2-7][0-9A-F]){1,2})?"
    ];
    let header = ("x-[a-z]{1,6}", "[a-zA-Z0-9,;=\" ]{0,12}");
    let headers = proptest::collection::vec(header, 0..3);
    let token = proptest::option::of("[A-Za-z0-9+/]{8,40}==");
    let method = prop_oneof![Just("GET"), Just("POST"), Just("DELETE")];
    (method, path, query, headers, "[ -~]{0,20}", token, any::<bool>()).prop_map(
        |(method, path, query, mut headers, body, token, is_query)| {
            headers.push(("host".to_owned(), "localhost:8443".to_owned()));
            let target = if query.is_empty() { path } else { format!("{path}?{query}") };
            let (title, method) = (String::new(), method.to_owned());
            (Case { title, method, target, headers, body, token, secret: None, denied: None }, is_query)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_is_verified_is_what_was_signed(
        (case, is_query) in requests(),
        changes in proptest::collection::vec((0..64_usize, 0..400_usize, "[ -~é]"), 10),
    ) {
        let location = || if is_query { SignatureLocation::QueryParams } else { SignatureLocation::Headers };
        let (signed_case, signature) = signed(&case, location()).unwrap();
        let verify = |case: &Case| case.verify("us-east-1", &["iotdata"], NOW);
        prop_assert_eq!(verify(&signed_case), Ok(()));
        let mut names: Vec<_> = case.headers.iter().map(|(name, _)| name.clone()).collect();
        names.extend(["x-amz-date".to_owned(), "x-amz-security-token".to_owned()]);
        for (part, position, character) in &changes {
            let change = changed(&signed_case, *part, *position, character.chars().next().unwrap());
            if verify(&change).is_ok() {
                let again = signed(&stripped(&change, &names), location());
                prop_assert_eq!(again.map(|(_, signature)| signature), Some(signature.clone()), "{}", change.target);
            }
        }
    }
}
