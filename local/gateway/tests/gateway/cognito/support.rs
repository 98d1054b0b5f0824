//! A gateway with an identity pool, and the calls of a client of it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use aws_sigv4::http_request::SignatureLocation;
use iot_local_cloud::credentials::TemporaryCredentials;
use iot_local_cloud::identity_pool::{IdentityPool, LoginProvider};
use iot_local_cloud::{Account, Role};
use iot_local_gateway::login_provider::IssuerLogin;
use iot_local_gateway::{GatewayOptions, RunningGateway};
use iot_local_identity::example_users::{self, ExampleConfig, ExampleUser};
use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, algorithm};
use iot_local_identity::oidc::{PAGE, ProviderOptions, Realm};
use rumqttc::{ConnectionError, MqttOptions, Transport};
use serde_json::{Map, Value, json};

use crate::devices::Api;
use crate::signer::{HttpRequest, Signer};
use crate::statements::allow;
use crate::support::{Client, connect_with, defaults, exchange, function, operator};

/// The pool's id.
pub(super) const POOL: &str = "us-east-1:00000000-0000-4000-8000-000000000001";
/// The name of the provider.
pub(super) const PROVIDER: &str = "login.example.com/";
/// The origin of the user's own app.
pub(super) const APP: &str = "http://localhost:3000";

/// One for all tests: an RSA key takes a moment.
static ISSUER: LazyLock<DevelopmentIssuer> = LazyLock::new(|| {
    let settings = IssuerSettings {
        id: "users".to_owned(),
        issuer: format!("https://{PROVIDER}"),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: ["ES256", "RS256"].map(|name| algorithm(name).unwrap()).to_vec(),
        typ: "JWT".to_owned(),
        max_lifetime: None,
    };
    DevelopmentIssuer::ephemeral(settings).unwrap()
});

/// A gateway with an identity pool.
pub(super) struct Identities {
    pub(super) running: RunningGateway,
    pub(super) issuer: DevelopmentIssuer,
}

/// The policy of AWS IoT that fits the role `app`.
pub(super) fn apps() -> Value {
    let sub = "${cognito-identity.amazonaws.com:sub}";
    json!([
        allow("Connect", &[&format!("client/{sub}"), &format!("client/{sub}-*")]),
        allow("Publish", &[&format!("topic/apps/{sub}/*")]),
        allow("Receive", &[&format!("topic/apps/{sub}/*")]),
        allow("Subscribe", &[&format!("topicfilter/apps/{sub}/*")]),
    ])
}

/// A role of these statements that identities of the pool may have.
pub(super) fn role(name: &str, statements: &Value) -> Arc<Role> {
    let statements = statements.to_string().replace("ARN:", "arn:aws:iot:us-east-1:123456789012:");
    let statements: Value = serde_json::from_str(&statements).unwrap();
    let trust = json!([{
        "Effect": "Allow",
        "Principal": { "Federated": "cognito-identity.amazonaws.com" },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": { "cognito-identity.amazonaws.com:aud": POOL } },
    }]);
    let document = |statements: &Value| json!({ "Version": "2012-10-17", "Statement": statements });
    let role = json!({ "trust": document(&trust), "policy": document(&statements) });
    let account = Account::new("us-east-1", "123456789012").unwrap();
    Arc::new(Role::parse(name, &role, &account).unwrap())
}

/// The role of the repository.
fn app_role() -> Arc<Role> {
    let document = serde_json::from_str(include_str!("../../../../../roles/app.json")).unwrap();
    let account = Account::new("us-east-1", "123456789012").unwrap();
    Arc::new(Role::parse("app", &document, &account).unwrap())
}

impl Identities {
    pub(super) async fn open() -> Self {
        Self::open_with(|_, _| {}).await
    }

    /// Opens a gateway whose options or pool are changed.
    pub(super) async fn open_with(change: impl FnOnce(&mut GatewayOptions, &mut IdentityPool)) -> Self {
        let issuer = ISSUER.clone();
        let user = |sub: &str| ExampleUser {
            name: sub.to_owned(),
            sub: sub.to_owned(),
            claims: Map::from_iter([(
                "role".to_owned(),
                json!(if sub == "olga" { "operator" } else { "user" }),
            )]),
            ..ExampleUser::default()
        };
        let realm = Realm {
            issuer: issuer.clone(),
            users: ["ana", "ben", "olga"].map(user).to_vec(),
            machine: example_users::machine(&ExampleConfig::default(), "users"),
        };
        let mut options = defaults(function(1));
        options.login = ProviderOptions {
            realms: vec![realm],
            machine_secret: None,
            redirect_uris: vec![format!("{APP}/back").parse().unwrap()],
        };
        let clients = ["app", PAGE].map(str::to_owned).to_vec();
        let provider: Arc<dyn LoginProvider> = Arc::new(IssuerLogin::new(issuer.clone(), clients));
        let mut pool = IdentityPool {
            id: POOL.to_owned(),
            providers: vec![provider],
            roles: BTreeMap::from([("app".to_owned(), app_role())]),
            role: "app".to_owned(),
            mapping: Vec::new(),
            classic: false,
            guests: false,
        };
        change(&mut options, &mut pool);
        options.cloud.set_identity_pool(Some(pool));
        Self { running: RunningGateway::start(options).await.unwrap(), issuer }
    }

