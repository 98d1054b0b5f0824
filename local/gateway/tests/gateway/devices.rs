//! Devices with certificates: their keys and chains, made by OpenSSL, and the registry, by its API.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use iot_local_gateway::certificate::ClientCertificate;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::secure::TlsGateway;
use crate::support::{TIMEOUT, exchange};

/// The `Authorization` of a signed request. No signature is verified.
pub(crate) const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/us-east-1/iot/aws4_request, \
    SignedHeaders=host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The certificates of all tests, as OpenSSL makes them.
pub(crate) struct Pki {
    folder: TempDir,
}

/// The kinds of keys and certificates. `-req` without extensions makes version 1.
pub(crate) static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let pki = Pki { folder: tempfile::tempdir().unwrap() };
    let extensions = "[v3]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n\
                      [ca]\nbasicConstraints=critical,CA:TRUE\n";
    std::fs::write(pki.folder.path().join("ext"), extensions).unwrap();
    pki.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.key");
    pki.run("req -x509 -new -key root.key -subj /CN=root -days 30 -out root.pem");
    pki.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out sub.key");
    pki.run("req -new -key sub.key -subj /CN=sub -out sub.csr");
    pki.run(
        "x509 -req -in sub.csr -CA root.pem -CAkey root.key -set_serial 1 -days 30 -extfile ext -extensions ca \
         -out sub.pem",
    );
    for name in ["v1-rsa", "v3-rsa", "v1-ec", "v3-ec", "v1-sub", "other", "v3-384"] {
        let key = match name {
            name if name.ends_with("rsa") => "RSA -pkeyopt rsa_keygen_bits:2048",
            "v3-384" => "EC -pkeyopt ec_paramgen_curve:P-384",
            _ => "EC -pkeyopt ec_paramgen_curve:P-256",
        };
        pki.run(&format!("genpkey -algorithm {key} -out {name}.key"));
        let ca = if name.ends_with("sub") { "sub" } else { "root" };
        pki.issue(name, name, ca);
    }
    pki
});

/// A certificate with its chain and a key.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<PrivateKeyDer<'static>>,
}

impl Pki {
    fn run(&self, args: &str) {
        let output = Command::new("openssl")
            .args(args.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .expect("openssl is installed");
        assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Issues `NAME.pem` for the key `KEY.key`, of version 3 if the name begins so.
    fn issue(&self, name: &str, key: &str, ca: &str) {
        self.issue_as(name, name, key, ca);
    }

    fn issue_as(&self, file: &str, name: &str, key: &str, ca: &str) {
        // Tests run at once, so no file counts.
        static SERIAL: AtomicU32 = AtomicU32::new(2);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let extensions = if name.starts_with("v3") { "-extfile ext -extensions v3" } else { "" };
        let subject = name.replace('/', "\\/");
        self.run(&format!("req -new -key {key}.key -subj /CN={subject} -out {file}.csr"));
        self.run(&format!(
            "x509 -req -in {file}.csr -CA {ca}.pem -CAkey {ca}.key -set_serial {serial} -days 30 {extensions} \
             -out {file}.pem"
        ));
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(file)
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path(&format!("{name}.pem"))).unwrap()
    }

    /// Returns a device with the certificates of these names, its own first.
    pub(crate) fn device(&self, names: &[&str]) -> Device {
        Device {
            chain: names.iter().map(|name| self.certificate(name)).collect(),
            key: self.key(names.first().unwrap()),
        }
    }

    pub(crate) fn key(&self, name: &str) -> Arc<PrivateKeyDer<'static>> {
        Arc::new(PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).unwrap())
    }

    /// Returns a device with a new certificate for the P-256 key of `other`.
    pub(crate) fn fresh(&self, common_name: &str) -> Device {
        // Tests run at once, and several use one name.
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let file = format!("{}-{}", common_name.replace('/', "_"), NUMBER.fetch_add(1, Ordering::Relaxed));
        self.issue_as(&file, common_name, "other", "root");
        Device { chain: vec![self.certificate(&file)], key: self.key("other") }
    }
}

impl Device {
    pub(crate) fn certificate(&self) -> ClientCertificate {
        ClientCertificate::of_handshake(&self.chain).unwrap()
    }

    pub(crate) fn id(&self) -> String {
        self.certificate().id
    }
}

/// How a device connects.
#[derive(Clone)]
pub(crate) struct Connect<'a> {
    pub(crate) port: u16,
    pub(crate) alpn: &'a [&'a str],
    pub(crate) device: Option<&'a Device>,
    pub(crate) is_tls12: bool,
    pub(crate) has_sni: bool,
}

impl<'a> Connect<'a> {
    pub(crate) fn new(port: u16, device: &'a Device) -> Self {
        Self { port, alpn: &[], device: Some(device), is_tls12: false, has_sni: true }
    }
}

