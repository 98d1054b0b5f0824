//! Signed addresses with one change each, as data. Nearly all are denied, each with its reason.

use super::{Case, check};

/// The time of the addresses in `clients.json`: 2026-01-15T12:00:00Z.
pub(super) const NOW: i64 = 1_768_478_400;

const SDK: &str = "aws-iot-device-sdk 2.2.16";
const SMITHY: &str = "@smithy/signature-v4 5.7.5 and aws-sigv4 1.6.4, token appended";
const CRT: &str = "awscrt 0.38.1";
const CRT_HEADER: &str = "awscrt 0.38.1, header";
const PYTHON: &str = "AWSIoTPythonSDK 1.6.2";
const SIGNATURE: &str = "498f87e826470dcfe7159cc13a85d7aca1f07d60448c43235a4fc4af8ce21c18";

/// Title of the address, text of its target that is replaced, replacement, and the reason; `""` is accepted.
const TARGETS: &[(&str, &str, &str, &str)] = &[
    (SDK, "/mqtt", "/mqtt", ""),
    (SDK, "X-Amz-Algorithm=AWS4-HMAC-SHA256&", "", "unsigned"),
    (SDK, "X-Amz-Algorithm", "x-amz-algorithm", "unsigned"),
    (SDK, "X-Amz-Algorithm", "X-Amz-%41lgorithm", ""),
    (
        SDK,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Algorithm=AWS4-HMAC-SHA512",
        "unsupported X-Amz-Algorithm",
    ),
    (
        SDK,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Algorithm=aws4-hmac-sha256",
        "unsupported X-Amz-Algorithm",
    ),
    (SDK, "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=", "unsupported X-Amz-Algorithm"),
    (SDK, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256&X-Amz-Algorithm=AWS4-HMAC-SHA256", "two signatures"),
    (SDK, "/mqtt", "/mqtt/", "wrong signature"),
    (SDK, "/mqtt", "/Mqtt", "wrong signature"),
    (SDK, "/mqtt", "/%6Dqtt", "wrong signature"),
    (SDK, "/mqtt?", "/mqtt?a=1&", "wrong signature"),
    (SDK, "/mqtt?", "/mqtt?&", "empty or not percent-encoded"),
    (SDK, "/mqtt?", "/mqtt?%=1&", "empty or not percent-encoded"),
    (SDK, "/mqtt?", "/mqtt?a=%4&", "empty or not percent-encoded"),
    (SDK, "/mqtt?", "/mqtt?a=%zz&", "empty or not percent-encoded"),
    (SDK, "%2F20260115%2F", "%2f20260115%2F", ""),
    (SDK, "%2F20260115%2F", "/20260115/", ""),
    (SDK, "%2F20260115%2F", "%252F20260115%252F", "expected Credential"),
    (SDK, "%2F20260115%2F", "%2F20260114%2F", "expected the same day"),
    (SDK, "%2F20260115%2F", "%2F2026011%2F", "expected Credential"),
    (SDK, "%2F20260115%2F", "%2F2026-1-5%2F", "expected Credential"),
    (SDK, "%2F20260115%2F", "%2F%2F20260115%2F", "expected Credential"),
    (SDK, "us-east-1", "us-east-2", "--region us-east-2"),
    (SDK, "us-east-1", "US-EAST-1", "signed for Region"),
    (SDK, "us-east-1", "", "signed for Region \"\""),
    (SDK, "iotdevicegateway", "iotdata", "wrong signature"),
    (SDK, "iotdevicegateway", "iot", "signed for service \"iot\""),
    (SDK, "iotdevicegateway", "execute-api", "signed for service"),
    (SDK, "iotdevicegateway", "IotDeviceGateway", "signed for service"),
    (SDK, "aws4_request", "aws4_reques", "expected Credential"),
    (SDK, "aws4_request", "aws4_request%2F", "expected Credential"),
    (SDK, "aws4_request", "", "expected Credential"),
    (SDK, "ASIAIOSFODNN7EXAMPLE", "", "expected Credential"),
    (SDK, "ASIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPL", "unknown access key ASIAIOSFODNN7EXAMPL;"),
    (SDK, "ASIAIOSFODNN7EXAMPLE", "asiaiosfodnn7example", "unknown access key"),
    (SDK, "ASIAIOSFODNN7EXAMPLE", "ASIA%20", "expected Credential"),
    (SDK, "&X-Amz-Credential=ASIA", "&X-Amz-Credentials=ASIA", "expected Credential"),
    (
        SDK,
        "&X-Amz-Date",
        "&X-Amz-Credential=A%2F20260115%2Fus-east-1%2Fiot%2Faws4_request&X-Amz-Date",
        "occurs twice",
    ),
    (SDK, "20260115T120000Z", "20260115T120001Z", "wrong signature"),
    (SDK, "20260115T120000Z", "20260115T120501Z", "five minutes at most"),
    (SDK, "20260115T120000Z", "20260115T115459Z", "valid for 300 seconds"),
    (SDK, "20260115T120000Z", "20270115T120000Z", "expected the same day"),
    (SDK, "20260115T120000Z", "20260115T1200Z", "expected X-Amz-Date"),
    (SDK, "20260115T120000Z", "", "expected X-Amz-Date"),
    (SDK, "&X-Amz-Date=20260115T120000Z", "", "expected X-Amz-Date"),
    (SDK, "&X-Amz-Date", "&X-Amz-Date=20260115T120000Z&X-Amz-Date", "occurs twice"),
    (SDK, "&X-Amz-Signed", "&X-Amz-Expires=300&X-Amz-Signed", "wrong signature"),
    (SDK, "&X-Amz-Signed", "&X-Amz-Expires=0&X-Amz-Signed", "expected X-Amz-Expires"),
    (SDK, "&X-Amz-Signed", "&X-Amz-Expires=604801&X-Amz-Signed", "expected X-Amz-Expires"),
    (SDK, "&X-Amz-Signed", "&X-Amz-Expires=-1&X-Amz-Signed", "expected X-Amz-Expires"),
    (SDK, "&X-Amz-Signed", "&X-Amz-Expires=%2B60&X-Amz-Signed", "expected X-Amz-Expires"),
    (SDK, "&X-Amz-Signed", "&X-Amz-Expires=&X-Amz-Signed", "expected X-Amz-Expires"),
    (SDK, "SignedHeaders=host", "SignedHeaders=", "expected SignedHeaders"),
    (SDK, "SignedHeaders=host", "SignedHeaders=Host", "expected SignedHeaders"),
    (SDK, "SignedHeaders=host", "SignedHeaders=connection", "expected SignedHeaders"),
    (SDK, "SignedHeaders=host", "SignedHeaders=host%3Bconnection", "expected SignedHeaders"),
    (SDK, "SignedHeaders=host", "SignedHeaders=host%3Bhost", "expected SignedHeaders"),
    (SDK, "SignedHeaders=host", "SignedHeaders=host%3B", "expected SignedHeaders"),
    (SDK, "SignedHeaders=host", "SignedHeaders=host%3Bx-absent", "not in the request"),
    (SDK, "SignedHeaders=host", "SignedHeaders=connection%3Bhost", "wrong signature"),
    (SDK, SIGNATURE, "", "expected a Signature"),
    (
        SDK,
        SIGNATURE,
        "498f87e826470dcfe7159cc13a85d7aca1f07d60448c43235a4fc4af8ce21c1",
        "expected a Signature",
    ),
    (
        SDK,
        SIGNATURE,
        "498F87E826470DCFE7159CC13A85D7ACA1F07D60448C43235A4FC4AF8CE21C18",
        "expected a Signature",
    ),
    (SDK, SIGNATURE, "498f87e826470dcfe7159cc13a85d7aca1f07d60448c43235a4fc4af8ce21c19", "wrong signature"),
    (SDK, SIGNATURE, "0000000000000000000000000000000000000000000000000000000000000000", "wrong signature"),
    (SDK, "X-Amz-Signature", "X-Amz-Signature=0&X-Amz-Signature", "occurs twice"),
    (SDK, "X-Amz-Signature", "x-amz-signature", "expected a Signature"),
    (SDK, "&X-Amz-Security-Token=IQoJ", "&X-Amz-Security-Tokens=IQoJ", "X-Amz-Security-Token is missing"),
    (SDK, "&X-Amz-Security-Token", "&X-Amz-Security-Token=&X-Amz-Security-Token", "occurs twice"),
    (SDK, "Token=IQoJ", "Token=", "of other credentials"),
    (SDK, "Token=IQoJ", "Token=JQoJ", "of other credentials"),
    (SDK, "token%2Bwith", "token+with", ""),
    (SDK, "token%2Bwith", "token%20with", "of other credentials"),
    (SMITHY, "X-Amz-Expires=300", "X-Amz-Expires=301", "wrong signature"),
    (SMITHY, "&X-Amz-Expires=300", "", "wrong signature"),
    (PYTHON, "iotdata", "iotdevicegateway", "wrong signature"),
];

/// Title of the address, name of the header, its value instead, or `None` to remove it, and the reason.
const HEADERS: &[(&str, &str, Option<&str>, &str)] = &[
    (SDK, "Host", Some("localhost"), "wrong signature"),
    (SDK, "Host", Some("LOCALHOST:8443"), "wrong signature"),
    (SDK, "Host", Some("localhost:8080"), "wrong signature"),
    (SDK, "Host", Some("  localhost:8443  "), ""),
    (SDK, "Host", None, "not in the request"),
    (SDK, "Connection", Some("keep-alive, Upgrade"), ""),
    (SDK, "X-Unsigned", Some("1"), ""),
    (SDK, "host", Some("localhost:8443"), "wrong signature"),
    (SDK, "Authorization", Some("AWS4-HMAC-SHA256 Credential=A"), "two signatures"),
    (SDK, "Authorization", Some("Bearer a"), "two signatures"),
    (SDK, "X-Amz-Content-Sha256", Some("UNSIGNED-PAYLOAD"), "UNSIGNED-PAYLOAD is unsupported"),
    (SDK, "X-Amz-Content-Sha256", Some(""), "not the SHA-256"),
    (
        SDK,
        "X-Amz-Content-Sha256",
        Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        "",
    ),
    (PYTHON, "Host", Some("localhost:8443"), "wrong signature"),
    (CRT, "Connection", Some("keep-alive, Upgrade"), "wrong signature"),
    (CRT, "Connection", Some("upgrade"), "wrong signature"),
    (CRT, "Connection", None, "SignedHeaders names connection"),
    (CRT, "Host", Some("localhost:8443"), "wrong signature"),
    (CRT, "Host", Some("localhost\u{fffd}"), "not UTF-8"),
    (CRT_HEADER, "X-Amz-Date", Some("20260115T120001Z"), "wrong signature"),
    (CRT_HEADER, "X-Amz-Date", None, "expected X-Amz-Date"),
    (CRT_HEADER, "x-amz-date", Some("20260115T120000Z"), "occurs twice"),
    (CRT_HEADER, "X-Amz-Security-Token", None, "X-Amz-Security-Token is missing"),
    (CRT_HEADER, "X-Amz-Security-Token", Some("other"), "of other credentials"),
    (CRT_HEADER, "x-amz-security-token", Some("other"), "occurs twice"),
    (CRT_HEADER, "Authorization", None, "unsigned"),
    (CRT_HEADER, "Authorization", Some("AWS4-HMAC-SHA256"), "expected Authorization"),
    (CRT_HEADER, "Authorization", Some("AWS4-HMAC-SHA256 a=1"), "expected Authorization"),
    (CRT_HEADER, "Authorization", Some("AWS4-ECDSA-P256-SHA256 Credential=A"), "unsigned"),
    (CRT_HEADER, "authorization", Some("Bearer a"), "two signatures"),
    (CRT_HEADER, "authorization", Some("AWS4-HMAC-SHA256"), "two signatures"),
];

fn row(title: &str, denied: &str) -> Case {
    let cases: Vec<Case> = serde_json::from_str(include_str!("clients.json")).unwrap();
    let case = cases.into_iter().find(|case| case.title == title).unwrap();
    Case { denied: (!denied.is_empty()).then(|| denied.to_owned()), ..case }
}

#[test]
fn a_change_of_a_signed_address_is_denied_with_its_reason() {
    let mut cases = Vec::new();
    for (title, from, to, denied) in TARGETS {
        let case = row(title, denied);
        assert!(case.target.contains(from), "{from}");
        let target = case.target.replacen(from, to, 1);
        cases.push(Case { title: format!("{title}: {from} becomes {to}"), target, ..case });
    }
    for (title, name, value, denied) in HEADERS {
        let case = row(title, denied);
        let mut headers = case.headers.clone();
        let position = headers.iter().position(|(known, _)| known == name);
        match (position, value) {
            (Some(position), Some(value)) => headers[position].1 = (*value).to_owned(),
            (None, Some(value)) => headers.push(((*name).to_owned(), (*value).to_owned())),
            (Some(position), None) => drop(headers.remove(position)),
            (None, None) => panic!("{title}: {name}"),
        }
        cases.push(Case { title: format!("{title}: {name} becomes {value:?}"), headers, ..case });
    }
    let body = Case { body: "a".to_owned(), ..row(SDK, "wrong signature") };
    cases.push(Case { title: "a body".to_owned(), ..body });
    cases.push(Case {
        title: "a method".to_owned(),
        method: "POST".to_owned(),
        ..row(SDK, "wrong signature")
    });
    let without_token = row(SDK, "which this key does not have");
    cases.push(Case { title: "a key without token".to_owned(), token: None, ..without_token });
    let secret = Some("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEz".to_owned());
    cases.push(Case { title: "another secret".to_owned(), secret, ..row(SDK, "wrong signature") });
    check(&cases, |case| case.verify("us-east-1", &["iotdevicegateway", "iotdata"], NOW));
}

#[test]
fn a_signature_is_valid_for_five_minutes_or_less() {
    for (title, seconds, expected) in [
        (SDK, -301, Some("five minutes at most")),
        (SDK, -300, None),
        (SDK, -299, None),
        (SDK, 299, None),
        (SDK, 300, None),
        (SDK, 301, Some("valid for 300 seconds")),
        (SMITHY, 300, None),
        (SMITHY, 301, Some("valid for 300 seconds")),
        (PYTHON, 299, None),
        (PYTHON, 360, Some("X-Amz-Expires cannot extend")),
        (CRT_HEADER, 301, Some("valid for 300 seconds")),
        (CRT_HEADER, 86_400 * 365, Some("valid for 300 seconds")),
        (CRT_HEADER, i64::MAX - NOW, Some("valid for 300 seconds")),
    ] {
        let outcome = row(title, "").verify("us-east-1", &["iotdevicegateway", "iotdata"], NOW + seconds);
        match (expected, &outcome) {
            (None, Ok(())) => {}
            (Some(reason), Err(found)) if found.contains(reason) => {}
            _ => panic!("{title}, {seconds} s: {outcome:?}"),
        }
    }
}
