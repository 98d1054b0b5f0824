//! The identity pool of `serve`: of `local.toml` and `roles/`, else the default.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use iot_local_base::files;
use iot_local_cloud::identity_pool::{IdentityPool, LoginProvider};
use iot_local_cloud::{Account, Role};
use iot_local_gateway::login_provider::IssuerLogin;
use iot_local_identity::issuer::DevelopmentIssuer;
use iot_local_identity::oidc::PAGE;
use iot_local_identity::workspace::Workspace;
use serde_json::Value;

use super::ServeOptions;
use crate::local_settings::{DEFAULT_POOL_UUID, FILE_NAME, LocalSettings, LocalSettingsError, PoolSettings};

/// The role that exists without a file.
const DEFAULT_ROLE: &str = "app";

/// The default role, of the folder of the shipped configuration.
const APP_ROLE: &str = include_str!("../../../../roles/app.json");

/// The pool in the trust policy of the default role.
const APP_ROLE_POOL: &str = "*:00000000-0000-4000-8000-000000000001";

/// The client of the user's own app.
const APP_CLIENT: &str = "app";

/// Builds the identity pool.
///
/// # Errors
/// All errors of `local.toml`, and of the files of its roles.
pub(super) fn identity_pool(
    options: &ServeOptions,
    workspace: &Workspace,
    account: &Account,
) -> Result<IdentityPool, LocalSettingsError> {
    let config = &options.function.config;
    let source = Source {
        settings: &LocalSettings::beside(config)?.identity_pool,
        config,
        issuers: &workspace.issuers,
        account,
        has_development_keys: !options.function.keep_keys && options.function.function.is_none(),
    };
    source.build().map_err(LocalSettingsError)
}

/// Everything that a pool is built from.
struct Source<'a> {
    settings: &'a PoolSettings,
    /// `authorizer.toml`. The other files are next to it.
    config: &'a Path,
    issuers: &'a [DevelopmentIssuer],
    account: &'a Account,
    /// Without them, no login can be verified here.
    has_development_keys: bool,
}

