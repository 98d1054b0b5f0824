//! Kits that a control plane registers, without a port.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use iot_local_cloud::api::Request;
use iot_local_cloud::{Account, Cloud, CloudOptions};
use serde_json::{Value, json};

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    kit: KitArgs,
}

/// Runs a command line. Returns its result and its output.
fn kit(line: &[&str]) -> (Result<bool, KitError>, String) {
    let mut out = Vec::new();
    let args = Line::parse_from(std::iter::once(&"kit").chain(line)).kit;
    let result = run(&args, &mut out);
    (result, String::from_utf8(out).unwrap())
}

/// All files of a folder with their contents.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

struct Plane {
    folder: tempfile::TempDir,
    cloud: Cloud,
}

impl Plane {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cloud = Cloud::open(CloudOptions {
            account: Account::new("us-east-1", "123456789012").unwrap(),
            folder: Some(folder.path().join("registry")),
            private: Some(folder.path().join("private")),
            endpoint: "localhost".to_owned(),
            clock: iot_local_base::clock::now,
        });
        let plane = Self { folder, cloud: cloud.unwrap() };
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}"#;
        plane.call("POST", "/policies/device", &json!({ "policyDocument": document }));
        plane
    }

    fn call(&self, method: &str, target: &str, body: &Value) -> Value {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let authorization = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/iot/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00000000000000000000000000000000000000000000000000000000000000ff";
        let headers = [("host", "localhost:8080"), ("authorization", authorization)];
        let response = self.cloud.respond(&Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
            port: 8080,
        });
        let answer = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200, "{method} {target}: {answer}");
        answer
    }

    /// Registers a kit. Returns the report of results and the number of failures.
    fn register(&self, out: &Path) -> (PathBuf, u64) {
        let bucket = self.folder.path().join("buckets/kit");
        fs::create_dir_all(&bucket).unwrap();
        fs::copy(out.join(PARAMETERS), bucket.join(PARAMETERS)).unwrap();
        let body = json!({
            "templateBody": fs::read_to_string(out.join(TEMPLATE)).unwrap(), "inputFileBucket": "kit",
            "inputFileKey": PARAMETERS, "roleArn": "arn:aws:iam::123456789012:role/kit",
        });
        let task =
            self.call("POST", "/thing-registration-tasks", &body)["taskId"].as_str().unwrap().to_owned();
        for _ in 0..6000 {
            let described = self.call("GET", &format!("/thing-registration-tasks/{task}"), &Value::Null);
            if described["status"] == "Completed" {
                let reports = self.folder.path().join("reports").join(task);
                return (reports.join("results.json"), described["failureCount"].as_u64().unwrap());
            }
            assert_eq!(described["status"], "InProgress", "{described}");
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the task does not end");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "prints the seconds")]
fn a_thousand_devices_are_made_and_registered_once() {
    let plane = Plane::new();
    let out = plane.folder.path().join("kit");
    let line = ["--count", "1000", "--name", "dev-${n}", "--out", text(&out)];
    let start = Instant::now();
    let (result, printed) = kit(&line);
    let made = start.elapsed();
    assert!(result.unwrap() && printed.contains("devices         1000, 1000 of them new"), "{printed}");
    let before = contents(&out);
    assert_eq!(before.len(), 2003);

    let start = Instant::now();
    let (result, printed) = kit(&line);
    let again = start.elapsed();
    assert!(result.unwrap() && printed.contains("devices         1000, 0 of them new"), "{printed}");
    assert!(contents(&out) == before, "the second run changed a file");

    let start = Instant::now();
    let (results, failures) = plane.register(&out);
    let registered = start.elapsed();
    assert_eq!(failures, 0);
    let (result, printed) = kit(&["--results", text(&results), "--out", text(&out)]);
    assert!(result.unwrap() && printed.contains("certificates    1000 new, 0 known"), "{printed}");
    let (result, printed) = kit(&["--results", text(&results), "--out", text(&out)]);
    assert!(result.unwrap() && printed.contains("certificates    0 new, 1000 known"), "{printed}");

    // All have their certificates: the third run leaves nothing to register.
    let (result, printed) = kit(&line);
    assert!(result.unwrap() && printed.contains("to register     0"), "{printed}");
    assert!(!printed.contains("Register them"), "{printed}");
    assert_eq!(fs::read(out.join(PARAMETERS)).unwrap(), b"");
    println!(
        "1000 devices: made in {:.1} s, second run {:.1} s, registered in {:.1} s",
        made.as_secs_f64(),
        again.as_secs_f64(),
        registered.as_secs_f64()
    );
}

#[test]
fn what_is_missing_is_made_and_the_rest_kept() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("kit");
    let list = folder.path().join("d.csv");
    fs::write(&list, "ThingName,SerialNumber\na,1\nb,2\nc,3\n").unwrap();
    let line = ["--list", text(&list), "--out", text(&out), "--policy", "p"];
    kit(&line).0.unwrap();
    let before = contents(&out);
    fs::remove_file(out.join("a.csr.pem")).unwrap();
    fs::remove_file(out.join("b.key.pem")).unwrap();
    fs::remove_file(out.join("b.csr.pem")).unwrap();
    let (result, printed) = kit(&line);
    assert!(result.unwrap() && printed.contains("3, 1 of them new"), "{printed}");
    let after = contents(&out);
    let is_same = |name: &str| before.get(&out.join(name)) == after.get(&out.join(name));
    assert!(is_same("a.key.pem") && is_same("c.key.pem") && is_same("c.csr.pem"));
    assert!(!is_same("b.key.pem") && !is_same("b.csr.pem"));
    let template: Value = serde_json::from_slice(&after[&out.join(TEMPLATE)]).unwrap();
    assert_eq!(template["Resources"]["policy"]["Properties"]["PolicyName"], "p");
    let parameters = String::from_utf8(after[&out.join(PARAMETERS)].clone()).unwrap();
    let first: Value = serde_json::from_str(parameters.lines().next().unwrap()).unwrap();
    assert_eq!((&first["ThingName"], &first["SerialNumber"]), (&json!("a"), &json!("1")));
    assert_eq!(after[&out.join(".gitignore")], b"*\n");
}

#[cfg(unix)]
#[test]
fn keys_are_private_and_an_open_folder_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("kit");
    kit(&["--count", "1", "--out", text(&out)]).0.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&out), 0o700);
    for (path, _) in contents(&out) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    for open in [0o750, 0o705, 0o701, 0o777] {
        fs::set_permissions(&out, fs::Permissions::from_mode(open)).unwrap();
        for line in [["--count", "2", "--out", text(&out)], ["--results", "none", "--out", text(&out)]] {
            let error = kit(&line).0.unwrap_err().to_string();
            assert!(
                error.contains("other users can read this folder") && error.contains("chmod 700"),
                "{error}"
            );
        }
        assert_eq!(contents(&out).len(), 5);
        assert_eq!(mode(&out), open);
    }
}

