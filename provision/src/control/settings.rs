//! What the environment says about AWS: the Region, credentials and endpoints.

use std::fmt;

use aws_credential_types::Credentials;
use http::Uri;
use http::uri::Scheme;

/// A service that the functions call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The control plane of AWS IoT.
    Iot,
    /// The data plane of AWS IoT.
    IotData,
    /// DynamoDB.
    DynamoDb,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::Iot, Self::IotData, Self::DynamoDb];

    /// The name in the scope of a signature.
    #[must_use]
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::Iot => "iot",
            Self::IotData => "iotdata",
            Self::DynamoDb => "dynamodb",
        }
    }

    /// The first labels of the endpoint's host.
    const fn host_prefix(self) -> &'static str {
        match self {
            Self::Iot => "iot",
            Self::IotData => "data-ats.iot",
            Self::DynamoDb => "dynamodb",
        }
    }

    /// The variable that names another endpoint.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
    const fn variable(self) -> &'static str {
        match self {
            Self::Iot => "AWS_ENDPOINT_URL_IOT",
            Self::IotData => "AWS_ENDPOINT_URL_IOT_DATA_PLANE",
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
        }
    }
}

/// Region, credentials and endpoints. Lambda's credentials are valid for the life of a sandbox.
#[derive(Clone)]
pub struct AwsSettings {
    /// The Region.
    pub region: String,
    /// The credentials of the function's role.
    pub credentials: Credentials,
    endpoints: [Endpoint; 3],
}

/// An endpoint: a scheme and a host, with a port if it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl AwsSettings {
    /// Reads the variables that Lambda sets, and those that change an endpoint.
    ///
    /// # Errors
    /// All that is missing or invalid.
    pub fn read(environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let mut errors = Vec::new();
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let is_region = |text: &String| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let region = region.filter(is_region).unwrap_or_else(|| {
            errors.push("AWS_REGION is not set to a Region, such as eu-west-1".to_owned());
            String::new()
        });
        let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
        let (id, secret) = keys.unwrap_or_else(|| {
            errors.push("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".to_owned());
            (String::new(), String::new())
        });
        let credentials = Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment");
        let endpoints = Service::ALL.map(|service| {
            let named = [service.variable(), "AWS_ENDPOINT_URL"];
            let named = named.into_iter().find_map(|name| Some((name, variable(name)?)));
            let Some((name, url)) = named else { return Endpoint::of_aws(service, &region) };
            Endpoint::parse(&url).unwrap_or_else(|| {
                let what = "is not an https address without a path, or http on loopback";
                errors.push(format!("{name} {what}"));
                Endpoint(String::new())
            })
        });
        errors.dedup();
        if errors.is_empty() { Ok(Self { region, credentials, endpoints }) } else { Err(errors) }
    }

    /// The endpoint of a service.
    #[must_use]
    pub fn endpoint(&self, service: Service) -> &Endpoint {
        let [iot, iot_data, dynamodb] = &self.endpoints;
        match service {
            Service::Iot => iot,
            Service::IotData => iot_data,
            Service::DynamoDb => dynamodb,
        }
    }

    /// Whether every endpoint is without TLS, so that no CA certificate is needed.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.endpoints.iter().all(|endpoint| endpoint.0.starts_with("http://"))
    }
}

impl Endpoint {
    fn of_aws(service: Service, region: &str) -> Self {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Self(format!("https://{}.{region}.{suffix}", service.host_prefix()))
    }