    /// The present pool.
    pub(super) fn pool(&self) -> IdentityPool {
        IdentityPool::clone(&self.running.cloud.identity_pool().unwrap())
    }

    /// The present pool, whose role `app` has other statements.
    pub(super) fn pool_with_role(&self, statements: &Value) -> IdentityPool {
        let mut pool = self.pool();
        pool.roles.insert("app".to_owned(), role("app", statements));
        pool
    }

    /// Gives the role `app` other statements.
    pub(super) fn set_role(&self, statements: &Value) {
        self.running.cloud.set_identity_pool(Some(self.pool_with_role(statements)));
    }

    pub(super) fn api(&self) -> Api {
        Api { port: self.running.port }
    }

    /// Logs a user in, as the page does. Returns the ID token.
    pub(super) async fn log_in(&self, user: &str) -> String {
        // RFC 7636, appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let port = self.running.port;
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let redirect_uri = encode(&format!("http://localhost:{port}/"));
        let request = format!(
            "response_type=code&client_id={PAGE}&redirect_uri={redirect_uri}&scope=openid&state=s\
             &code_challenge={challenge}&code_challenge_method=S256"
        );
        let form = format!("request={}&user={user}", encode(&request));
        let headers =
            format!("Origin: http://localhost:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        let response = crate::support::post(port, "/oidc/users/login", &headers, &form).await;
        let code = response.split("code=").nth(1).unwrap_or_else(|| panic!("{response}"));
        let code = code.split(['&', '\r']).next().unwrap();
        let form = format!(
            "grant_type=authorization_code&client_id={PAGE}&redirect_uri={redirect_uri}&code={code}\
             &code_verifier={verifier}"
        );
        let response = crate::support::post(port, "/oidc/users/token", &headers, &form).await;
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        body["id_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// Calls an operation of the identity pool. Returns the status and the body.
    pub(super) async fn call(&self, operation: &str, body: &Value) -> (u16, Value) {
        let headers = format!(
            "content-type: application/x-amz-json-1.1\r\nx-amz-target: AWSCognitoIdentityService.{operation}\r\n"
        );
        let response = crate::support::post(self.running.port, "/", &headers, &body.to_string()).await;
        let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/x-amz-json-1.1"), "{head}");
        (status.unwrap(), serde_json::from_str(body).unwrap())
    }

    pub(super) async fn identity_id(&self, token: &str) -> String {
        let body = json!({ "IdentityPoolId": POOL, "Logins": { PROVIDER: token } });
        let (status, body) = self.call("GetId", &body).await;
        assert_eq!(status, 200, "{body}");
        body["IdentityId"].as_str().unwrap().to_owned()
    }

    pub(super) async fn credentials(&self, id: &str, token: &str) -> TemporaryCredentials {
        let body = json!({ "IdentityId": id, "Logins": { PROVIDER: token } });
        let (status, body) = self.call("GetCredentialsForIdentity", &body).await;
        assert_eq!((status, body["IdentityId"].as_str()), (200, Some(id)), "{}", body["message"]);
        credentials(&body["Credentials"], "SecretKey")
    }

    /// Logs in. Returns the identity and its credentials.
    pub(super) async fn person(&self, user: &str) -> (String, TemporaryCredentials) {
        let token = self.log_in(user).await;
        let id = self.identity_id(&token).await;
        let credentials = self.credentials(&id, &token).await;
        (id, credentials)
    }

    pub(super) async fn attach(&self, policy: &str, target: &str) {
        self.api().call(&format!("PUT /target-policies/{policy}"), "", &json!({ "target": target })).await;
    }

    pub(super) async fn detach(&self, policy: &str, target: &str) {
        self.api().call(&format!("POST /target-policies/{policy}"), "", &json!({ "target": target })).await;
    }

    /// Connects with a presigned address.
    pub(super) async fn connect(
        &self,
        client_id: &str,
        credentials: &TemporaryCredentials,
    ) -> Result<Client, ConnectionError> {
        let host = format!("127.0.0.1:{}", self.running.port);
        let signer = signer("iotdevicegateway", SignatureLocation::QueryParams, credentials);
        let signed = signer.sign(&HttpRequest::new("GET", "/mqtt", &host));
        let mut options =
            MqttOptions::new(client_id, format!("ws://{host}{}", signed.target), self.running.port);
        options.set_transport(Transport::Ws);
        connect_with(options).await
    }

    /// Sends a signed request. Returns the response.
    pub(super) async fn signed(
        &self,
        service: &'static str,
        (method, target): (&'static str, &str),
        body: &str,
        credentials: &TemporaryCredentials,
    ) -> String {
        let mut request = HttpRequest::new(method, target, &format!("127.0.0.1:{}", self.running.port));
        request.body = body.to_owned();
        let signed = signer(service, SignatureLocation::Headers, credentials).sign(&request);
        exchange(self.running.port, &signed.bytes()).await
    }
}

pub(super) fn credentials(body: &Value, secret: &str) -> TemporaryCredentials {
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    TemporaryCredentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text(secret),
        session_token: text("SessionToken"),
        expiration: body["Expiration"].as_i64().unwrap_or_default(),
    }
}

fn signer(service: &'static str, location: SignatureLocation, credentials: &TemporaryCredentials) -> Signer {
    Signer::new(&operator(), service, location).temporary(credentials)
}