impl TlsGateway {
    pub(crate) fn device_config(&self, connect: &Connect<'_>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.state.authority.certificate().clone()).unwrap();
        let version = if connect.is_tls12 { &TLS12 } else { &TLS13 };
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match connect.device {
            Some(Device { chain, key }) => {
                // Not checked, so that a test can use a key that does not match the certificate.
                let key = aws_lc_rs::sign::any_supported_type(key).unwrap();
                let identity = CertifiedKey::new(chain.clone(), key);
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = connect.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.enable_sni = connect.has_sni;
        Arc::new(config)
    }

    /// Opens a TLS connection.
    pub(crate) async fn device_stream(
        &self,
        connect: &Connect<'_>,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", connect.port)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(self.device_config(connect)).connect(name, stream).await
    }

    /// Sends a CONNECT of MQTT 3.1.1 (4) or 5. Returns `connack CODE`, `closed` after a close_notify without a packet,
    /// or the TLS error.
    pub(crate) async fn connect_device(&self, connect: &Connect<'_>, client_id: &str, level: u8) -> String {
        let outcome = async {
            let mut stream = match self.device_stream(connect).await {
                Ok(stream) => stream,
                Err(error) => return format!("tls: {error}"),
            };
            let _ = stream.write_all(&connect_packet(client_id, level)).await;
            let mut response = [0; 64];
            // An end of the connection without close_notify is an error.
            match stream.read(&mut response).await {
                Ok(0) => "closed".to_owned(),
                Ok(length) => match response.get(..length) {
                    Some([0x20, _, _, code, ..]) => format!("connack {code:#04x}"),
                    other => format!("{other:?}"),
                },
                Err(error) => format!("tls: {error}"),
            }
        };
        tokio::time::timeout(TIMEOUT, outcome).await.expect("a response or the end of the connection")
    }
}

/// A CONNECT with a clean session and without credentials.
pub(crate) fn connect_packet(client_id: &str, level: u8) -> Vec<u8> {
    let id_length = u8::try_from(client_id.len()).unwrap();
    let mut body = b"\0\x04MQTT".to_vec();
    body.extend([level, 0x02, 0, 60]);
    if level == 5 {
        body.push(0);
    }
    body.extend([0, id_length]);
    body.extend(client_id.as_bytes());
    [&[0x10, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

/// Calls the API of the registry.
pub(crate) struct Api {
    pub(crate) port: u16,
}

impl Api {
    pub(crate) async fn call(&self, line: &str, headers: &str, body: &Value) -> Value {
        let (status, body) = self.try_call(line, headers, body).await;
        assert_eq!(status, 200, "{line}: {body}");
        body
    }

    /// Returns the status and the body.
    pub(crate) async fn try_call(&self, line: &str, headers: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: {AUTHORIZATION}\r\nContent-Length: {}\r\n\
             {headers}\r\n{body}",
            self.port,
            body.len()
        );
        let response = exchange(self.port, request.as_bytes()).await;
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (_, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {response:?}"));
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        (status.unwrap(), body)
    }

    /// Registers a certificate without a CA.
    pub(crate) async fn register(&self, device: &Device, status: &str) {
        let body = json!({ "certificatePem": device.certificate().pem(), "status": status });
        let answer = self.call("POST /certificate/register-no-ca", "", &body).await;
        assert_eq!(answer.get("certificateId"), Some(&json!(device.id())));
    }

    /// Has the gateway create key and certificate, and attaches a policy.
    pub(crate) async fn create_certificate(&self, policy: &str) -> Device {
        let created = self.call("POST /keys-and-certificate?setAsActive=true", "", &json!({})).await;
        let text = |pointer: &str| created.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let certificate = CertificateDer::from_pem_slice(text("/certificatePem").as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(text("/keyPair/PrivateKey").as_bytes()).unwrap();
        let device = Device { chain: vec![certificate], key: Arc::new(key) };
        self.attach_policy(policy, &device).await;
        device
    }

    pub(crate) async fn set_status(&self, device: &Device, status: &str) {
        self.call(&format!("PUT /certificates/{}?newStatus={status}", device.id()), "", &Value::Null).await;
    }

    /// Creates a policy of these statements.
    pub(crate) async fn create_policy(&self, name: &str, statements: &Value) {
        let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let document = document.replace("ARN:", "arn:aws:iot:us-east-1:123456789012:");
        self.call(&format!("POST /policies/{name}"), "", &json!({ "policyDocument": document })).await;
    }

    pub(crate) async fn attach_policy(&self, name: &str, device: &Device) {
        self.call(&format!("PUT /target-policies/{name}"), "", &json!({ "target": arn(device) })).await;
    }

    pub(crate) async fn detach_policy(&self, name: &str, device: &Device) {
        self.call(&format!("POST /target-policies/{name}"), "", &json!({ "target": arn(device) })).await;
    }

    pub(crate) async fn create_thing(&self, name: &str) {
        self.call(&format!("POST /things/{name}"), "", &json!({})).await;
    }

    /// Attaches a certificate to a thing. `query` may have its type.
    pub(crate) async fn attach_thing(&self, name: &str, device: &Device, query: &str) {
        let header = format!("x-amzn-principal: {}\r\n", arn(device));
        self.call(&format!("PUT /things/{name}/principals{query}"), &header, &Value::Null).await;
    }

    pub(crate) async fn detach_thing(&self, name: &str, device: &Device) {
        let header = format!("x-amzn-principal: {}\r\n", arn(device));
        self.call(&format!("DELETE /things/{name}/principals"), &header, &Value::Null).await;
    }
}

fn arn(device: &Device) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:cert/{}", device.id())
}

/// The usual policy of devices: each has the client id and the topics of its thing.
pub(crate) fn thing_policy() -> Value {
    use crate::statements::allow;
    let thing = "${iot:Connection.Thing.ThingName}";
    json!([
        allow("Connect", &[&format!("client/{thing}")]),
        allow("Publish", &[&format!("topic/dt/{thing}/*")]),
        allow("Subscribe", &[&format!("topicfilter/cmd/{thing}/*")]),
        allow("Receive", &[&format!("topic/cmd/{thing}/*")]),
    ])
}
