//! What the configuration's files say about a policy, for the page. The gateway itself sees only the authorizer's
//! response.

use std::path::PathBuf;
use std::sync::Arc;

use iot_local_policy::StatementPlace;
use serde_json::Value;

use crate::demo::DemoRunner;

/// What the page shows in addition to what the authorizer answers.
#[derive(Clone, Default)]
pub struct PageOptions {
    /// Whether the configuration's own keys are in use, so that development tokens are denied.
    pub keeps_keys: bool,
    /// The CA certificate of the TLS port, which clients must trust.
    pub ca: Option<PathBuf>,
    /// Reads the configuration. Absent if another authorizer is run, which does not read it.
    pub annotator: Option<Arc<dyn Annotator>>,
    /// Runs demos. Absent if there is no configuration to run them with.
    pub demos: Option<Arc<dyn DemoRunner>>,
}

/// Finds what a configuration says about a token that the authorizer has decided about. It verifies nothing.
pub trait Annotator: Send + Sync {
    /// Returns the `iss` of the configured issuers. Empty if the configuration cannot be read.
    fn issuers(&self) -> Vec<String>;

    /// Annotates the response to a token. `documents` are its policy documents, empty after a denial.
    fn annotate(&self, token: &str, client_id: &str, documents: &[Value]) -> Annotation;
}

/// Notes about a token and its policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotation {
    /// Every client id that the claims allow. `*` at the end stands for one or more characters.
    pub client_ids: Vec<String>,
    /// The lines that each statement comes from, such as `policies/app-user.json:5`.
    pub sources: Vec<(StatementPlace, Vec<String>)>,
}

impl Annotation {
    /// Returns the lines that a statement comes from.
    #[must_use]
    pub fn sources(&self, place: StatementPlace) -> &[String] {
        self.sources.iter().find(|(known, _)| *known == place).map_or(&[], |(_, lines)| lines)
    }
}
