//! Requests to provision a device, as data. A rejected one changes nothing, and its token stays valid.

use iot_local_cloud::Cloud;
use iot_local_cloud::fleet::{Caller, Rejection};
use serde_json::{Value, json};

use crate::factory::{HOOK, claim, factory, object, pending, status, wait};
use crate::support::{call, data};

struct World {
    cloud: Cloud,
    claim: Caller,
    pending: String,
    token: String,
}

impl World {
    fn new() -> Self {
        let cloud = factory(None);
        let claim = claim(&cloud);
        let (pending, token) = pending(&cloud, &claim).unwrap();
        Self { cloud, claim, pending, token }
    }

    fn expand(&self, text: &str) -> String {
        let sha256 = self.cloud.read(|registry| {
            let changes = registry.changes().map(|change| serde_json::to_value(change).unwrap());
            let tokens: Vec<_> =
                changes.filter_map(|change| change.get("putOwnershipToken").cloned()).collect();
            tokens.first().map(|token| token["sha256"].as_str().unwrap().to_owned()).unwrap_or_default()
        });
        text.replace("TOKEN", &self.token)
            .replace("SHA256", &sha256)
            .replace("PENDING", &self.pending)
            .replace("CLAIM", &self.claim.principal)
    }

    fn call(&self, line: &Value, body: &Value) {
        let Some((method, target)) = line.as_str().and_then(|line| line.split_once(' ')) else { return };
        let (status, _, answer) = call(&self.cloud, method, &self.expand(target), body);
        assert_eq!(status, 200, "{line}: {answer}");
    }

    fn request(&self, case: &Value) -> Result<Value, Rejection> {
        let default = json!({ "certificateOwnershipToken": "TOKEN", "parameters": { "SerialNumber": "1" } });
        let payload = case.get("send").unwrap_or(&default).to_string();
        let payload = object(serde_json::from_str(&self.expand(&payload)).unwrap());
        let caller = match case["as"].as_str() {
            None => self.claim.clone(),
            Some("other") => claim(&self.cloud),
            Some(_) => {
                Caller { principal: "user".to_owned(), certificate_id: None, client_id: "c".to_owned() }
            }
        };
        let template = case["template"].as_str().unwrap_or("fleet");
        let attempt = self.cloud.start_provisioning(caller, template, &payload)?;
        assert_eq!(attempt.hook().map(|(arn, _)| arn), (template == "hooked").then_some(HOOK));
        self.call(&case["meanwhile"], &case["body"]);
        let answer = case.get("hook").map(|answer| Ok(answer.to_string().into_bytes()));
        let text = case.get("hook_text").map(|text| Ok(text.as_str().unwrap().as_bytes().to_vec()));
        let failure = case.get("hook_failure").map(|text| Err(text.as_str().unwrap().to_owned()));
        self.cloud.finish_provisioning(&attempt, answer.or(text).or(failure))
    }
}

#[test]
fn each_request_has_its_answer() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("cases.json")).unwrap();
    let (mut accepted, mut rejected) = (0, 0);
    for case in &cases {
        let title = case["title"].as_str().unwrap();
        let world = World::new();
        wait(case["wait"].as_u64().unwrap_or(0));
        world.call(&case["call"], &Value::Null);
        if case["used"] == true {
            world.request(&json!({})).unwrap();
        }
        let before = world.cloud.read(Clone::clone);
        let answer = world.request(case);
        let Some(expected) = case["rejected"].as_str() else {
            assert_eq!(answer.as_ref(), Ok(&case["accepted"]), "{title}");
            assert_eq!(status(&world.cloud, &world.pending), Some("ACTIVE"), "{title}");
            accepted += 1;
            continue;
        };
        let rejection = answer.expect_err(title);
        assert_eq!(format!("{} {}", rejection.status, rejection.code), expected, "{title}: {rejection:?}");
        assert!(rejection.reason.contains(case["reason"].as_str().unwrap_or("")), "{title}: {rejection:?}");
        let message = case["message"].as_str().unwrap_or(&rejection.message);
        assert_eq!(rejection.message, message, "{title}");
        assert!(!format!("{rejection:?}").contains(&world.token), "{title}: the token is shown");
        check_unchanged(&world, case, &before);
        rejected += 1;
    }
    println!("{accepted} accepted, {rejected} rejected");
    assert!(rejected > 2 * accepted && accepted > 5);
}

