//! What AWS's answers come to.

use std::time::{Duration, SystemTime};

use iot_provision::control::StepResult;
use iot_provision::control::reply::Reply;
use iot_provision::expected::SecretHash;
use iot_provision::plan::Step;
use iot_provision::registered::{Certificate, Status};
use serde_json::{Value, json};

fn reply(status: u16, error_type: Option<&str>, body: &Value) -> Reply {
    Reply { status, error_type: error_type.map(str::to_owned), body: body.to_string().into_bytes() }
}

fn error(status: u16, name: &str) -> Reply {
    reply(status, Some(name), &json!({ "message": "why" }))
}

#[test]
fn errors_have_aws_s_names() {
    let dynamodb = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    for (error_type, body, expected) in [
        (Some("ResourceNotFoundException"), json!({}), "ResourceNotFoundException"),
        (Some("ThrottlingException:http://internal.amazon.com/"), json!({}), "ThrottlingException"),
        (Some("A"), json!({ "__type": "B" }), "A"),
        (None, json!({ "__type": dynamodb }), "ConditionalCheckFailedException"),
        (None, json!({ "__type": "X", "code": "Y" }), "X"),
        (None, json!({ "code": "InvalidRequestException" }), "InvalidRequestException"),
        (None, json!({ "message": "x" }), ""),
        (None, json!([]), ""),
        (None, json!("x"), ""),
    ] {
        assert_eq!(reply(400, error_type, &body).error(), expected, "{error_type:?} {body}");
    }
}

#[test]
fn throttled_and_failed_calls_are_tried_again() {
    for (status, name, is_retryable, is_throttled) in [
        (200, "", false, false),
        (299, "", false, false),
        (400, "ThrottlingException", true, true),
        (400, "Throttling", true, true),
        (400, "TooManyRequestsException", true, true),
        (400, "ProvisionedThroughputExceededException", true, true),
        (400, "RequestLimitExceeded", true, true),
        (400, "InvalidRequestException", false, false),
        (403, "AccessDeniedException", false, false),
        (404, "ResourceNotFoundException", false, false),
        (410, "LimitExceededException", false, false),
        (428, "", false, false),
        (429, "", true, true),
        (430, "", false, false),
        (499, "", false, false),
        (500, "InternalFailureException", true, false),
        (503, "ServiceUnavailableException", true, false),
    ] {
        let reply = error(status, name);
        assert_eq!(
            (reply.is_retryable(), reply.is_throttled()),
            (is_retryable, is_throttled),
            "{status} {name}"
        );
        assert_eq!(reply.is_success(), status < 300, "{status}");
    }
    assert!(!error(199, "").is_success() && !error(300, "").is_success());
}

#[test]
fn failures_say_what_aws_says_in_one_line() {
    let long = "x".repeat(1000);
    for (body, expected) in [
        (json!({ "message": "no such policy" }), "400 E: no such policy"),
        (json!({ "Message": "no\nsuch\tpolicy" }), "400 E: nosuchpolicy"),
        (json!({}), "400 E: "),
        (json!({ "message": long }), &format!("400 E: {}", "x".repeat(200))),
    ] {
        let failure = reply(400, Some("E"), &body).failure("AttachPolicy");
        assert_eq!((failure.operation, failure.what.as_str()), ("AttachPolicy", expected));
        assert_eq!(failure.to_string(), format!("AttachPolicy failed: {expected}"));
    }
}

fn steps() -> Vec<(&'static str, Step)> {
    let own = |text: &str| text.to_owned();
    vec![
        ("create certificate", Step::CreateCertificate { csr: own("c") }),
        ("delete certificate", Step::DeleteCertificate(own("a"))),
        ("create thing", Step::CreateThing { name: own("t"), attributes: Default::default() }),
        ("update thing", Step::UpdateThing { name: own("t"), attributes: Default::default(), version: 1 }),
        ("record", Step::Record { table: own("t"), device: own("d"), certificate: own("a"), replaces: None }),
        ("attach policy", Step::AttachPolicy { policy: own("p"), target: own("a") }),
        ("attach thing", Step::AttachThing { thing: own("t"), principal: own("a") }),
        ("detach thing", Step::DetachThing { thing: own("t"), principal: own("a") }),
        ("deactivate", Step::Deactivate(own("a"))),
        ("activate", Step::Activate(own("a"))),
        ("publish", Step::Publish { topic: own("t"), payload: own("p") }),
    ]
}