    /// Parses an address: https, or http on loopback, since requests have the function's session token.
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let host = uri.host().filter(|host| !host.is_empty())?;
        let is_loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost");
        let is_plain = *uri.scheme()? == Scheme::HTTP;
        let is_allowed = (*uri.scheme()? == Scheme::HTTPS || is_plain && is_loopback)
            && uri.path_and_query().is_none_or(|path| path == "/" || path == "")
            && !text.contains(['@', '#']);
        is_allowed.then(|| Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: [(&str, &str); 3] =
        [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")];

    fn read(variables: &[(&str, &str)]) -> Result<AwsSettings, Vec<String>> {
        let find = |name: &str| {
            let all = variables.iter().rev().chain(&BASE);
            all.into_iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        AwsSettings::read(&find)
    }

    #[test]
    fn endpoints_are_aws_s_or_named() {
        let own = [
            "https://iot.eu-west-1.amazonaws.com",
            "https://data-ats.iot.eu-west-1.amazonaws.com",
            "https://dynamodb.eu-west-1.amazonaws.com",
        ];
        let china = own.map(|url| url.replace("eu-west-1", "cn-north-1") + ".cn");
        let local = "http://127.0.0.1:8080";
        for (variables, expected) in [
            (&[][..], own.map(str::to_owned)),
            (&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "eu-west-1")], own.map(str::to_owned)),
            (&[("AWS_REGION", "cn-north-1")], china),
            (&[("AWS_ENDPOINT_URL", "http://127.0.0.1:8080/")], [local; 3].map(str::to_owned)),
            (&[("AWS_ENDPOINT_URL_IOT", local)], [local, own[1], own[2]].map(str::to_owned)),
            (&[("AWS_ENDPOINT_URL_IOT_DATA_PLANE", local)], [own[0], local, own[2]].map(str::to_owned)),
            (
                &[("AWS_ENDPOINT_URL_DYNAMODB", "https://a.example")],
                [own[0], own[1], "https://a.example"].map(str::to_owned),
            ),
            (
                &[("AWS_ENDPOINT_URL", local), ("AWS_ENDPOINT_URL_IOT", "http://[::1]:1")],
                ["http://[::1]:1", local, local].map(str::to_owned),
            ),
        ] {
            let settings = read(variables).unwrap_or_else(|errors| panic!("{variables:?}: {errors:?}"));
            assert_eq!(
                Service::ALL.map(|service| settings.endpoint(service).to_string()),
                expected,
                "{variables:?}"
            );
            assert_eq!(
                settings.is_plain(),
                expected.iter().all(|url| url.starts_with("http:")),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_reported_at_once() {
        for (variables, expected) in [
            (&[("AWS_REGION", "")][..], &["AWS_REGION"][..]),
            (&[("AWS_REGION", "eu/west")], &["AWS_REGION"]),
            (&[("AWS_ACCESS_KEY_ID", "")], &["AWS_ACCESS_KEY_ID"]),
            (&[("AWS_SECRET_ACCESS_KEY", "")], &["AWS_ACCESS_KEY_ID"]),
            (&[("AWS_ENDPOINT_URL_IOT", "http://example.com")], &["AWS_ENDPOINT_URL_IOT"]),
            (&[("AWS_ENDPOINT_URL_IOT", "ftp://localhost")], &["AWS_ENDPOINT_URL_IOT"]),
            (&[("AWS_ENDPOINT_URL_IOT", "localhost:80")], &["AWS_ENDPOINT_URL_IOT"]),
            (&[("AWS_ENDPOINT_URL_IOT", "https://a@b.example")], &["AWS_ENDPOINT_URL_IOT"]),
            (&[("AWS_ENDPOINT_URL_IOT", "https://a.example/path")], &["AWS_ENDPOINT_URL_IOT"]),
            (&[("AWS_ENDPOINT_URL_IOT", "http://127.0.0.1.example.com")], &["AWS_ENDPOINT_URL_IOT"]),
            (&[("AWS_ENDPOINT_URL", "x"), ("AWS_REGION", "")], &["AWS_REGION", "AWS_ENDPOINT_URL"]),
        ] {
            let errors = read(variables).err().unwrap_or_else(|| panic!("{variables:?}"));
            assert_eq!(errors.len(), expected.len(), "{variables:?}: {errors:?}");
            assert!(errors.iter().zip(expected).all(|(error, start)| error.starts_with(start)), "{errors:?}");
        }
    }
}
