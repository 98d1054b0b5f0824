//! The authorizers and domains that are in force: those of the registry, and the built-in authorizer.

use std::collections::BTreeMap;
use std::sync::Arc;

use iot_local_cloud::registry::{Authorizer, AuthorizerStatus, DomainConfiguration, Record};
use iot_local_cloud::{BuiltInAuthorizer, Cloud};
use iot_local_policy::Arn;

use super::endpoint::EndpointSettings;
use crate::selection::{AuthorizerDefinition, SelectionError, SigningKey};

/// The end of the domain names that are served.
const LOCAL: &str = ".localhost";

/// An authorizer with its function.
pub(crate) struct LiveAuthorizer {
    pub(crate) definition: AuthorizerDefinition,
    is_active: bool,
    /// The function's ARN. Absent for the built-in authorizer.
    pub(crate) function: Option<Arn>,
    pub(crate) function_arn: String,
}

/// A domain configuration.
#[derive(Clone)]
pub(crate) struct Domain {
    pub(crate) record: Record<DomainConfiguration>,
    pub(crate) endpoint: EndpointSettings,
}

/// What is in force after a change of the registry.
#[derive(Default)]
pub(crate) struct LiveAuthorizers {
    authorizers: BTreeMap<String, Arc<LiveAuthorizer>>,
    default: Option<String>,
    domains: BTreeMap<String, Domain>,
}

impl LiveAuthorizers {
    /// Reads the registry. Waits while a change is stored.
    pub(crate) fn of(cloud: &Cloud, built_in: &AuthorizerDefinition) -> Self {
        let own = cloud.built_in_authorizer();
        let own = own.as_ref();
        let (authorizers, default, domains) = cloud.read(|registry| {
            let default = registry.default_authorizer_name(own).map(str::to_owned);
            let domains: Vec<_> = registry.domain_configurations().cloned().collect();
            (registry.all_authorizers(own), default, domains)
        });
        let live = authorizers.into_iter().filter_map(|record| {
            let is_own = own.is_some_and(|own| is_built_in(own, &record));
            let live = if is_own { of_options(built_in, &record) } else { of_record(&record)? };
            Some((record.name.clone(), Arc::new(live)))
        });
        let domains = domains.into_iter().map(|record| {
            let endpoint = settings(&record);
            (record.domain_name.clone(), Domain { record, endpoint })
        });
        Self { authorizers: live.collect(), default, domains: domains.collect() }
    }

    /// Returns the domain configuration of a server name.
    pub(crate) fn domain(&self, server_name: &str) -> Option<&Domain> {
        self.domains.get(&server_name.to_ascii_lowercase()).filter(|domain| domain.is_local())
    }

    /// Returns the domains that are not served, though they are ENABLED.
    pub(crate) fn unserved(&self) -> impl Iterator<Item = &Domain> {
        self.domains.values().filter(|domain| !domain.is_local() && domain.is_enabled())
    }

    /// Returns all authorizers that clients can be authenticated with.
    pub(crate) fn active(&self) -> impl Iterator<Item = &AuthorizerDefinition> {
        self.authorizers.values().filter(|found| found.is_active).map(|found| &found.definition)
    }

    /// Selects the authorizer of a client: the one that it names, else the default of its domain, else of the account.
    ///
    /// # Errors
    /// Why the client is denied.
    pub(crate) fn select(
        &self,
        requested: Option<String>,
        server_name: Option<&str>,
    ) -> Result<Arc<LiveAuthorizer>, SelectionError> {
        let domain = server_name.and_then(|name| self.domain(name));
        let config = domain.and_then(|domain| domain.record.authorizer_config.as_ref());
        let default = config.and_then(|config| config.default_authorizer.as_deref());
        let default = default.or(self.default.as_deref());
        if let (Some(requested), Some(domain)) = (&requested, domain)
            && config.is_some_and(|config| !config.allow_override)
            && Some(requested.as_str()) != default
        {
            return Err(SelectionError::NoOverride(domain.record.name.clone()));
        }
        let name = requested.or_else(|| default.map(str::to_owned)).ok_or(SelectionError::Unnamed)?;
        self.find(name)
    }

    /// Returns an authorizer, ACTIVE or not.
    ///
    /// # Errors
    /// It does not exist.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<LiveAuthorizer>, SelectionError> {
        self.authorizers.get(name).cloned().ok_or_else(|| self.unknown(name))
    }

    /// Returns an ACTIVE authorizer.
    ///
    /// # Errors
    /// It does not exist, or is INACTIVE.
    pub(crate) fn find(&self, name: String) -> Result<Arc<LiveAuthorizer>, SelectionError> {
        let found = self.get(&name)?;
        if found.is_active { Ok(found) } else { Err(SelectionError::Inactive(name)) }
    }

    fn unknown(&self, name: &str) -> SelectionError {
        let known: Vec<&str> = self.active().map(|found| found.name.as_str()).collect();
        SelectionError::unknown(name, known.join("\", \""))
    }
}

impl Domain {
    fn is_local(&self) -> bool {
        self.record.domain_name.ends_with(LOCAL)
    }

    /// Whether clients are served.
    pub(crate) fn is_enabled(&self) -> bool {
        self.record.status == iot_local_cloud::registry::DomainConfigurationStatus::Enabled
    }
}

fn is_built_in(own: &BuiltInAuthorizer, record: &Record<Authorizer>) -> bool {
    own.authorizer == *record
}

fn of_options(built_in: &AuthorizerDefinition, record: &Authorizer) -> LiveAuthorizer {
    LiveAuthorizer {
        definition: built_in.clone(),
        is_active: true,
        function: None,
        function_arn: record.function_arn.clone(),
    }
}

/// Returns `None` for a record that the API does not accept.
fn of_record(record: &Authorizer) -> Option<LiveAuthorizer> {
    let keys = record.signing_keys.values().filter(|_| !record.signing_disabled);
    let signing_keys = keys.map(|pem| SigningKey::from_pem(pem)).collect::<Result<_, _>>().ok()?;
    Some(LiveAuthorizer {
        definition: AuthorizerDefinition {
            name: record.name.clone(),
            is_default: false,
            token_key: record.token_key.clone(),
            signing_keys,
            caching_for_http: record.caching_for_http,
        },
        is_active: record.status == AuthorizerStatus::Active,
        function: Some(record.function_arn.parse().ok()?),
        function_arn: record.function_arn.clone(),
    })
}

/// Returns the settings of a domain. The API accepts no other combination.
fn settings(record: &DomainConfiguration) -> EndpointSettings {
    EndpointSettings::new(record.authentication_type, record.application_protocol).unwrap_or_default()
}
