//! The services whose operations have routes here, by the names that requests are signed for.

use std::fmt;

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// AWS IoT's control plane.
    Iot,
    /// AWS IoT's data plane over HTTP: shadows, retained messages, connections.
    IotData,
    /// Amazon Cognito identity pools.
    CognitoIdentity,
    /// AWS Security Token Service.
    Sts,
    /// AWS Lambda.
    Lambda,
}

impl Service {
    /// All services.
    pub(crate) const ALL: [Self; 5] =
        [Self::Iot, Self::IotData, Self::CognitoIdentity, Self::Sts, Self::Lambda];

    /// Returns the service that a request is signed for.
    pub(crate) fn by_signing_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.signing_name() == name)
    }

    /// Returns the name in the credential scope, which is botocore's `signingName`.
    pub(crate) const fn signing_name(self) -> &'static str {
        match self {
            Self::Iot => "iot",
            Self::IotData => "iotdata",
            Self::CognitoIdentity => "cognito-identity",
            Self::Sts => "sts",
            Self::Lambda => "lambda",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iot => "iot",
            Self::IotData => "iot-data",
            Self::CognitoIdentity => "cognito-identity",
            Self::Sts => "sts",
            Self::Lambda => "lambda",
        })
    }
}
