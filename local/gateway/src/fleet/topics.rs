//! The topics of requests of fleet provisioning.

use super::payload::PayloadFormat;

/// A request's topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FleetTopic<'a> {
    pub(super) operation: FleetOperation<'a>,
    pub(super) format: PayloadFormat,
}

/// What a device asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FleetOperation<'a> {
    /// CreateKeysAndCertificate.
    CreateKeys,
    /// CreateCertificateFromCsr.
    CreateFromCsr,
    /// RegisterThing, by the template of this name.
    Provision(&'a str),
}

impl<'a> FleetTopic<'a> {
    /// Reads a topic.
    pub(super) fn parse(topic: &'a str) -> Option<Self> {
        let levels: Vec<_> = topic.split('/').collect();
        let (operation, format) = match *levels.as_slice() {
            ["$aws", "certificates", "create", format] => (FleetOperation::CreateKeys, format),
            ["$aws", "certificates", "create-from-csr", format] => (FleetOperation::CreateFromCsr, format),
            ["$aws", "provisioning-templates", name, "provision", format] if !name.is_empty() => {
                (FleetOperation::Provision(name), format)
            }
            _ => return None,
        };
        Some(Self { operation, format: PayloadFormat::from_name(format)? })
    }
}

#[cfg(test)]
mod tests {
    use super::{FleetOperation, FleetTopic, PayloadFormat};

    #[test]
    fn reads_topics_of_requests_only() {
        use FleetOperation::{CreateFromCsr, CreateKeys, Provision};
        for (topic, operation, format) in [
            ("$aws/certificates/create/json", CreateKeys, PayloadFormat::Json),
            ("$aws/certificates/create/cbor", CreateKeys, PayloadFormat::Cbor),
            ("$aws/certificates/create-from-csr/json", CreateFromCsr, PayloadFormat::Json),
            ("$aws/provisioning-templates/fleet/provision/cbor", Provision("fleet"), PayloadFormat::Cbor),
        ] {
            assert_eq!(FleetTopic::parse(topic), Some(FleetTopic { operation, format }), "{topic}");
        }
        for topic in [
            "$aws/certificates/create",
            "$aws/certificates/create/",
            "$aws/certificates/create/JSON",
            "$aws/certificates/create/xml",
            "$aws/certificates/create/json/accepted",
            "$aws/certificates/create-from-csr/json/",
            "$aws/provisioning-templates//provision/json",
            "$aws/provisioning-templates/fleet/json",
            "$aws/provisioning-templates/a/b/provision/json",
            "/$aws/certificates/create/json",
            "aws/certificates/create/json",
        ] {
            assert_eq!(FleetTopic::parse(topic), None, "{topic}");
        }
    }
}
