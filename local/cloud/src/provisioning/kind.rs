//! What a template is for, which decides what it may contain.

use super::parameters::{CERTIFICATE_ID, SUBJECT_PARAMETERS};

/// The use of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TemplateKind {
    /// Just-in-time provisioning: the parameters come from the subject of the certificate that connects.
    Jitp,
    /// `RegisterThing` and bulk registration: the parameters come from the caller.
    Registration,
    /// Fleet provisioning: the parameters come from the device.
    Fleet,
}

impl TemplateKind {
    /// Returns whether the template provisions the certificate of the client, and no other.
    pub(super) fn is_for_own_certificate(self) -> bool {
        matches!(self, Self::Jitp | Self::Fleet)
    }

    /// Returns whether the sections `Mappings` and `DeviceConfiguration` are allowed.
    pub(super) fn has_fleet_sections(self) -> bool {
        self == Self::Fleet
    }

    /// Returns why a template of this kind cannot declare a parameter.
    pub(super) fn check_parameter(self, name: &str) -> Result<(), String> {
        let is_subject = SUBJECT_PARAMETERS.iter().any(|(parameter, ..)| *parameter == name);
        match self {
            Self::Jitp if is_subject || name == CERTIFICATE_ID => Ok(()),
            Self::Jitp => {
                let names: Vec<_> = SUBJECT_PARAMETERS.iter().map(|(parameter, ..)| *parameter).collect();
                Err(format!(
                    "just-in-time provisioning has no such parameter; expected one of {CERTIFICATE_ID}, {}",
                    names.join(", ")
                ))
            }
            Self::Fleet if name == CERTIFICATE_ID => Ok(()),
            Self::Fleet | Self::Registration if name.starts_with("AWS::") => {
                Err(format!("a name that begins with AWS:: is reserved and has no value in {self}"))
            }
            Self::Fleet | Self::Registration => Ok(()),
        }
    }
}

impl std::fmt::Display for TemplateKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Jitp => "just-in-time provisioning",
            Self::Registration => "RegisterThing and bulk registration",
            Self::Fleet => "fleet provisioning",
        })
    }
}
