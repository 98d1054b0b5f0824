//! Measures a registry with 10 and with 10,000 devices: the time of a start, the memory, and the time of calls and
//! connects. Each device has a thing, a certificate, a policy of its own and a policy that all share.
//!
//! ```text
//! cargo run --release -p iot-local-cloud --example scale [FOLDER]
//! ```
//!
//! Each size runs in a process of its own, in a folder below FOLDER or the system's folder for temporary files. Calls
//! that change something include the sync of the disk; `sync of one line` is the part of the disk alone.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::panic,
    reason = "measures time, and ends with a message if anything fails"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use iot_local_cloud::api::Request;
use iot_local_cloud::connect::Presented;
use iot_local_cloud::registry::{
    Certificate, CertificateMode, CertificateStatus, Change, Policy, PolicyTarget, PolicyVersion, Principal,
    Thing, ThingPrincipalType,
};
use iot_local_cloud::{Account, CertificateFacts, Cloud, CloudOptions};
use serde_json::{Value, json};

const SIZES: [usize; 2] = [10, 10_000];
const REPEATS: usize = 200;
const ARN: &str = "arn:aws:iot:us-east-1:123456789012:";

fn main() {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("fill"), Some(folder)) => fill(Path::new(&folder), number(arguments.next())),
        (Some("measure"), Some(folder)) => measure(Path::new(&folder), number(arguments.next())),
        (folder, _) => {
            let folder = folder.map_or_else(std::env::temp_dir, PathBuf::from);
            let folder = folder.join(format!("scale-{}", std::process::id()));
            for size in SIZES {
                let registry = folder.join(size.to_string());
                for step in ["fill", "measure"] {
                    run(step, &registry, size);
                }
            }
            fs::remove_dir_all(&folder).expect("the folder is deleted");
        }
    }
}

fn number(text: Option<String>) -> usize {
    text.and_then(|text| text.parse().ok()).expect("a number of devices")
}

fn run(step: &str, registry: &Path, size: usize) {
    let program = std::env::current_exe().expect("the path of this program");
    let status = Command::new(program).arg(step).arg(registry).arg(size.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "{step} of {size} devices failed");
}

fn open(registry: &Path) -> Cloud {
    let options = CloudOptions {
        account: Account::new("us-east-1", "123456789012").expect("a valid account"),
        folder: Some(registry.to_owned()),
        private: None,
        endpoint: "localhost".to_owned(),
        clock: SystemTime::now,
    };
    Cloud::open(options).unwrap_or_else(|error| panic!("{error}"))
}

/// Makes the devices, 100 in each line of the log.
fn fill(registry: &Path, size: usize) {
    let cloud = open(registry);
    let key = rcgen::KeyPair::generate().expect("a key");
    fs::write(registry.with_extension("key"), key.serialize_pem()).expect("the key is written");
    add(&cloud, vec![policy("shared")]);
    let mut changes = Vec::new();
    for device in 0..size {
        changes.extend(device_changes(&key, device));
        if device % 100 == 99 {
            add(&cloud, std::mem::take(&mut changes));
        }
    }
    add(&cloud, changes);
    // A snapshot may still be written.
    std::thread::sleep(Duration::from_secs(3));
}

fn add(cloud: &Cloud, changes: Vec<Change>) {
    cloud.write(|_| Ok((changes, ()))).unwrap_or_else(|error| panic!("{error}"));
}

fn device_changes(key: &rcgen::KeyPair, device: usize) -> Vec<Change> {
    let name = format!("device-{device}");
    let certificate = certificate(key, device);
    let facts = CertificateFacts::read(&certificate).expect("a certificate");
    let id = facts.id.clone();
    let attach = |policy: &str| Change::AttachPolicy {
        policy: policy.to_owned(),
        target: PolicyTarget::certificate(&id),
    };
    let attributes = BTreeMap::from([("serial".to_owned(), device.to_string())]);
    let thing = Thing {
        name: name.clone(),
        id: "00000000-0000-4000-8000-000000000000".to_owned(),
        type_name: None,
        attributes,
        version: 1,
        created: 0,
    };
    vec![
        Change::PutCertificate(
            Certificate {
                id: facts.id,
                pem: pem::encode(&pem::Pem::new("CERTIFICATE", certificate)),
                status: CertificateStatus::Active,
                mode: CertificateMode::Default,
                ca_certificate_id: None,
                not_before: facts.not_before,
                not_after: facts.not_after,
                created: 0,
                modified: 0,
                customer_version: 1,
                generation_id: "00000000-0000-4000-8000-000000000000".to_owned(),
            }
            .into(),
        ),
        Change::PutThing(thing.into()),
        policy(&name),
        attach("shared"),
        attach(&name),
        Change::AttachPrincipal {
            thing: name.clone(),
            principal: Principal::Certificate(id.clone()),
            kind: ThingPrincipalType::NonExclusive,
        },
    ]
}

