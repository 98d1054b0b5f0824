//! Addresses that are signed for a Region.

use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use iot_local_base::clock;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// How long an address can be used, as it says itself.
const EXPIRES: Duration = Duration::from_secs(300);
/// The characters that stay in a value of a query (RFC 3986, section 2.3).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Signs with the key pair of a gateway's operator, which stands for the credentials that an identity pool of the Region
/// gives to an app.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    /// The file with the key pair, which each start of the gateway replaces.
    pub(super) operator: PathBuf,
    pub(super) region: &'static str,
}

impl Signer {
    /// Returns the address of the WebSocket with a signature of now. It is unsigned if the signer fails.
    pub(super) fn address(&self, host: &str) -> String {
        let url = format!("ws://{host}/mqtt");
        let encode = |text: &str| utf8_percent_encode(text, &UNRESERVED).to_string();
        let parameters = self.parameters(host, &url).unwrap_or_default();
        let pairs: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("{url}?{}", pairs.join("&"))
    }

    fn parameters(&self, host: &str, url: &str) -> Option<Vec<(String, String)>> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(EXPIRES);
        settings.session_token_mode = SessionTokenMode::Exclude;
        let request =
            SignableRequest::new("GET", url, [("host", host)].into_iter(), SignableBody::Bytes(b"")).ok()?;
        let identity = self.credentials()?.into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("iotdevicegateway")
            .time(clock::now())
            .settings(settings)
            .build()
            .ok()?
            .into();
        let (_, parameters) = sign(request, &parameters).ok()?.into_parts().0.into_parts();
        Some(parameters.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect())
    }

    fn credentials(&self) -> Option<Credentials> {
        let content = std::fs::read_to_string(&self.operator).ok()?;
        let value = |name: &str| {
            let mut pairs = content.lines().filter_map(|line| line.split_once(" = "));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        let (key, secret) = (value("aws_access_key_id")?, value("aws_secret_access_key")?);
        Some(Credentials::new(key, secret, None, None, "operator"))
    }
}
