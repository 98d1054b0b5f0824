//! Why a device is denied: stable codes, each with a message and a hint.

use std::fmt;

/// A denial: a code, and the name of what it is about. It never has a value that the device sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    code: Code,
    detail: Option<Box<str>>,
}

impl Denial {
    /// A denial about something that the configuration or AWS names, such as a parameter of a subject.
    #[must_use]
    pub fn about(code: Code, detail: &str) -> Self {
        Self { code, detail: Some(detail.into()) }
    }

    /// Why.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the code is about, if that is known.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl From<Code> for Denial {
    fn from(code: Code) -> Self {
        Self { code, detail: None }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $message:literal, $hint:literal;)+) => {
        /// The code of a denial. Codes are stable: devices, alarms and runbooks use them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name, as in the log and in a response.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What is wrong.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message),+ }
            }

            /// What to do about it.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint),+ }
            }
        }
    };
}

codes! {
    /// The event does not have the documented members.
    MalformedEvent = "malformed_event", "the event does not have the expected members",
        "invoke the function by its rule, its template or its role only; compare the rule's SQL with template.yaml";
    /// The event is of another account than the function.
    ForeignAccount = "foreign_account", "the event is of another account than the function",
        "check who may invoke the function";
    /// The CA certificate is not configured.
    UnknownAuthority = "unknown_authority", "the CA certificate has no [[authority]]",
        "add an [[authority]] with this ca_certificate_id, or limit the rule's topic to the CA certificates that have one";
    /// The provisioning template is not configured.
    UnknownTemplate = "unknown_template", "the provisioning template has no [[template]]",
        "add a [[template]] with this name, or remove the hook from the template";
    /// The topic of a request is not configured.
    UnknownTopic = "unknown_topic", "the topic of the request belongs to no [[bootstrap]]",
        "let the rule's SQL select topic() AS topic, and compare its FROM with the `request` of [[bootstrap]]";
    /// The caller has no Cognito identity.
    NoIdentity = "no_identity", "the caller has no Cognito identity",
        "invoke the function with credentials of the identity pool";
    /// The certificate does not exist, or no longer.
    UnknownCertificate = "unknown_certificate", "the certificate does not exist",
        "it was deleted after the event; the device's next connect registers it again";
    /// The certificate is registered with another CA certificate than the event says.
    WrongAuthority = "wrong_authority", "the certificate is registered with another CA certificate than the event says",
        "check who may invoke the function";
    /// The certificate is revoked, for good.
    Revoked = "revoked", "the certificate is revoked",
        "a revoked certificate stays so; the device needs a new key";
    /// The certificate was deactivated.
    Inactive = "inactive", "the certificate is INACTIVE, and the function activates none that someone has deactivated",
        "activate it by hand if the device may connect";
    /// The certificate has a status in which it cannot be provisioned.
    UnexpectedStatus = "unexpected_status", "the certificate has a status in which it cannot be provisioned",
        "see DescribeCertificate";
    /// The subject or the parameters lack a name.
    MissingName = "missing_name", "a name that the configuration uses is missing",
        "make certificates with this part of the subject, or requests with this parameter";
    /// The subject has a name more than once.
    AmbiguousName = "ambiguous_name", "the subject has a name that the configuration uses more than once",
        "make certificates with this part of the subject once";
    /// A name or a value has characters, or a length, that it must not have.
    UnsafeName = "unsafe_name", "a name has characters or a length that AWS IoT does not accept",
        "thing names have 1 to 128 of A-Z a-z 0-9 : _ -, attributes at most 800 of A-Z a-z 0-9 _ . , @ / : # = [ ] -";
    /// The certification request is unreadable, or its signature is wrong.
    MalformedCsr = "malformed_csr", "the certification request is unreadable, or not signed by its own key",
        "send PKCS #10 in PEM, at most 4096 characters, signed by the device's key";
    /// AWS IoT does not accept the certification request.
    RejectedCsr = "rejected_csr", "AWS IoT does not accept the certification request",
        "use RSA of 2048 bits or more, P-256, P-384 or P-521";
    /// The device is not in the list or table.
    UnexpectedDevice = "unexpected_device", "the device is not in the list or table of expected devices",
        "add it, or find out who asks";
    /// The secret is missing or wrong.
    WrongSecret = "wrong_secret", "the device's secret is missing or wrong",
        "send the secret whose SHA-256 is registered for the device";
    /// Another certificate has the name.
    NameTaken = "name_taken", "the thing belongs to another certificate",
        "detach that certificate from the thing, or set `replace = true` if devices may change their keys";
    /// Another certificate was registered for the device.
    AlreadyUsed = "already_used", "another certificate was registered for this device",
        "remove certificate_id of the device from the table, or set `replace = true`";
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_words() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(code.to_string(), code.name());
            assert!(!code.message().is_empty() && !code.hint().is_empty(), "{code}");
        }
    }
}
