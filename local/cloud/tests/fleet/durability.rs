//! What is on disk: no token and no key, each step as a whole, and nothing that has expired.

use std::fs;

use serde_json::{Value, json};

use crate::factory::{claim, factory, open, pending, provision, status, wait};
use crate::support::succeed;

#[test]
fn neither_tokens_nor_keys_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("registry");
    let cloud = factory(Some(registry.clone()));
    let claim = claim(&cloud);
    let created = cloud.create_fleet_keys(&claim).unwrap();
    let target = "/provisioning-templates/fleet/provisioning-claim";
    let trusted = succeed(&cloud, "POST", target, &Value::Null);
    drop(cloud);
    let stored = fs::read_to_string(registry.join("log.jsonl")).unwrap();
    assert!(stored.contains(created["certificateId"].as_str().unwrap()), "the certificate is stored");
    assert!(stored.contains(trusted["certificateId"].as_str().unwrap()), "the claim is stored");
    for secret in
        [&created["certificateOwnershipToken"], &created["privateKey"], &trusted["keyPair"]["PrivateKey"]]
    {
        let secret = secret.as_str().unwrap();
        let line = secret.lines().find(|line| !line.starts_with('-')).unwrap();
        assert!(!stored.contains(line), "a secret is stored");
    }
    assert!(!stored.contains("PRIVATE KEY"));
}

/// The log is cut at each byte of the step's line, as a kill leaves it.
#[test]
fn a_step_is_on_disk_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("registry");
    let cloud = factory(Some(registry.clone()));
    let claim = claim(&cloud);
    let (id, token) = pending(&cloud, &claim).unwrap();
    let log = registry.join("log.jsonl");
    let before = fs::read(&log).unwrap().len();
    provision(&cloud, &claim, &token, "1").unwrap();
    let expected = cloud.read(Clone::clone);
    drop(cloud);
    let whole = fs::read(&log).unwrap();
    assert_eq!(whole[before..].iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    let mut cuts = 0;
    for length in (before..=whole.len()).step_by(37).chain([whole.len() - 1, whole.len()]) {
        let cut = folder.path().join(format!("cut-{length}"));
        fs::create_dir_all(&cut).unwrap();
        fs::write(cut.join("log.jsonl"), &whole[..length]).unwrap();
        let cloud = open(Some(cut));
        if length == whole.len() {
            assert!(cloud.read(|registry| *registry == expected), "all of it");
            assert_eq!(
                provision(&cloud, &claim, &token, "1").unwrap_err().code,
                "InvalidCertificateOwnershipToken"
            );
        } else {
            assert_eq!(status(&cloud, &id), Some("PENDING_ACTIVATION"), "none of it, {length}");
            assert!(cloud.read(|registry| registry.things().next().is_none()));
            assert_eq!(provision(&cloud, &claim, &token, "1").unwrap()["thingName"], "device-1");
        }
        cuts += 1;
    }
    println!("{cuts} cuts");
    assert!(cuts > 10);
}

#[test]
fn unused_certificates_are_deleted_after_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let path = || Some(folder.path().join("registry"));
    let cloud = factory(path());
    let claim = claim(&cloud);
    let ids: Vec<_> = (0..4).map(|_| pending(&cloud, &claim).unwrap()).collect();
    let [unused, used, activated, revoked] = ids.as_slice() else { panic!("four") };
    provision(&cloud, &claim, &used.1, "1").unwrap();
    for (id, status) in [(&activated.0, "ACTIVE"), (&revoked.0, "REVOKED")] {
        succeed(&cloud, "PUT", &format!("/certificates/{id}?newStatus={status}"), &Value::Null);
    }
    let statuses =
        |cloud: &iot_local_cloud::Cloud| ids.iter().map(|(id, _)| status(cloud, id)).collect::<Vec<_>>();
    wait(3599);
    let (late, _) = pending(&cloud, &claim).unwrap();
    let all = [Some("PENDING_ACTIVATION"), Some("ACTIVE"), Some("ACTIVE"), Some("REVOKED")];
    assert_eq!(statuses(&cloud), all);
    wait(1);
    // Any operation of fleet provisioning.
    pending(&cloud, &claim).unwrap();
    let expected = [None, Some("ACTIVE"), Some("ACTIVE"), Some("REVOKED")];
    assert_eq!((statuses(&cloud), status(&cloud, &late)), (expected.to_vec(), Some("PENDING_ACTIVATION")));
    let changes = cloud.read(|registry| registry.changes().map(|change| json!(change)).collect::<Vec<_>>());
    let tokens = changes.iter().filter(|change| change.get("putOwnershipToken").is_some()).count();
    assert_eq!(tokens, 2, "those of the last two certificates");
    drop(cloud);
    wait(3600);
    let cloud = open(path());
    assert_eq!(
        (statuses(&cloud), status(&cloud, &late)),
        (expected.to_vec(), None),
        "at the start: {}",
        unused.0
    );
}