/// The outcomes of errors that a plan expects; every other error of a step fails.
const OUTCOMES: [(&str, u16, &str, StepResult); 15] = [
    ("create certificate", 400, "InvalidRequestException", StepResult::Rejected),
    ("delete certificate", 404, "ResourceNotFoundException", StepResult::Done),
    ("delete certificate", 406, "CertificateStateException", StepResult::Done),
    ("delete certificate", 409, "DeleteConflictException", StepResult::Done),
    ("create thing", 409, "ResourceAlreadyExistsException", StepResult::Conflict),
    ("update thing", 404, "ResourceNotFoundException", StepResult::Conflict),
    ("update thing", 409, "VersionConflictException", StepResult::Conflict),
    ("record", 400, "ConditionalCheckFailedException", StepResult::Conflict),
    ("attach thing", 404, "ResourceNotFoundException", StepResult::Conflict),
    ("detach thing", 404, "ResourceNotFoundException", StepResult::Done),
    ("deactivate", 404, "ResourceNotFoundException", StepResult::Conflict),
    ("deactivate", 406, "CertificateStateException", StepResult::Conflict),
    ("activate", 404, "ResourceNotFoundException", StepResult::Conflict),
    ("activate", 406, "CertificateStateException", StepResult::Conflict),
    ("create certificate", 200, "", StepResult::Done),
];

const ERRORS: [(u16, &str); 9] = [
    (400, "InvalidRequestException"),
    (400, "ConditionalCheckFailedException"),
    (400, "ThrottlingException"),
    (401, "UnauthorizedException"),
    (403, "AccessDeniedException"),
    (404, "ResourceNotFoundException"),
    (406, "CertificateStateException"),
    (410, "LimitExceededException"),
    (500, "InternalFailureException"),
];

#[test]
fn steps_come_to_the_outcomes_that_plans_expect() {
    for (name, step) in steps() {
        let made = reply(200, None, &json!({ "certificateId": "x", "certificatePem": "y" })).of_step(&step);
        let expected =
            if name == "create certificate" { StepResult::Made("x".to_owned()) } else { StepResult::Done };
        assert_eq!(made, Ok(expected), "{name}");
        let conflicts = [
            (409, "ResourceAlreadyExistsException"),
            (409, "VersionConflictException"),
            (409, "DeleteConflictException"),
        ];
        for (status, error_name) in ERRORS.into_iter().chain(conflicts) {
            let found = error(status, error_name).of_step(&step);
            let is_row = |row: &&(&str, u16, &str, StepResult)| {
                // The status decides, but for 400.
                row.0 == name && row.1 == status && (status != 400 || row.2 == error_name)
            };
            match OUTCOMES.iter().find(is_row) {
                Some((_, _, _, expected)) => {
                    assert_eq!(found.as_ref(), Ok(expected), "{name} {status} {error_name}")
                }
                None => {
                    let failure = found.expect_err(&format!("{name} {status} {error_name}"));
                    assert_eq!(failure.operation, step.operation());
                    assert!(failure.what.starts_with(&format!("{status} {error_name}: why")), "{failure}");
                }
            }
        }
    }
    let unreadable = reply(200, None, &json!({})).of_step(&Step::CreateCertificate { csr: String::new() });
    assert!(unreadable.unwrap_err().what.starts_with("unreadable answer: "));
}

fn described(change: &Value) -> Value {
    let mut members = json!({
        "certificateId": "a", "certificateArn": "arn", "status": "ACTIVE", "certificatePem": "PEM",
        "caCertificateId": "c", "creationDate": 1_800_000_000.25, "lastModifiedDate": 1_800_000_000.25,
    });
    for (name, value) in change.as_object().unwrap() {
        members[name] = value.clone();
    }
    json!({ "certificateDescription": members })
}

