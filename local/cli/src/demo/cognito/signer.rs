//! Signature Version 4, by the signer of AWS's SDK for Rust.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;

use super::http::Sent;
use crate::control::percent_encoded;
use crate::demo::DemoError;

/// How long an address can be used, as it says itself. AWS IoT takes it for five minutes at most.
const EXPIRES: Duration = Duration::from_secs(300);

/// Names and values.
type Pairs = Vec<(String, String)>;

/// What is signed with, and when. Not `Debug`: it holds a secret.
#[derive(Clone)]
pub(in crate::demo) struct Signer {
    pub(in crate::demo) credentials: Credentials,
    pub(in crate::demo) region: String,
    pub(in crate::demo) at: SystemTime,
    /// Whether the session token is part of what is signed in an address, and not only added. AWS IoT denies that.
    pub(in crate::demo) signs_token: bool,
}

impl Signer {
    /// Returns the address of the WebSocket with its signature and the session token.
    ///
    /// # Errors
    /// The signer fails.
    pub(in crate::demo) fn address(&self, host: &str) -> Result<String, DemoError> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(EXPIRES);
        settings.session_token_mode =
            if self.signs_token { SessionTokenMode::Include } else { SessionTokenMode::Exclude };
        let url = format!("ws://{host}/mqtt");
        let request =
            SignableRequest::new("GET", &url, [("host", host)].into_iter(), SignableBody::Bytes(b""));
        let (_, parameters) = self.sign("iotdevicegateway", settings, request)?;
        let pairs: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        Ok(format!("{url}?{}", pairs.join("&")))
    }

    /// Returns the headers of a request to a service.
    ///
    /// # Errors
    /// The signer fails.
    pub(in crate::demo) fn headers(
        &self,
        service: &str,
        host: &str,
        sent: &Sent<'_>,
    ) -> Result<Pairs, DemoError> {
        let url = format!("http://{host}{}", sent.target);
        let body = SignableBody::Bytes(sent.body);
        let given = sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request =
            SignableRequest::new(sent.method, &url, [("host", host)].into_iter().chain(given), body);
        let (headers, _) = self.sign(service, SigningSettings::default(), request)?;
        Ok(sent.headers.iter().cloned().chain(headers).collect())
    }

    /// Returns the headers and the parameters that the signature adds.
    fn sign(
        &self,
        service: &str,
        settings: SigningSettings,
        request: Result<SignableRequest<'_>, aws_sigv4::http_request::SigningError>,
    ) -> Result<(Pairs, Pairs), DemoError> {
        let failed = || DemoError::Answer("credentials to sign with");
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(self.at)
            .settings(settings)
            .build()
            .map_err(|_| failed())?
            .into();
        let signed = sign(request.map_err(|_| failed())?, &parameters).map_err(|_| failed())?;
        let (headers, parameters) = signed.into_parts().0.into_parts();
        let headers = headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned()));
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned()));
        Ok((headers.collect(), parameters.collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// The signature that the signer of AWS's SDK for JavaScript, @smithy/signature-v4 5.7.5, makes without the token.
    const OF_JAVASCRIPT: &str = "f6fedf0d3eafaceb27372a2e3a2478144ad26675c16bb180eef6c1e83bec0953";

    #[test]
    fn an_address_is_that_of_other_signers_and_only_that() {
        let credentials = |secret: &str| {
            let token = "IQoJb3JpZ2luX2VjEXAMPLE//token+with/slash==".to_owned();
            Credentials::new("ASIAIOSFODNN7EXAMPLE", secret, Some(token), None, "test")
        };
        let good = Signer {
            credentials: credentials("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1".to_owned(),
            at: UNIX_EPOCH.checked_add(Duration::from_secs(1_768_478_400)).unwrap(),
            signs_token: false,
        };
        let address = good.address("localhost:8443").unwrap();
        assert!(
            address.starts_with("ws://localhost:8443/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"),
            "{address}"
        );
        assert!(address.contains(&format!("&X-Amz-Signature={OF_JAVASCRIPT}&")), "{address}");
        assert!(
            address
                .ends_with("&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Ftoken%2Bwith%2Fslash%3D%3D"),
            "{address}"
        );
        for other in [
            Signer { signs_token: true, ..good.clone() },
            Signer { region: "eu-west-1".to_owned(), ..good.clone() },
            Signer { at: UNIX_EPOCH, ..good.clone() },
            Signer { credentials: credentials("another"), ..good.clone() },
        ] {
            let address = other.address("localhost:8443").unwrap();
            assert!(!address.contains(OF_JAVASCRIPT), "{address}");
            assert_eq!(address.matches("X-Amz-Security-Token=").count(), 1, "{address}");
        }
        assert!(!good.address("localhost").unwrap().contains(OF_JAVASCRIPT));
    }
}
