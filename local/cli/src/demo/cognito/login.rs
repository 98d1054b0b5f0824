//! A person logs in as in an app: authorization code with PKCE (RFC 6749, RFC 7636), then the identity pool.

use aws_credential_types::Credentials;
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::http::{Answer, Http, Sent};
use crate::control::percent_encoded;
use crate::demo::DemoError;

/// The bytes of a code verifier: 43 characters (RFC 7636, section 4.1).
const VERIFIER_BYTES: usize = 32;

/// The tokens of a login. Not `Debug`.
pub(in crate::demo) struct Tokens {
    pub(in crate::demo) id_token: String,
    pub(in crate::demo) access_token: String,
}

/// Where and as what the person logs in.
pub(in crate::demo) struct Login<'a> {
    pub(in crate::demo) http: &'a Http,
    /// The id of the issuer in the configuration.
    pub(in crate::demo) issuer: &'a str,
    /// The client id of the app.
    pub(in crate::demo) client: &'a str,
    /// Where the login returns to.
    pub(in crate::demo) redirect: String,
}

impl Login<'_> {
    /// Logs a person in and returns the tokens.
    ///
    /// # Errors
    /// The gateway cannot be reached, or its answer has no code or tokens.
    pub(in crate::demo) async fn tokens(&self, sub: &str, claims: &Value) -> Result<Tokens, DemoError> {
        let mut bytes = [0; VERIFIER_BYTES];
        rand::fill(&mut bytes).map_err(|_| DemoError::Answer("random bytes"))?;
        let verifier = URL_SAFE_NO_PAD.encode(bytes);
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let request = form(&[
            ("response_type", "code"),
            ("client_id", self.client),
            ("redirect_uri", &self.redirect),
            ("scope", "openid"),
            ("state", "demo"),
            ("nonce", "demo"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let body = form(&[("request", &request), ("sub", sub), ("claims", &claims.to_string())]);
        let answer = self.post("login", &body).await?;
        let location = answer.location.unwrap_or_default();
        let parameters = location.split_once('?').map(|(_, query)| query).unwrap_or_default().split('&');
        let code = parameters.filter_map(|pair| pair.strip_prefix("code=")).next();
        let code = code.ok_or(DemoError::Answer("code"))?;
        let code = percent_decode_str(code).decode_utf8_lossy();
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &self.redirect),
            ("client_id", self.client),
            ("code_verifier", &verifier),
        ]);
        let answer = self.post("token", &body).await?;
        let token = |name, missing| match answer.text(name) {
            "" => Err(DemoError::Answer(missing)),
            token => Ok(token.to_owned()),
        };
        Ok(Tokens {
            id_token: token("/id_token", "ID token")?,
            access_token: token("/access_token", "access token")?,
        })
    }

    async fn post(&self, endpoint: &str, body: &str) -> Result<Answer, DemoError> {
        let target = format!("/oidc/{}/{endpoint}", self.issuer);
        let headers = [
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("origin".to_owned(), format!("http://{}", self.http.host())),
        ];
        let sent = Sent { method: "POST", target: &target, headers: &headers, body: body.as_bytes() };
        self.http.send(sent).await.map_err(DemoError::Gateway)
    }
}

/// The identity pool, as its unsigned operations see it.
/// <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/Welcome.html>
pub(in crate::demo) struct IdentityPool<'a> {
    pub(in crate::demo) http: &'a Http,
    /// The id of the pool.
    pub(in crate::demo) id: &'a str,
    /// The issuer without its scheme, which is the key of `Logins`.
    pub(in crate::demo) provider: &'a str,
}

impl IdentityPool<'_> {
    /// Returns the answer of `GetId` for a token.
    ///
    /// # Errors
    /// The gateway cannot be reached.
    pub(in crate::demo) async fn get_id(&self, token: &str) -> Result<Answer, DemoError> {
        let request = json!({ "IdentityPoolId": self.id, "Logins": { self.provider: token } });
        self.call("GetId", &request).await
    }

    /// Returns the answer of `GetCredentialsForIdentity`, and the credentials that it has.
    ///
    /// # Errors
    /// The gateway cannot be reached.
    pub(in crate::demo) async fn credentials(
        &self,
        identity: &str,
        token: &str,
    ) -> Result<(Answer, Credentials), DemoError> {
        let request = json!({ "IdentityId": identity, "Logins": { self.provider: token } });
        let answer = self.call("GetCredentialsForIdentity", &request).await?;
        let text = |name| answer.text(name).to_owned();
        let session_token = Some(text("/Credentials/SessionToken"));
        let (key, secret) = (text("/Credentials/AccessKeyId"), text("/Credentials/SecretKey"));
        let credentials = Credentials::new(key, secret, session_token, None, "identity pool");
        Ok((answer, credentials))
    }

    async fn call(&self, operation: &str, request: &Value) -> Result<Answer, DemoError> {
        let headers = [
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), format!("AWSCognitoIdentityService.{operation}")),
        ];
        let body = request.to_string();
        let sent = Sent { method: "POST", target: "/", headers: &headers, body: body.as_bytes() };
        self.http.send(sent).await.map_err(DemoError::Gateway)
    }
}

/// The form of names and values, as in a query.
fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
    pairs.join("&")
}
