//! The files of a new folder: a recipe with the user's values.

use iot_local_inspect::schema::SchemaFile;
use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use super::folder::NewFile;
use super::recipe::{ClientUse, Recipe};
use super::substitute::{self, Replacement};
use super::workflow::Origin;
use crate::package::release::settings;

/// The user's values for a recipe.
pub(super) struct Values {
    /// The exact `iss`; `None` if it is left to edit.
    pub(super) issuer: Option<String>,
    /// `--audience`
    pub(super) audience: Option<String>,
    /// `--client`
    pub(super) client: Option<String>,
    /// The algorithms of the issuer's keys, if they were fetched.
    pub(super) algorithms: Vec<&'static str>,
    /// What else replaces an example value.
    pub(super) more: Vec<Replacement>,
    /// What the workflow installs, and where the functions come from.
    pub(super) origin: Origin,
}

/// The word that marks a line that is left to edit.
pub(super) const EDIT: &str = "EDIT";

/// Longer lines have their comment right after them.
const MAX_ALIGNED_CHARACTERS: usize = 70;

/// Claims that `diff` fills in, or that would make it depend on the time.
const NOT_COMPARED: [&str; 6] = ["iss", "aud", "iat", "exp", "nbf", "auth_time"];

const README: &str = include_str!("folder/README.md");
/// The line of the README about `release.toml`.
const RELEASE_ROW: &str =
    "| `release.toml` | the release that the functions are from. To upgrade, change `version` |\n";
const PARAMETERS: &str = include_str!("folder/parameters.yaml");
const GITIGNORE: &str = include_str!("folder/gitignore");

/// Builds all files.
///
/// # Errors
/// A recipe that cannot be read. A test builds every one.
pub(super) fn files(recipe: &Recipe, values: &Values) -> Result<Vec<NewFile>, &'static str> {
    let replacements = replacements(recipe, values);
    let file = |name: &str, text: String| NewFile { name: name.to_owned(), text };
    let mut files = vec![file("authorizer.toml", configuration(recipe, values, &replacements)?)];
    for (name, policy, cases) in recipe.policies {
        files.push(file(&format!("policies/{name}.json"), (*policy).to_owned()));
        let cases = substitute::in_json(&without_issuers(recipe, cases), &replacements);
        let cases =
            cases.replacen('{', &format!("{{\n  \"$schema\": \"../{}\",", schema(SchemaFile::Cases)), 1);
        files.push(file(&format!("policies/{name}.cases.json"), cases));
    }
    for (name, text) in recipe.claims {
        files.push(file(&format!("claims/{name}.json"), claims(text, &replacements)?));
    }
    let issuer = values.issuer.as_deref().unwrap_or("not set yet");
    let release = values.origin.release();
    let readme = README
        .replace("{title}", recipe.title)
        .replace("{recipe}", recipe.name)
        .replace("{release}", release.map_or("", |_| RELEASE_ROW))
        .replace("{issuer}", issuer);
    files.push(file("README.md", readme));
    files.extend(release.map(|release| file(settings::FILE_NAME, release.to_toml())));
    files.push(file(".github/workflows/authorizer.yml", values.origin.workflow()));
    files.push(file("parameters.yaml", PARAMETERS.to_owned()));
    for kind in [SchemaFile::Authorizer, SchemaFile::Cases] {
        files.push(file(&schema(kind), kind.text()));
    }
    files.push(file(".gitignore", GITIGNORE.to_owned()));
    Ok(files)
}

fn replacements(recipe: &Recipe, values: &Values) -> Vec<Replacement> {
    let example = &recipe.example;
    let mut all = values.more.clone();
    all.extend(values.issuer.iter().map(|issuer| Replacement::value(example.issuer, issuer)));
    if let (Some(old), Some(new)) = (example.audience, &values.audience) {
        all.push(Replacement::value(old, new));
    }
    all.extend(values.client.iter().map(|client| Replacement::value(example.client, client)));
    all
}

/// `authorizer.toml`, with a mark on each line whose example value stays.
fn configuration(
    recipe: &Recipe,
    values: &Values,
    replacements: &[Replacement],
) -> Result<String, &'static str> {
    let mut document: DocumentMut = recipe.config.parse().map_err(|_| "the recipe is not TOML")?;
    omit(&mut document, recipe);
    let issuers = tables(&mut document, "issuer");
    let has_one_issuer = issuers.len() == 1;
    if let Some(first) = issuers.into_iter().next() {
        first.decor_mut().set_prefix(format!("{}\n", header(recipe)));
        if !values.algorithms.is_empty() {
            set_array(first, "algorithms", &values.algorithms);
        }
    }
    for grant in tables(&mut document, "grant") {
        if has_one_issuer {
            grant.remove("issuer");
        }
        if let (ClientUse::Condition(claim), Some(_)) = (recipe.example.client_use, &values.client)
            && grant.get("policy").and_then(Item::as_str) != Some("machine")
        {
            add_condition(grant, claim, recipe.example.client);
        }
    }
    Ok(with_values(&document.to_string(), recipe, values, replacements))
}

/// The file of a schema, which editors read without a network.
fn schema(kind: SchemaFile) -> String {
    format!(".schema/{}.json", kind.name())
}