/// Nothing was changed, and the same token is good for a correct request.
fn check_unchanged(world: &World, case: &Value, before: &iot_local_cloud::registry::Registry) {
    let title = &case["title"];
    let is_disturbed =
        ["call", "meanwhile", "used", "wait", "as"].iter().any(|name| case.get(*name).is_some());
    let things = |registry: &iot_local_cloud::registry::Registry| registry.things().count();
    assert_eq!(world.cloud.read(things), things(before), "{title}");
    if !is_disturbed {
        assert!(world.cloud.read(|registry| registry == before), "{title}: the registry changed");
        assert_eq!(status(&world.cloud, &world.pending), Some("PENDING_ACTIVATION"), "{title}");
        let answer = world.request(&json!({})).unwrap();
        assert_eq!(answer["thingName"], "device-1", "{title}");
    }
}

#[test]
fn the_hook_gets_the_documented_event() {
    let world = World::new();
    let payload =
        json!({ "certificateOwnershipToken": world.token, "parameters": { "SerialNumber": "1", "x": "y" } });
    let attempt = world.cloud.start_provisioning(world.claim.clone(), "hooked", &object(payload.clone()));
    let attempt = attempt.ok().unwrap();
    let (arn, event) = attempt.hook().unwrap();
    let pem = world.cloud.read(|registry| registry.certificate(&world.pending).unwrap().pem.clone());
    let expected = json!({
        "claimCertificateId": world.claim.principal,
        "certificateId": world.pending,
        "certificatePem": pem,
        "templateArn": "arn:aws:iot:us-east-1:123456789012:provisioningtemplate/hooked",
        "clientId": "factory-7",
        "parameters": { "SerialNumber": "1", "x": "y" },
    });
    assert_eq!((arn, serde_json::from_slice::<Value>(&event).unwrap()), (HOOK, expected));
}

#[test]
fn a_client_without_a_certificate_can_be_provisioned() {
    let world = World::new();
    let user = Caller { principal: "user".to_owned(), certificate_id: None, client_id: "c".to_owned() };
    let (id, token) = pending(&world.cloud, &user).unwrap();
    let payload =
        object(json!({ "certificateOwnershipToken": token, "parameters": { "SerialNumber": "5" } }));
    let attempt = world.cloud.start_provisioning(user, "hooked", &payload).ok().unwrap();
    let event: Value = serde_json::from_slice(&attempt.hook().unwrap().1).unwrap();
    assert_eq!(event.get("claimCertificateId"), None);
    world.cloud.finish_provisioning(&attempt, Some(Ok(br#"{"allowProvisioning":true}"#.to_vec()))).unwrap();
    assert_eq!(status(&world.cloud, &id), Some("ACTIVE"));
}

#[test]
fn requests_for_certificates_are_checked() {
    let world = World::new();
    let before = world.cloud.read(Clone::clone);
    for (payload, reason) in [
        (json!({}), "missing or not a text"),
        (json!({ "certificateSigningRequest": 7 }), "missing or not a text"),
        (json!({ "certificateSigningRequest": "" }), "one certificate request in PEM"),
        (json!({ "certificateSigningRequest": data("leaf-v3.pem") }), "one certificate request in PEM"),
        (json!({ "certificateSigningRequest": data("forged.csr.pem") }), "a signature by the key"),
        (json!({ "certificateSigningRequest": data("rsa1024.csr.pem") }), "at least 2048 bits"),
        (json!({ "certificateSigningRequest": data("k256.csr.pem") }), "P-256"),
    ] {
        let rejection = world.cloud.create_fleet_certificate(&world.claim, &object(payload)).unwrap_err();
        assert_eq!((rejection.status, rejection.code), (400, "InvalidCertificateSigningRequest"));
        assert!(rejection.reason.contains(reason), "{rejection:?}");
    }
    for caller in ["0".repeat(64), world.pending.clone()] {
        let caller = crate::factory::caller(&caller);
        assert_eq!(pending(&world.cloud, &caller).unwrap_err().code, "AccessDenied");
        assert_eq!(world.cloud.create_fleet_keys(&caller).unwrap_err().code, "AccessDenied");
    }
    assert!(world.cloud.read(|registry| *registry == before), "the registry changed");
}

#[test]
fn a_key_fits_its_certificate() {
    let world = World::new();
    let created = world.cloud.create_fleet_keys(&world.claim).unwrap();
    let names: Vec<_> = created.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["certificateId", "certificateOwnershipToken", "certificatePem", "privateKey"]);
    let key = pem::parse(created["privateKey"].as_str().unwrap()).unwrap();
    let key = aws_lc_rs::rsa::KeyPair::from_der(key.contents()).unwrap();
    let certificate = pem::parse(created["certificatePem"].as_str().unwrap()).unwrap();
    let certificate = certificate.contents();
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let public = aws_lc_rs::signature::KeyPair::public_key(&key);
    assert_eq!(certificate.public_key().subject_public_key.data.as_ref(), public.as_ref());
    assert_eq!(status(&world.cloud, created["certificateId"].as_str().unwrap()), Some("PENDING_ACTIVATION"));
}
