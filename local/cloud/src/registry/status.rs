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
