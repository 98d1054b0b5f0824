//! `[identity_pool]` of `local.toml`.

use std::ops::Range;

use iot_local_base::names::is_name;
use iot_local_cloud::identity_pool::{Comparison, MappingRule};
use toml_edit::{Item, TableLike, Value};

/// The members of `[identity_pool]`.
const MEMBERS: [&str; 6] = ["id", "providers", "role", "classic", "guests", "mapping"];
/// The members of an item of `providers`.
const PROVIDER_MEMBERS: [&str; 2] = ["issuer", "client_ids"];

/// A value, and the number of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located<T> {
    /// The number of the line, from 1.
    pub(crate) line: usize,
    /// The value.
    pub(crate) value: T,
}

/// The settings of the identity pool. What is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PoolSettings {
    /// The pool's id.
    pub(crate) id: Option<String>,
    /// The login providers.
    pub(crate) providers: Option<Vec<Located<ProviderSettings>>>,
    /// The name of the role that no rule gives.
    pub(crate) role: Option<Located<String>>,
    /// Whether the classic flow is allowed.
    pub(crate) classic: bool,
    /// Whether guests get an identity.
    pub(crate) guests: bool,
    /// The rules.
    pub(crate) mapping: Vec<Located<MappingRule>>,
}

/// A login provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderSettings {
    /// The `id` of an `[[issuer]]` of `authorizer.toml`.
    pub(crate) issuer: String,
    /// The client ids for which ID tokens are issued.
    pub(crate) client_ids: Vec<String>,
}

/// Returns the number of the line of a span.
type LineOf<'a> = dyn Fn(Option<Range<usize>>) -> usize + 'a;

/// A table, and where it is.
type Spanned<'t> = (Option<Range<usize>>, &'t dyn TableLike);

fn spanned<T: TableLike>(span: Option<Range<usize>>, table: &T) -> Spanned<'_> {
    (span, table)
}

/// Reads a table, and collects errors.
struct Reader<'a> {
    line: &'a LineOf<'a>,
    errors: &'a mut Vec<String>,
}

impl PoolSettings {
    /// Reads the table. Appends its errors, each with its line.
    pub(super) fn parse(item: &Item, line: &LineOf<'_>, errors: &mut Vec<String>) -> Self {
        let mut reader = Reader { line, errors };
        let mut settings = Self::default();
        let Some(table) = item.as_table_like() else {
            reader.expected("identity_pool", item, "a table");
            return settings;
        };
        for (name, item) in table.iter() {
            match name {
                "id" => settings.id = reader.pool_id(item),
                "providers" => settings.providers = reader.providers(item),
                "role" => settings.role = reader.role(item),
                "classic" => settings.classic = reader.flag(name, item),
                "guests" => settings.guests = reader.flag(name, item),
                "mapping" => settings.mapping = reader.mapping(item),
                _ => reader.unknown(name, table, &MEMBERS),
            }
        }
        settings
    }
}

