//! The edits that a recipe's page asks for: issuer, audience, client ids and names of claims.

use std::fs;
use std::path::{Path, PathBuf};

use iot_local_identity::deployment::document::ConfigDocument;
use tempfile::TempDir;

/// Recipe, and each text of its `authorizer.toml` with the text that replaces it. Quotes make a name distinct from
/// other occurrences of the word.
const EDITS: [(&str, &[(&str, &str)]); 7] = [
    (
        "cognito",
        &[
            (
                "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01",
                "cognito-idp.ap-northeast-1.amazonaws.com/ap-northeast-1_AbCdEf123",
            ),
            ("1example23456789abcdefghij", "4ndhelpdesk0000aaaaa11111b"),
            ("2machine3456789abcdefghijk", "5ndgateways0000bbbbb22222c"),
            ("\"cognito:groups\"", "\"org/groups\""),
        ],
    ),
    (
        "cognito-id",
        &[
            (
                "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01",
                "cognito-idp.us-east-2.amazonaws.com/us-east-2_AbCdEf123",
            ),
            ("1example23456789abcdefghij", "4ndhelpdesk0000aaaaa11111b"),
            ("custom:tenant", "custom:org"),
        ],
    ),
    (
        "auth0",
        &[
            ("https://example-tenant.eu.auth0.com/", "https://login.acme.test/"),
            ("\"https://iot.example.com/\"", "\"urn:acme:iot\""),
            ("https://example.com/tenant", "https://acme.test/org"),
        ],
    ),
    (
        "okta",
        &[
            ("https://example.okta.com/oauth2/default", "https://login.acme.test/oauth2/aus1acme"),
            ("\"https://iot.example.com\"", "\"api://acme-iot\""),
            ("0oaexamplesvc00001", "0oaacmeservice0001"),
            ("\"tenant\"", "\"org\""),
        ],
    ),
    (
        "entra",
        &[
            ("11111111-1111-4111-8111-111111111111", "5f1e2d3c-4b5a-4968-8776-655443322110"),
            ("22222222-2222-4222-8222-222222222222", "6f1e2d3c-4b5a-4968-8776-655443322110"),
            ("aaaaaaaa-0000-4000-8000-000000000001", "7f1e2d3c-4b5a-4968-8776-655443322110"),
            ("cccccccc-0000-4000-8000-000000000003", "8f1e2d3c-4b5a-4968-8776-655443322110"),
            ("\"contoso\"", "\"north\""),
        ],
    ),
    ("firebase", &[("example-iot", "acme-prod-1"), ("\"tenant\"", "\"org\"")]),
    (
        "keycloak",
        &[
            ("https://sso.example.com/realms/iot", "https://sso.acme.test/auth/realms/main"),
            ("iot-core", "iot-api"),
            ("iot-gateway", "gateway-1"),
            ("\"tenant\"", "\"org\""),
        ],
    ),
];

/// A copy of a recipe whose `authorizer.toml` is edited. Its policies and cases are unchanged.
pub(crate) struct EditedRecipe {
    folder: TempDir,
    edits: Vec<(String, String)>,
}

impl EditedRecipe {
    pub(crate) fn new(recipe: &Path) -> Self {
        let config = fs::read_to_string(recipe.join("authorizer.toml")).unwrap();
        let name = recipe.file_name().unwrap().to_str().unwrap();
        let edits = EDITS.iter().find(|(known, _)| *known == name).map_or_else(
            || issuers_and_audiences(&config),
            |(_, edits)| edits.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect(),
        );
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        for entry in fs::read_dir(recipe.join("policies")).unwrap().flatten() {
            fs::copy(entry.path(), folder.path().join("policies").join(entry.file_name())).unwrap();
        }
        for (old, _) in &edits {
            assert!(config.contains(old), "{name} has no `{old}`");
        }
        let edited = Self { folder, edits };
        fs::write(edited.config(), edited.edit(&config)).unwrap();
        edited
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("authorizer.toml")
    }

    /// The same edits of another text, such as claims. Each text is replaced at most once, in one pass.
    pub(crate) fn edit(&self, text: &str) -> String {
        let (mut edited, mut rest) = (String::new(), text);
        loop {
            let replaced =
                self.edits.iter().find_map(|(old, new)| Some((rest.strip_prefix(old.as_str())?, new)));
            let mut characters = rest.chars();
            match (replaced, characters.next()) {
                (Some((after, new)), _) => {
                    edited.push_str(new);
                    rest = after;
                }
                (None, Some(next)) => {
                    edited.push(next);
                    rest = characters.as_str();
                }
                (None, None) => return edited,
            }
        }
    }
}

/// The folders of all recipes.
pub(crate) fn recipes() -> Vec<PathBuf> {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    for (name, _) in EDITS {
        assert!(folders.iter().any(|folder| folder.ends_with(name)), "no recipe {name}");
    }
    folders
}

/// The edits of a recipe without an entry: every `issuer` and `audience`.
fn issuers_and_audiences(config: &str) -> Vec<(String, String)> {
    let config = ConfigDocument::parse(config).unwrap().to_json();
    let mut edits = Vec::new();
    for (index, issuer) in config["issuer"].as_array().unwrap().iter().enumerate() {
        edits.push((issuer["issuer"].to_string(), format!("\"https://login{index}.acme.test/\"")));
        for audience in issuer["audience"].as_array().into_iter().flatten() {
            edits.push((audience.to_string(), format!("\"acme-{index}-{}\"", edits.len())));
        }
    }
    edits.retain(|(old, _)| old != "null");
    edits
}