#[test]
fn lines_of_a_report_that_do_not_fit_write_nothing() {
    let plane = Plane::new();
    let (first, second) = (plane.folder.path().join("first"), plane.folder.path().join("second"));
    kit(&["--count", "1", "--name", "a", "--out", text(&first)]).0.unwrap();
    kit(&["--count", "1", "--name", "a", "--out", text(&second)]).0.unwrap();
    let (results, _) = plane.register(&first);
    let line = fs::read_to_string(&results).unwrap();
    let arn = "arn:aws:iot:us-east-1:123456789012:thing/";
    let report = plane.folder.path().join("report.json");
    let lines = [
        line.clone(),
        line.replace("thing/a", "thing/b"),
        line.replace("thing/a", "thing/../first/a"),
        line.replace("BEGIN CERTIFICATE", "BEGIN X"),
        "{}".to_owned(),
        "x".to_owned(),
        json!({ "response": { "CertificatePem": "x", "ResourceArns": { "t": format!("{arn}a") } } })
            .to_string(),
        json!({ "response": { "CertificatePem": "x", "ResourceArns": {} } }).to_string(),
    ];
    fs::write(&report, lines.map(|line| line.trim_end().to_owned() + "\n").concat()).unwrap();
    let before = contents(&second);
    let (result, printed) = kit(&["--results", text(&report), "--out", text(&second)]);
    assert!(!result.unwrap());
    let reasons = [
        ":1: the certificate of a is for another key",
        ":2: ",
        ":3: response.ResourceArns has no thing",
        ":4: the certificate of a is not PEM",
        ":5: expected response",
        ":6: expected response",
        ":7: the certificate of a is not PEM",
        ":8: response.ResourceArns has no thing",
    ];
    for reason in reasons {
        assert!(printed.contains(reason), "{reason}: {printed}");
    }
    assert_eq!(contents(&second), before);
    // A certificate of an earlier registration is not replaced.
    kit(&["--results", text(&results), "--out", text(&first)]).0.unwrap();
    let (later, _) = plane.register(&first);
    let (result, printed) = kit(&["--results", text(&later), "--out", text(&first)]);
    assert!(!result.unwrap() && printed.contains("a has another certificate"), "{printed}");
    assert!(kit(&["--results", text(&results), "--out", text(&first)]).0.unwrap());
}