impl Source<'_> {
    /// Builds the pool.
    ///
    /// # Errors
    /// All errors, each with its file and its line.
    fn build(&self) -> Result<IdentityPool, Vec<String>> {
        let settings = self.settings;
        let mut errors = Vec::new();
        let id = settings.id.clone();
        let id = id.unwrap_or_else(|| format!("{}:{DEFAULT_POOL_UUID}", self.account.region()));
        let providers = self.providers(&mut errors);
        let role = settings.role.as_ref().map_or(DEFAULT_ROLE, |role| &role.value).to_owned();
        // Each role once, with the line that names it first. The default one may have none.
        let mut names = BTreeMap::from([(role.as_str(), settings.role.as_ref().map_or(1, |role| role.line))]);
        for rule in &settings.mapping {
            names.entry(&rule.value.role).or_insert(rule.line);
        }
        let mut roles = BTreeMap::new();
        for (name, line) in names {
            match self.role(name, line, &id) {
                Ok(role) => {
                    roles.insert(name.to_owned(), Arc::new(role));
                }
                Err(found) => errors.extend(found),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mapping = settings.mapping.iter().map(|rule| rule.value.clone()).collect();
        let (classic, guests) = (settings.classic, settings.guests);
        Ok(IdentityPool { id, providers, roles, role, mapping, classic, guests })
    }

    fn providers(&self, errors: &mut Vec<String>) -> Vec<Arc<dyn LoginProvider>> {
        let Some(providers) = &self.settings.providers else {
            let usable = self.issuers.iter().filter(|issuer| issuer.has_id_tokens_for_pools());
            return usable
                .map(|issuer| login(issuer, [APP_CLIENT, PAGE].map(str::to_owned).to_vec()))
                .collect();
        };
        if !self.has_development_keys {
            return Vec::new();
        }
        let mut logins = Vec::new();
        for provider in providers {
            match self.issuer(&provider.value.issuer) {
                Ok(issuer) => logins.push(login(issuer, provider.value.client_ids.clone())),
                Err(text) => errors.push(self.located(provider.line, &text)),
            }
        }
        logins
    }

    fn issuer(&self, id: &str) -> Result<&DevelopmentIssuer, String> {
        let found = self.issuers.iter().find(|issuer| issuer.settings().id == id);
        let known = || self.issuers.iter().map(|issuer| issuer.settings().id.as_str()).collect::<Vec<_>>();
        let issuer = found.ok_or_else(|| {
            format!("unknown issuer \"{id}\" in providers; expected one of {}", known().join(", "))
        })?;
        match issuer.has_id_tokens_for_pools() {
            true => Ok(issuer),
            false => Err(format!(
                "issuer \"{id}\" has no RSA algorithm, and an identity pool accepts no other; expected RS256, RS384 or \
                 RS512 in its algorithms"
            )),
        }
    }

    /// Reads `roles/NAME.json`. The default role needs no file.
    fn role(&self, name: &str, line: usize, pool: &str) -> Result<Role, Vec<String>> {
        let path = self.config.with_file_name("roles").join(format!("{name}.json"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && name == DEFAULT_ROLE => {
                APP_ROLE.replace(APP_ROLE_POOL, pool)
            }
            Err(error) => {
                let reason = files::io_error(&error);
                return Err(vec![self.located(line, &format!("role {name}: {}: {reason}", path.display()))]);
            }
        };
        let at_file = |error: String| format!("{}: {error}", path.display());
        let document: Value = serde_json::from_str(&text)
            .map_err(|error| vec![format!("{}:{}: invalid JSON: {error}", path.display(), error.line())])?;
        Role::parse(name, &document, self.account).map_err(|errors| errors.into_iter().map(at_file).collect())
    }

    fn located(&self, line: usize, text: &str) -> String {
        format!("{}:{line}: {text}", self.config.with_file_name(FILE_NAME).display())
    }
}

fn login(issuer: &DevelopmentIssuer, client_ids: Vec<String>) -> Arc<dyn LoginProvider> {
    Arc::new(IssuerLogin::new(issuer.clone(), client_ids))
}

#[cfg(test)]
mod tests {
    use iot_local_base::env::Env;
    use iot_local_identity::workspace;
    use iot_local_policy::CognitoContext;

    use super::*;

    const CONFIG: &str = r#"
issuer = [
  { id = "users", issuer = "https://login.example.com/", audience = ["a"], algorithms = ["ES256", "RS256"], keys = ["oidc"], client_ids = ["${sub}"] },
  { id = "curve", issuer = "https://curve.example.com/", audience = ["a"], algorithms = ["ES256"], keys = ["oidc"], client_ids = ["${sub}"] },
]
"#;

    fn account(region: &str) -> Account {
        Account::new(region, "123456789012").unwrap()
    }

    /// The pool of a folder with this `local.toml` and this role `operator`.
    fn pool(text: &str, operator: Option<&str>, region: &str) -> Result<IdentityPool, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("authorizer.toml");
        std::fs::write(&config, CONFIG).unwrap();
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        std::fs::create_dir(folder.path().join("roles")).unwrap();
        if let Some(operator) = operator {
            std::fs::write(folder.path().join("roles/operator.json"), operator).unwrap();
        }
        let workspace = workspace::prepare(&config, &Env::default()).unwrap();
        let settings = LocalSettings::beside(&config).unwrap().identity_pool;
        let source = Source {
            settings: &settings,
            config: &config,
            issuers: &workspace.issuers,
            account: &account(region),
            has_development_keys: true,
        };
        source.build().map_err(|errors| {
            let prefix = format!("{}/", folder.path().display());
            errors.into_iter().map(|error| error.replace(&prefix, "")).collect()
        })
    }

    #[test]
    fn without_a_file_every_issuer_with_rsa_is_a_provider_and_the_role_is_app() {
        for region in ["us-east-1", "ap-northeast-1"] {
            let pool = pool("", None, region).unwrap();
            assert_eq!(pool.id, format!("{region}:00000000-0000-4000-8000-000000000001"));
            let names: Vec<_> = pool.providers.iter().map(|provider| provider.name()).collect();
            assert_eq!(names, ["login.example.com/"]);
            assert_eq!((pool.role.as_str(), pool.roles.len()), ("app", 1));
            assert!(!pool.classic && !pool.guests && pool.mapping.is_empty());
        }
    }

    #[test]
    fn the_default_role_trusts_the_pool_and_no_other() {
        let other = "us-east-1:00000000-0000-4000-8000-000000000002";
        let settings = format!("[identity_pool]\nid = \"{other}\"");
        for (text, id) in [("", "us-east-1:00000000-0000-4000-8000-000000000001"), (&settings, other)] {
            let pool = pool(text, None, "us-east-1").unwrap();
            let role = pool.roles.get("app").unwrap();
            for (pool_id, amr, expected) in [
                (id, "authenticated", true),
                (id, "unauthenticated", false),
                ("us-east-1:00000000-0000-4000-8000-000000000003", "authenticated", false),
            ] {
                let identity = CognitoContext {
                    identity_id: "us-east-1:a".to_owned(),
                    pool_id: pool_id.to_owned(),
                    amr: vec![amr.to_owned()],
                };
                assert_eq!(role.trust().decide(&identity).allowed, expected, "{text} {pool_id} {amr}");
            }
        }
    }

    #[test]
    fn roles_of_rules_are_read_and_all_errors_are_reported() {
        let mapping = "[[identity_pool.mapping]]\nclaim = \"role\"\nequals = \"o\"\nrole = \"operator\"\n";
        let found = pool(mapping, Some(APP_ROLE), "us-east-1").unwrap();
        assert_eq!(found.roles.keys().collect::<Vec<_>>(), ["app", "operator"]);
        for (text, operator, expected) in [
            (mapping.to_owned(), None, &["local.toml:1: role operator: roles/operator.json: "][..]),
            (
                "[identity_pool]\nrole = \"operator\"".to_owned(),
                None,
                &["local.toml:2: role operator: roles/operator.json: "],
            ),
            (mapping.to_owned(), Some("{"), &["roles/operator.json:1: invalid JSON"]),
            (mapping.to_owned(), Some("[]"), &["roles/operator.json: not a JSON object"]),
            (
                mapping.to_owned(),
                Some(r#"{"trust": {}, "policy": {}, "x": 1}"#),
                &[
                    "roles/operator.json: unknown member x",
                    "roles/operator.json: policy of the trust of role operator: Statement must be",
                    "roles/operator.json: policy of role operator: Statement must be",
                ],
            ),
            (
                mapping.to_owned(),
                Some("{}"),
                &["roles/operator.json: missing member trust", "roles/operator.json: missing member policy"],
            ),
            (
                "[identity_pool]\nproviders = [\n{ issuer = \"absent\", client_ids = [\"app\"] },\n\
                 { issuer = \"curve\", client_ids = [\"app\"] }]"
                    .to_owned(),
                None,
                &[
                    "local.toml:3: unknown issuer \"absent\" in providers; expected one of users, curve",
                    "local.toml:4: issuer \"curve\" has no RSA algorithm",
                ],
            ),
        ] {
            let errors = pool(&text, operator, "us-east-1").err().unwrap();
            assert_eq!(errors.len(), expected.len(), "{text}: {errors:?}");
            for (error, expected) in errors.iter().zip(expected) {
                assert!(error.starts_with(expected), "{text}: {error}");
            }
        }
    }

    /// The identity pool of the shipped configuration.
    #[test]
    fn the_shipped_role_file_is_that_of_the_default_pool() {
        let document: Value = serde_json::from_str(APP_ROLE).unwrap();
        assert!(Role::parse("app", &document, &account("us-east-1")).is_ok());
        assert!(APP_ROLE.contains(APP_ROLE_POOL) && APP_ROLE_POOL.ends_with(DEFAULT_POOL_UUID));
    }
}