#[test]
fn certificates_are_read() {
    let created = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250);
    let base = Certificate {
        id: "a".to_owned(),
        arn: "arn".to_owned(),
        status: Status::Active,
        authority: Some("c".to_owned()),
        pem: "PEM".to_owned(),
        created,
        is_untouched: true,
    };
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    for (change, expected) in [
        (json!({}), base.clone()),
        (json!({ "caCertificateId": null, "x": 1 }), Certificate { authority: None, ..base.clone() }),
        (
            json!({ "lastModifiedDate": 1_800_000_000.26 }),
            Certificate { is_untouched: false, ..base.clone() },
        ),
        (json!({ "lastModifiedDate": null }), Certificate { is_untouched: false, ..base.clone() }),
        (
            json!({ "creationDate": null, "lastModifiedDate": null }),
            Certificate { is_untouched: false, created: later, ..base.clone() },
        ),
        (
            json!({ "creationDate": -1.0 }),
            Certificate { is_untouched: false, created: later, ..base.clone() },
        ),
    ] {
        let found = reply(200, None, &described(&change)).certificate("DescribeCertificate");
        assert_eq!(found, Ok(Some(expected)), "{change}");
    }
    for (name, status) in [
        ("ACTIVE", Status::Active),
        ("INACTIVE", Status::Inactive),
        ("REVOKED", Status::Revoked),
        ("PENDING_ACTIVATION", Status::PendingActivation),
        ("PENDING_TRANSFER", Status::Other),
        ("REGISTER_INACTIVE", Status::Other),
        ("active", Status::Other),
        ("", Status::Other),
    ] {
        let found =
            reply(200, None, &described(&json!({ "status": name }))).certificate("D").unwrap().unwrap();
        assert_eq!(found.status, status, "{name}");
    }
    assert_eq!(error(404, "ResourceNotFoundException").certificate("D"), Ok(None));
    assert!(error(403, "AccessDeniedException").certificate("D").is_err());
    assert!(reply(200, None, &described(&json!({ "certificatePem": null }))).certificate("D").is_err());
}

#[test]
fn things_and_principals_are_read() {
    let thing =
        reply(200, None, &json!({ "version": 3, "attributes": { "a": "b" }, "thingName": "t" })).thing("D");
    let thing = thing.unwrap().unwrap();
    assert_eq!((thing.version, thing.attributes["a"].as_str(), thing.owner()), (3, "b", None));
    let owned = json!({ "version": 1, "attributes": { "certificate_id": "x" } });
    assert_eq!(reply(200, None, &owned).thing("D").unwrap().unwrap().owner(), Some("x"));
    assert!(reply(200, None, &json!({ "version": 1 })).thing("D").unwrap().unwrap().attributes.is_empty());
    assert_eq!(error(404, "ResourceNotFoundException").thing("D"), Ok(None));
    assert!(reply(200, None, &json!({ "attributes": {} })).thing("D").is_err());
    assert!(error(400, "InvalidRequestException").thing("D").is_err());

    let page = |body: &Value| reply(200, None, body).principals("L").unwrap();
    let principals = vec!["p".to_owned(), "q".to_owned()];
    assert_eq!(page(&json!({ "principals": ["p", "q"] })), (principals.clone(), None));
    assert_eq!(
        page(&json!({ "principals": ["p", "q"], "nextToken": "t" })),
        (principals.clone(), Some("t".to_owned()))
    );
    assert_eq!(page(&json!({ "principals": ["p", "q"], "nextToken": "" })), (principals, None));
    assert_eq!(page(&json!({})), (Vec::new(), None));
    assert_eq!(error(404, "ResourceNotFoundException").principals("L"), Ok((Vec::new(), None)));
    assert!(error(401, "UnauthorizedException").principals("L").is_err());
}

#[test]
fn rows_are_read() {
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for (body, secret, certificate) in [
        (json!({ "Item": { "device": { "S": "d" } } }), None, None),
        (json!({ "Item": { "secret_sha256": { "S": hash } } }), Some("abc"), None),
        (json!({ "Item": { "certificate_id": { "S": "a" }, "x": { "N": "1" } } }), None, Some("a")),
    ] {
        let row = reply(200, None, &body).device("GetItem").unwrap().unwrap();
        assert_eq!(
            (row.secret, row.certificate.as_deref()),
            (secret.map(SecretHash::of), certificate),
            "{body}"
        );
    }
    assert_eq!(reply(200, None, &json!({})).device("GetItem"), Ok(None));
    for (body, expected) in [
        (
            json!({ "Item": { "secret_sha256": { "S": "x" } } }),
            "unreadable row: `secret_sha256` is not 64 hexadecimal",
        ),
        (
            json!({ "Item": { "secret_sha256": { "B": hash } } }),
            "unreadable row: `secret_sha256` is not a string",
        ),
        (
            json!({ "Item": { "certificate_id": { "N": "1" } } }),
            "unreadable row: `certificate_id` is not a string",
        ),
        (json!({ "Item": 1 }), "unreadable answer: "),
    ] {
        let failure = reply(200, None, &body).device("GetItem").unwrap_err();
        assert!(failure.what.starts_with(expected), "{failure}");
    }
    // A missing table is no missing row.
    assert!(error(400, "ResourceNotFoundException").device("GetItem").is_err());
    assert!(error(404, "ResourceNotFoundException").device("GetItem").is_err());
}
