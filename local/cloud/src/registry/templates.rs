//! Provisioning templates and bulk registrations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::status::{TaskStatus, TemplateType};
use super::{Change, Record, Registry};

/// A provisioning template with its versions: one to five.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisioningTemplate {
    /// Its name.
    pub name: String,
    /// What it is for. Fixed.
    pub template_type: TemplateType,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether devices can be provisioned with it.
    pub enabled: bool,
    /// The role that AWS IoT assumes. Any ARN is accepted here.
    pub role_arn: String,
    /// The function that allows or denies a device. Only for fleet provisioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<ProvisioningHook>,
    /// The versions by number.
    pub versions: BTreeMap<u32, TemplateVersion>,
    /// The version that counts.
    pub default_version: u32,
    /// The number of the newest version that ever was. Numbers are not used twice.
    pub last_version: u32,
    /// When it was created.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
}

/// A version of a template. It is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateVersion {
    /// The body as it was sent.
    pub body: String,
    /// When it was created.
    pub created: i64,
}

/// A pre-provisioning hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisioningHook {
    /// The ARN of the function.
    pub target_arn: String,
    /// The version of the event, such as `2020-04-01`.
    pub payload_version: String,
}

/// A bulk registration. While it runs, the counts are those of its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistrationTask {
    /// Its id, a UUID.
    pub id: String,
    /// The template.
    pub template_body: String,
    /// The bucket of the file with the parameters.
    pub bucket: String,
    /// The name of the file.
    pub key: String,
    /// The role that AWS IoT assumes. Any ARN is accepted here.
    pub role_arn: String,
    /// How far it is.
    pub status: TaskStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The lines that were registered.
    pub successes: u32,
    /// The lines that were not.
    pub failures: u32,
    /// When it was started.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
}

impl ProvisioningTemplate {
    /// Returns the body of the version that counts.
    #[must_use]
    pub fn default_body(&self) -> Option<&str> {
        self.versions.get(&self.default_version).map(|version| version.body.as_str())
    }
}

impl Registry {
    /// Returns a provisioning template by its name.
    #[must_use]
    pub fn provisioning_template(&self, name: &str) -> Option<&Record<ProvisioningTemplate>> {
        self.provisioning_templates.get(name)
    }

    /// Returns all provisioning templates, by name.
    pub fn provisioning_templates(&self) -> impl Iterator<Item = &Record<ProvisioningTemplate>> {
        self.provisioning_templates.values()
    }

    /// Returns a bulk registration by its id.
    #[must_use]
    pub fn registration_task(&self, id: &str) -> Option<&Record<RegistrationTask>> {
        self.registration_tasks.get(id)
    }

    /// Returns all bulk registrations, by id.
    pub fn registration_tasks(&self) -> impl Iterator<Item = &Record<RegistrationTask>> {
        self.registration_tasks.values()
    }

    pub(super) fn apply_to_templates(&mut self, change: &Change) {
        match change {
            Change::PutProvisioningTemplate(template) => {
                self.provisioning_templates.insert(template.name.clone(), template.clone());
            }
            Change::RemoveProvisioningTemplate { name } => {
                self.provisioning_templates.remove(name);
                self.fleet.remove_claims_of(name);
                self.tags.remove(&format!("provisioningtemplate/{name}"));
            }
            Change::PutRegistrationTask(task) => {
                self.registration_tasks.insert(task.id.clone(), task.clone());
            }
            _ => {}
        }
    }
}