impl Reader<'_> {
    fn error(&mut self, span: Option<Range<usize>>, text: impl std::fmt::Display) {
        self.errors.push(format!(":{}: {text}", (self.line)(span)));
    }

    fn expected(&mut self, name: &str, item: &Item, form: &str) {
        self.error(item.span(), format_args!("invalid {name}; expected {form}"));
    }

    fn unknown(&mut self, name: &str, table: &dyn TableLike, members: &[&str]) {
        let span = table.key(name).and_then(toml_edit::Key::span);
        self.error(span, format_args!("unknown member \"{name}\"; expected one of {}", members.join(", ")));
    }

    fn flag(&mut self, name: &str, item: &Item) -> bool {
        let flag = item.as_bool();
        if flag.is_none() {
            self.expected(name, item, "true or false");
        }
        flag.unwrap_or_default()
    }

    fn pool_id(&mut self, item: &Item) -> Option<String> {
        let id = item.as_str().filter(|id| is_pool_id(id)).map(str::to_owned);
        if id.is_none() {
            self.expected("id", item, "REGION:UUID, such as us-east-1:00000000-0000-4000-8000-000000000001");
        }
        id
    }

    fn role(&mut self, item: &Item) -> Option<Located<String>> {
        let role = item.as_str().filter(|role| is_name(role, "_-", 1..=64)).map(str::to_owned);
        if role.is_none() {
            self.expected("role", item, "1 to 64 letters, digits, _ or -: roles/NAME.json");
        }
        role.map(|value| Located { line: (self.line)(item.span()), value })
    }

    /// Reads `providers = [{ … }]` or `[[identity_pool.providers]]`.
    fn providers(&mut self, item: &Item) -> Option<Vec<Located<ProviderSettings>>> {
        let tables = self.tables("providers", item)?;
        if tables.is_empty() && item.as_array().is_none_or(toml_edit::Array::is_empty) {
            self.expected("providers", item, "at least one provider");
        }
        Some(tables.into_iter().filter_map(|(span, table)| self.provider(span, table)).collect())
    }

    fn provider(
        &mut self,
        span: Option<Range<usize>>,
        table: &dyn TableLike,
    ) -> Option<Located<ProviderSettings>> {
        let (mut issuer, mut client_ids) = (None, None);
        for (name, item) in table.iter() {
            match name {
                "issuer" => issuer = self.text("issuer", item),
                "client_ids" => client_ids = self.texts("client_ids", item),
                _ => self.unknown(name, table, &PROVIDER_MEMBERS),
            }
        }
        for name in PROVIDER_MEMBERS.iter().filter(|name| table.get(name).is_none()) {
            self.error(span.clone(), format_args!("{name} is missing in a provider"));
        }
        let value = ProviderSettings { issuer: issuer?, client_ids: client_ids? };
        Some(Located { line: (self.line)(span), value })
    }

    /// Reads `[[identity_pool.mapping]]`.
    fn mapping(&mut self, item: &Item) -> Vec<Located<MappingRule>> {
        let tables = self.tables("mapping", item).unwrap_or_default();
        tables.into_iter().filter_map(|(span, table)| self.rule(span, table)).collect()
    }

    fn rule(&mut self, span: Option<Range<usize>>, table: &dyn TableLike) -> Option<Located<MappingRule>> {
        let names = Comparison::ALL.map(Comparison::name);
        let (mut claim, mut role) = (None, None);
        let mut comparisons = Vec::new();
        for (name, item) in table.iter() {
            match name {
                "claim" => claim = self.text("claim", item),
                "role" => role = self.role(item),
                _ => match Comparison::ALL.into_iter().find(|comparison| comparison.name() == name) {
                    Some(comparison) => comparisons.push((comparison, self.value(name, item))),
                    None => self.unknown(name, table, &[&["claim", "role"], names.as_slice()].concat()),
                },
            }
        }
        for name in ["claim", "role"].into_iter().filter(|name| table.get(name).is_none()) {
            self.error(span.clone(), format_args!("{name} is missing in a rule of mapping"));
        }
        if comparisons.len() != 1 {
            self.error(span.clone(), format_args!("a rule of mapping needs one of {}", names.join(", ")));
        }
        let (comparison, value) = comparisons.pop().filter(|_| comparisons.is_empty())?;
        let rule = MappingRule { claim: claim?, comparison, value: value?, role: role?.value };
        Some(Located { line: (self.line)(span), value: rule })
    }

    /// Reads a list of tables in either form.
    fn tables<'t>(&mut self, name: &str, item: &'t Item) -> Option<Vec<Spanned<'t>>> {
        if let Some(tables) = item.as_array_of_tables() {
            return Some(tables.iter().map(|table| spanned(table.span(), table)).collect());
        }
        let Some(array) = item.as_array() else {
            self.expected(name, item, "a list of tables");
            return None;
        };
        let mut tables = Vec::new();
        for value in array {
            match value.as_inline_table() {
                Some(table) => tables.push(spanned(value.span(), table)),
                None => self.error(value.span(), format_args!("invalid item of {name}; expected a table")),
            }
        }
        Some(tables)
    }

    /// Reads a text that is not empty.
    fn text(&mut self, name: &str, item: &Item) -> Option<String> {
        let text = item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text.is_none() {
            self.expected(name, item, "a string that is not empty");
        }
        text
    }

    fn value(&mut self, name: &str, item: &Item) -> Option<String> {
        let text = item.as_str().map(str::to_owned);
        if text.is_none() {
            self.expected(name, item, "a string");
        }
        text
    }

    fn texts(&mut self, name: &str, item: &Item) -> Option<Vec<String>> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let texts: Option<Vec<String>> = item.as_array().and_then(|array| array.iter().map(text).collect());
        let texts = texts.filter(|texts| !texts.is_empty());
        if texts.is_none() {
            self.expected(name, item, "a list of strings that are not empty");
        }
        texts
    }
}

/// `REGION:UUID`, as identity ids are made of it.
fn is_pool_id(text: &str) -> bool {
    text.split_once(':').is_some_and(|(region, id)| {
        let is_uuid = id.len() == 36 && uuid::Uuid::try_parse(id).is_ok();
        is_name(region, "-", 1..=32) && is_uuid && text == text.to_ascii_lowercase()
    })
}

#[cfg(test)]
mod tests;
