//! Bulk registration with files of a folder.

#![cfg(test)]

mod support;

use std::fs;

use std::time::{Duration, Instant};

use iot_local_cloud::Cloud;
use serde_json::{Value, json};
use support::{call, cloud_with_private, data, succeed};

const TEMPLATE: &str = r#"{
  "Parameters": {
    "ThingName": { "Type": "String" }, "SerialNumber": { "Type": "String" }, "CSR": { "Type": "String" }
  },
  "Resources": {
    "thing": { "Type": "AWS::IoT::Thing", "Properties": {
      "ThingName": { "Ref": "ThingName" }, "AttributePayload": { "serial": { "Ref": "SerialNumber" } } } },
    "certificate": { "Type": "AWS::IoT::Certificate", "Properties": {
      "CertificateSigningRequest": { "Ref": "CSR" }, "Status": "ACTIVE" } },
    "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyName": "device" } }
  }
}"#;

struct Kit {
    folder: tempfile::TempDir,
    cloud: Cloud,
}

impl Kit {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cloud = cloud_with_private(&folder.path().join("private"));
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}"#;
        succeed(&cloud, "POST", "/policies/device", &json!({ "policyDocument": document }));
        Self { folder, cloud }
    }

    fn write(&self, key: &str, content: &str) {
        let path = self.folder.path().join("buckets/kit").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn start(&self, key: &str) -> String {
        let body = json!({
            "templateBody": TEMPLATE, "inputFileBucket": "kit", "inputFileKey": key,
            "roleArn": "arn:aws:iam::123456789012:role/Bulk",
        });
        let started = succeed(&self.cloud, "POST", "/thing-registration-tasks", &body);
        started["taskId"].as_str().unwrap().to_owned()
    }

    fn describe(&self, task: &str) -> Value {
        succeed(&self.cloud, "GET", &format!("/thing-registration-tasks/{task}"), &Value::Null)
    }

    #[allow(clippy::disallowed_methods, clippy::allow_attributes, reason = "the test waits for a thread")]
    fn run(&self, key: &str) -> (String, Value) {
        let task = self.start(key);
        let start = Instant::now();
        loop {
            let described = self.describe(&task);
            if !matches!(described["status"].as_str().unwrap(), "InProgress" | "Cancelling") {
                return (task, described);
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{described}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The lines of a report.
    fn report(&self, task: &str, kind: &str) -> Vec<Value> {
        let target = format!("/thing-registration-tasks/{task}/reports?reportType={kind}");
        let answer = succeed(&self.cloud, "GET", &target, &Value::Null);
        let link = answer["resourceLinks"][0].as_str().unwrap().to_owned();
        let text = fs::read_to_string(link.strip_prefix("file://").unwrap()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn line(name: &str, csr: &str) -> String {
    json!({ "ThingName": name, "SerialNumber": format!("S-{name}"), "CSR": csr }).to_string()
}

#[test]
fn each_line_is_registered_or_reported() {
    let kit = Kit::new();
    let csr = data("p256.csr.pem");
    let lines = [
        line("dev-1", &csr),
        String::new(),
        line("dev 2", &csr),
        "{".to_owned(),
        "[]".to_owned(),
        line("dev-3", "no request"),
        json!({ "ThingName": "dev-4" }).to_string(),
        json!({ "ThingName": "dev-4", "SerialNumber": 4, "CSR": csr }).to_string(),
        line("dev-5", &csr),
        line("dev-1", &csr).replace("S-dev-1", "another"),
    ];
    kit.write("in/devices.json", &lines.join("\n"));
    let (task, described) = kit.run("in/devices.json");
    assert_eq!(described["status"], "Completed");
    assert_eq!((&described["successCount"], &described["failureCount"]), (&json!(2), &json!(7)));
    assert_eq!(described["percentageProgress"], 100);
    let results = kit.report(&task, "RESULTS");
    let numbers: Vec<_> = results.iter().map(|line| line["lineNumber"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 9]);
    assert!(results[0]["response"]["CertificatePem"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE"));
    assert_eq!(
        results[1]["response"]["ResourceArns"]["thing"],
        "arn:aws:iot:us-east-1:123456789012:thing/dev-5"
    );
    let errors = kit.report(&task, "ERRORS");
    let numbers: Vec<_> = errors.iter().map(|line| line["lineNumber"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7, 8, 10]);
    assert!(errors[4]["errorMessage"].as_str().unwrap().contains("CSR"), "{}", errors[4]);
    let things = succeed(&kit.cloud, "GET", "/things", &Value::Null);
    assert_eq!(things["things"].as_array().unwrap().len(), 2);
}

#[cfg(unix)]
#[test]
fn reports_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let kit = Kit::new();
    kit.write("devices.json", &line("dev-1", &data("p256.csr.pem")));
    let (task, _) = kit.run("devices.json");
    let report = kit.folder.path().join("reports").join(task).join("results.json");
    assert_eq!(fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(report.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_file_that_cannot_be_read_fails_the_task() {
    let kit = Kit::new();
    let outside = kit.folder.path().join("secret.json");
    fs::write(&outside, line("dev-1", &data("p256.csr.pem"))).unwrap();
    kit.write("folder/x", "");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, kit.folder.path().join("buckets/kit/link")).unwrap();
    let mut keys = vec![("none.json", "no such file"), ("folder", "not a file of the bucket")];
    if cfg!(unix) {
        keys.push(("link", "not a file of the bucket"));
    }
    for (key, expected) in keys {
        let (_, described) = kit.run(key);
        assert_eq!(described["status"], "Failed", "{key}");
        assert!(described["message"].as_str().unwrap().contains(expected), "{described}");
    }
    let things = succeed(&kit.cloud, "GET", "/things", &Value::Null);
    assert_eq!(things["things"], json!([]));
}

#[test]
fn one_task_runs_at_a_time_and_can_be_stopped() {
    let kit = Kit::new();
    let csr = data("p256.csr.pem");
    let lines: Vec<_> = (0..3000).map(|number| line(&format!("dev-{number}"), &csr)).collect();
    kit.write("devices.json", &lines.join("\n"));
    let task = kit.start("devices.json");
    let body = json!({
        "templateBody": TEMPLATE, "inputFileBucket": "kit", "inputFileKey": "devices.json",
        "roleArn": "arn:aws:iam::123456789012:role/Bulk",
    });
    let (status, kind, answer) = call(&kit.cloud, "POST", "/thing-registration-tasks", &body);
    assert_eq!((status, kind.as_str()), (400, "InvalidRequestException"));
    assert!(answer["message"].as_str().unwrap().contains(&task), "{answer}");
    succeed(&kit.cloud, "PUT", &format!("/thing-registration-tasks/{task}/cancel"), &Value::Null);
    let mut status = String::new();
    for _ in 0..2000 {
        status = kit.describe(&task)["status"].as_str().unwrap().to_owned();
        if status == "Cancelled" {
            break;
        }
        assert_eq!(status, "Cancelling");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(status, "Cancelled");
    let described = kit.describe(&task);
    let count = described["successCount"].as_u64().unwrap();
    assert!(count < 3000, "{described}");
    assert_eq!(kit.report(&task, "RESULTS").len(), usize::try_from(count).unwrap());
    // The next one starts.
    kit.write("one.json", &line("last", &csr));
    assert_eq!(kit.run("one.json").1["status"], "Completed");
}

#[test]
fn without_a_folder_there_are_no_buckets() {
    let cloud = support::cloud();
    let body = json!({
        "templateBody": TEMPLATE, "inputFileBucket": "kit", "inputFileKey": "devices.json",
        "roleArn": "arn:aws:iam::123456789012:role/Bulk",
    });
    let (status, _, answer) = call(&cloud, "POST", "/thing-registration-tasks", &body);
    assert_eq!(status, 400);
    assert!(answer["message"].as_str().unwrap().contains("no folder for buckets"));
}
