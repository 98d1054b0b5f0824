//! The states of certificates and attachments, with AWS's names.

use serde::{Deserialize, Serialize};

/// Defines an enum whose variants have names, for the API and for the log.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$variant_meta:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $type { $($(#[$variant_meta])* #[serde(rename = $name)] $variant,)+ }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns AWS's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Finds AWS's name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let names: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
                Self::from_name(text).ok_or_else(|| format!("expected one of {}", names.join(", ")))
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// The status of a device's certificate. Only ACTIVE connects.
    CertificateStatus {
        /// It may connect.
        Active = "ACTIVE",
        /// It may not connect.
        Inactive = "INACTIVE",
        /// It may never connect again.
        Revoked = "REVOKED",
        /// It is being transferred to another account.
        PendingTransfer = "PENDING_TRANSFER",
        /// Registered with `setAsActive` false. Deprecated.
        RegisterInactive = "REGISTER_INACTIVE",
        /// Registered by its first connect, or created by fleet provisioning.
        PendingActivation = "PENDING_ACTIVATION",
    }
}

named! {
    /// The status of a CA certificate.
    CaStatus {
        /// Certificates can be registered with it.
        Active = "ACTIVE",
        /// They cannot.
        Inactive = "INACTIVE",
    }
}

named! {
    /// How a certificate is found at a connect.
    CertificateMode {
        /// By itself.
        Default = "DEFAULT",
        /// By itself and the server name.
        SniOnly = "SNI_ONLY",
    }
}

named! {
    /// How a principal is attached to a thing.
    ThingPrincipalType {
        /// The principal is of this thing alone, and this thing has this principal alone.
        Exclusive = "EXCLUSIVE_THING",
        /// Both can have others. The default.
        NonExclusive = "NON_EXCLUSIVE_THING",
    }
}

named! {
    /// What a provisioning template is for.
    TemplateType {
        /// Fleet provisioning, by claim or by trusted user.
        FleetProvisioning = "FLEET_PROVISIONING",
        /// Just-in-time provisioning.
        Jitp = "JITP",
    }
}

named! {
    /// How far a bulk registration is.
    TaskStatus {
        /// It runs.
        InProgress = "InProgress",
        /// It is done; single lines may have failed.
        Completed = "Completed",
        /// The file could not be read.
        Failed = "Failed",
        /// It was stopped.
        Cancelled = "Cancelled",
        /// It is being stopped.
        Cancelling = "Cancelling",
    }
}

named! {
    /// The status of an authorizer.
    AuthorizerStatus {
        /// Clients can be authenticated with it.
        Active = "ACTIVE",
        /// They cannot.
        Inactive = "INACTIVE",
    }
}

named! {
    /// The status of a domain configuration.
    DomainConfigurationStatus {
        /// It is served.
        Enabled = "ENABLED",
        /// It is not.
        Disabled = "DISABLED",
    }
}

named! {
    /// How the clients of an endpoint are authenticated: the `authenticationType` of a domain configuration.
    /// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateDomainConfiguration.html>
    #[derive(Default)]
    AuthenticationType {
        /// By a client certificate and the authorizer. The policies of both add up.
        CustomAuthX509 = "CUSTOM_AUTH_X509",
        /// By the authorizer.
        CustomAuth = "CUSTOM_AUTH",
        /// By a client certificate.
        AwsX509 = "AWS_X509",
        /// By Signature Version 4.
        AwsSigv4 = "AWS_SIGV4",
        /// Port, ALPN name and request decide.
        #[default]
        Default = "DEFAULT",
    }
}

named! {
    /// The protocol of the clients of an endpoint: the `applicationProtocol` of a domain configuration.
    /// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateDomainConfiguration.html>
    #[derive(Default)]
    ApplicationProtocol {
        /// MQTT over TLS.
        SecureMqtt = "SECURE_MQTT",
        /// MQTT over WebSocket.
        MqttWss = "MQTT_WSS",
        /// HTTPS publishes.
        Https = "HTTPS",
        /// Port, ALPN name and request decide.
        #[default]
        Default = "DEFAULT",
    }
}

impl AuthenticationType {
    /// Returns whether AWS IoT combines it with a protocol.
    #[must_use]
    pub const fn can_have(self, protocol: ApplicationProtocol) -> bool {
        use ApplicationProtocol::{MqttWss, SecureMqtt};
        !matches!(
            (self, protocol),
            (Self::CustomAuthX509 | Self::AwsX509, MqttWss) | (Self::AwsSigv4, SecureMqtt)
        )
    }
}

named! {
    /// A type of events that the registry is configured to publish.
    EventType {
        /// Things.
        Thing = "THING",
        /// Thing groups.
        ThingGroup = "THING_GROUP",
        /// Thing types.
        ThingType = "THING_TYPE",
        /// Things in groups.
        ThingGroupMembership = "THING_GROUP_MEMBERSHIP",
        /// Groups in groups.
        ThingGroupHierarchy = "THING_GROUP_HIERARCHY",
        /// Types of things.
        ThingTypeAssociation = "THING_TYPE_ASSOCIATION",
        /// Jobs.
        Job = "JOB",
        /// Executions of jobs.
        JobExecution = "JOB_EXECUTION",
        /// Policies.
        Policy = "POLICY",
        /// Certificates.
        Certificate = "CERTIFICATE",
        /// CA certificates.
        CaCertificate = "CA_CERTIFICATE",
    }
}