/// The certificate of a device: the same at each call but for its signature, so only its names are measured again.
fn certificate(key: &rcgen::KeyPair, device: usize) -> Vec<u8> {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    parameters.distinguished_name.push(rcgen::DnType::CommonName, format!("device-{device}"));
    parameters.serial_number = Some(rcgen::SerialNumber::from(device as u64 + 1));
    parameters.self_signed(key).expect("a certificate").der().to_vec()
}

fn policy(name: &str) -> Change {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iot:Connect",
                "Resource": format!("{ARN}client/${{iot:Connection.Thing.ThingName}}"),
            },
            {
                "Effect": "Allow",
                "Action": ["iot:Publish", "iot:Receive"],
                "Resource": format!("{ARN}topic/${{iot:Connection.Thing.ThingName}}/*"),
            },
        ],
    });
    let version = PolicyVersion { document: document.to_string(), created: 0 };
    let policy = Policy {
        name: name.to_owned(),
        versions: BTreeMap::from([(1, version)]),
        default_version: 1,
        last_version: 1,
        created: 0,
        modified: 0,
        generation_id: "00000000-0000-4000-8000-000000000000".to_owned(),
    };
    Change::PutPolicy(policy.into())
}

fn measure(registry: &Path, size: usize) {
    let bytes = |name: &str| fs::metadata(registry.join(name)).map_or(0, |metadata| metadata.len());
    println!(
        "\n{size} devices, snapshot {} bytes, log {} bytes",
        bytes("snapshot.jsonl"),
        bytes("log.jsonl")
    );
    let before = resident_kib();
    let mut cloud = open(registry);
    println!("  {:<32} {:>9} KiB, {before} KiB without the registry", "memory", resident_kib());
    let mut starts = Vec::new();
    for _ in 0..5 {
        drop(cloud);
        let start = Instant::now();
        cloud = open(registry);
        starts.push(start.elapsed());
    }
    report("start", starts);
    connects(&cloud, size);
    report("sync of one line", repeat(|_| sync_line(registry)));
    calls(&cloud, size);
    concurrent(&cloud);
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// Connects of devices, whose certificates are taken from the registry.
fn connects(cloud: &Cloud, size: usize) {
    let devices: Vec<_> = (0..REPEATS).map(|number| number * 7919 % size).collect();
    let certificates: Vec<_> = devices
        .iter()
        .map(|device| {
            cloud.read(|registry| {
                let (principal, _) = registry.principals_of(&format!("device-{device}")).next().expect("one");
                let Principal::Certificate(id) = principal else { panic!("a certificate") };
                let pem = &registry.certificate(id).expect("registered").pem;
                pem::parse(pem).expect("PEM").into_contents()
            })
        })
        .collect();
    let rights = |certificate: &[u8], device: usize| {
        let client_id = format!("device-{device}");
        let presented = Presented {
            certificate,
            chain: &[],
            server_name: Some("localhost"),
            client_id: Some(&client_id),
        };
        cloud.rights(&presented)
    };
    report(
        "rights at a connect",
        repeat(|index| {
            let rights =
                rights(&certificates[index], devices[index]).unwrap_or_else(|refusal| panic!("{refusal}"));
            assert!(rights.policies.len() == 2 && rights.context.thing.is_some());
        }),
    );
    let key = rcgen::KeyPair::generate().expect("a key");
    let unknown = certificate(&key, 0);
    report("rights, unknown certificate", repeat(|_| assert!(rights(&unknown, 0).is_err())));
}

fn sync_line(registry: &Path) {
    let path = registry.with_extension("sync");
    let mut file = File::options().create(true).append(true).open(path).expect("a file");
    file.write_all(&[b'x'; 300]).and_then(|()| file.sync_data()).expect("synced");
}

fn calls(cloud: &Cloud, size: usize) {
    let device = |index: usize| index * 7919 % size;
    let target = |index: usize| {
        cloud.read(|registry| {
            let name = format!("device-{}", device(index));
            let (principal, _) = registry.principals_of(&name).next().expect("one");
            principal.api_name(cloud.account())
        })
    };
    let targets: Vec<_> = (0..REPEATS).map(target).collect();
    let id = |index: usize| targets[index].rsplit('/').next().unwrap_or_default().to_owned();
    let null = Value::Null;
    let call = |name: &str, make: &dyn Fn(usize) -> (&'static str, String, Value)| {
        report(name, repeat_timed(make, |(method, path, body)| send(cloud, method, path, body)));
    };
    call("DescribeThing", &|index| ("GET", format!("/things/device-{}", device(index)), null.clone()));
    call("GetPolicy", &|index| ("GET", format!("/policies/device-{}", device(index)), null.clone()));
    call("DescribeCertificate", &|index| ("GET", format!("/certificates/{}", id(index)), null.clone()));
    call("ListAttachedPolicies", &|index| {
        ("POST", format!("/attached-policies/{}", targets[index].replace('/', "%2F")), null.clone())
    });
    call("CreateThing", &|index| ("POST", format!("/things/new-{index}"), null.clone()));
    call("UpdateThing", &|index| {
        let body = json!({ "attributePayload": { "attributes": { "n": index.to_string() } } });
        ("PATCH", format!("/things/device-{}", device(index)), body)
    });
    // In turn, so that each call changes something.
    call("DetachPolicy, AttachPolicy", &|index| {
        let method = if index % 2 == 0 { "POST" } else { "PUT" };
        (method, "/target-policies/shared".into(), json!({ "target": targets[index / 2] }))
    });
    call("UpdateCertificate", &|index| {
        let status = if index % 2 == 0 { "INACTIVE" } else { "ACTIVE" };
        ("PUT", format!("/certificates/{}?newStatus={status}", id(index / 2)), null.clone())
    });
    call("DeleteThing", &|index| ("DELETE", format!("/things/new-{index}"), null.clone()));
    call("ListThings, one page", &|_| ("GET", "/things".into(), null.clone()));
    call("ListTargetsForPolicy, one page", &|_| ("POST", "/policy-targets/shared".into(), null.clone()));
}

fn concurrent(cloud: &Cloud) {
    const THREADS: usize = 8;
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for index in 0..REPEATS {
                    send(cloud, "POST", &format!("/things/thread-{thread}-{index}"), &Value::Null);
                }
            });
        }
    });
    let calls = THREADS * REPEATS;
    let each = start.elapsed() / u32::try_from(calls).expect("few calls");
    println!(
        "  {:<32} {:>9} us on average, {calls} calls",
        format!("CreateThing, {THREADS} threads"),
        each.as_micros()
    );
}

fn send(cloud: &Cloud, method: &str, target: &str, body: &Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/iot/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=00";
    let authorization = authorization.replace("=00", &format!("={}", "0".repeat(64)));
    let headers = [("host", "localhost:8080"), ("authorization", authorization.as_str())];
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        port: 8080,
    };
    let response = cloud.respond(&request);
    assert!(response.status == 200, "{method} {target}: {}", String::from_utf8_lossy(&response.body));
}

fn repeat(mut run: impl FnMut(usize)) -> Vec<Duration> {
    repeat_timed(|index| index, |index| run(*index))
}

fn repeat_timed<T>(make: impl Fn(usize) -> T, mut run: impl FnMut(&T)) -> Vec<Duration> {
    (0..REPEATS)
        .map(|index| {
            let input = make(index);
            let start = Instant::now();
            run(&input);
            start.elapsed()
        })
        .collect()
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let median = times[times.len() / 2];
    let slowest = times[times.len() - 1];
    println!("  {name:<32} {:>9} us median, {:>9} us at most", median.as_micros(), slowest.as_micros());
}