/// The comment at the top. taplo reads the schema's place from the first line.
fn header(recipe: &Recipe) -> String {
    format!(
        "#:schema {}\n\
         # {}. Written by `cargo local init`.\n\
         # Lines with {EDIT} have example values: put yours there. All keys: docs/configuration.md of \
         iot-jwt-authorizer.\n",
        schema(SchemaFile::Authorizer),
        recipe.title
    )
}

/// Removes what a new folder does not have.
fn omit(document: &mut DocumentMut, recipe: &Recipe) {
    let omitted = &recipe.omitted;
    let is_omitted = |table: &Table, key: &str, names: &[&str]| {
        table.get(key).and_then(Item::as_str).is_some_and(|name| names.contains(&name))
    };
    if let Some(issuers) = document.get_mut("issuer").and_then(Item::as_array_of_tables_mut) {
        issuers.retain(|issuer| !is_omitted(issuer, "id", omitted.issuers));
    }
    if let Some(grants) = document.get_mut("grant").and_then(Item::as_array_of_tables_mut) {
        grants.retain(|grant| !is_omitted(grant, "policy", omitted.policies));
    }
    for issuer in tables(document, "issuer") {
        if let Some(audience) = issuer.get_mut("audience").and_then(Item::as_array_mut) {
            audience.retain(|entry| entry.as_str().is_none_or(|entry| !omitted.audiences.contains(&entry)));
        }
    }
}

fn tables<'a>(document: &'a mut DocumentMut, name: &str) -> Vec<&'a mut Table> {
    let tables = document.get_mut(name).and_then(Item::as_array_of_tables_mut);
    tables.map(|tables| tables.iter_mut().collect()).unwrap_or_default()
}

/// Replaces an array, and keeps the comment after it.
fn set_array(table: &mut Table, key: &str, entries: &[&str]) {
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        let decor = old.decor().clone();
        *old = toml_edit::Value::Array(Array::from_iter(entries.iter().copied()));
        *old.decor_mut() = decor;
    }
}

/// Adds a condition to a grant.
fn add_condition(grant: &mut Table, claim: &str, expected: &str) {
    if grant.get("when").is_none() {
        grant.insert("when", value(InlineTable::new()));
    }
    if let Some(when) = grant.get_mut("when").and_then(Item::as_inline_table_mut) {
        when.insert(claim, expected.into());
        when.fmt();
    }
}

/// Replaces the example values, marks the lines whose example values stay, and aligns the comments of each block of
/// lines. No string of a recipe contains ` # `.
fn with_values(text: &str, recipe: &Recipe, values: &Values, replacements: &[Replacement]) -> String {
    let left = left_to_edit(recipe, values);
    let lines = text.lines().map(|line| {
        let (code, comment) =
            line.split_once(" # ").map_or((line, None), |(code, comment)| (code, Some(comment)));
        let found = left.iter().find(|(old, _)| code.contains(&format!("\"{old}\"")));
        let comment = found.map(|(_, hint)| format!("{EDIT}: {hint}")).or(comment.map(str::to_owned));
        (substitute::in_toml(code.trim_end(), replacements), comment)
    });
    let lines: Vec<(String, Option<String>)> = lines.collect();
    let mut out = String::new();
    for block in lines.split_inclusive(|(code, _)| code.is_empty()) {
        let commented = block.iter().filter(|(_, comment)| comment.is_some());
        let lengths = commented.map(|(code, _)| code.chars().count());
        let width = lengths.filter(|length| *length <= MAX_ALIGNED_CHARACTERS).max().unwrap_or_default();
        for (code, comment) in block {
            match comment {
                Some(comment) => out.push_str(&format!("{code:width$}   # {comment}\n")),
                None => out.push_str(&format!("{code}\n")),
            }
        }
    }
    out
}

/// The example values that stay, and what to write instead.
fn left_to_edit(recipe: &Recipe, values: &Values) -> Vec<(&'static str, &'static str)> {
    let example = &recipe.example;
    let mut left = example.names.to_vec();
    if values.issuer.is_none() {
        left.push((example.issuer, "the exact `iss`"));
    }
    if let (Some(audience), Some(hint), None) = (example.audience, example.audience_hint, &values.audience) {
        left.push((audience, hint));
    }
    if example.client_use == ClientUse::Replaces && values.client.is_none() {
        left.push((example.client, "the app client's id"));
    }
    left
}

/// Cases without those of omitted issuers. Each case is one line of a recipe's file.
fn without_issuers(recipe: &Recipe, cases: &str) -> String {
    let is_omitted = |line: &&str| {
        recipe.omitted.issuers.iter().any(|issuer| line.contains(&format!("\"issuer\": \"{issuer}\"")))
    };
    cases.lines().filter(|line| !is_omitted(line)).flat_map(|line| [line, "\n"]).collect()
}

/// Claims of one kind of subject, for `diff`.
fn claims(text: &str, replacements: &[Replacement]) -> Result<String, &'static str> {
    let claims = serde_json::from_str(&substitute::in_json(text, replacements));
    let mut claims: Map<String, Value> = claims.map_err(|_| "the recipe's claims are not JSON")?;
    NOT_COMPARED.iter().for_each(|name| drop(claims.remove(*name)));
    Ok(format!("{:#}\n", Value::Object(claims)))
}
