//! The tables of `provision.toml`.

use iot_jwt_authorizer::config_schema::Property;

use super::document::{Located, Reader, Table};
use super::schema::{self, MAX_ATTRIBUTES};
use super::topic::{MAX_TOPIC_BYTES, TopicFilter};
use super::{Authority, Bootstrap, Config, ConfigError, ErrorPlace, Template};
use crate::certificate::VARIABLES;
use crate::expected::{DeviceList, Expected, Source};
use crate::names::{
    ThingName, is_attribute_name, is_attribute_value, is_certificate_id, is_policy_name, is_template_name,
};
use crate::pattern::Pattern;
use crate::registered::OWNER;

/// The variable of `[[bootstrap]]`.
const ID: &str = "id";

/// The longest id of a device, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Reads the file.
pub(super) fn read<'d>(reader: &mut Reader<'d>, root: &Table<'d>) -> Config {
    let mut config = Config::default();
    for table in reader.tables(root, &schema::AUTHORITY) {
        let span = table.span.clone();
        if let Some(authority) = authority(reader, &table, &mut config.files) {
            let id = &authority.ca_certificate_id;
            if config.authorities.iter().any(|other| other.ca_certificate_id == *id) {
                reader.error(&span, format!("`ca_certificate_id`: another [[authority]] has {id}"));
            }
            config.authorities.push(authority);
        }
    }
    for table in reader.tables(root, &schema::BOOTSTRAP) {
        let span = table.span.clone();
        if let Some(bootstrap) = bootstrap(reader, &table, &mut config.files) {
            if config.bootstraps.iter().any(|other| other.request.overlaps(&bootstrap.request)) {
                reader
                    .error(&span, "`request`: a topic can match the `request` of another [[bootstrap]], too");
            }
            config.bootstraps.push(bootstrap);
            check_loops(reader, &config.bootstraps, &span);
        }
    }
    for table in reader.tables(root, &schema::TEMPLATE) {
        let span = table.span.clone();
        if let Some(template) = template(reader, &table, &mut config.files) {
            if config.templates.iter().any(|other| other.name == template.name) {
                reader.error(&span, format!("`name`: another [[template]] has the name {}", template.name));
            }
            config.templates.push(template);
        }
    }
    if let Some(table) = reader.table(root, &schema::COGNITO) {
        config.identity_policy = policy(reader, &table);
        reader.finish(&table);
    }
    reader.finish(root);
    config
}

fn authority<'d>(reader: &mut Reader<'d>, table: &Table<'d>, files: &mut Vec<String>) -> Option<Authority> {
    let id =
        reader.parsed(table, &schema::CA_CERTIFICATE_ID, "64 hexadecimal digits in lower case", |text| {
            is_certificate_id(text).then(|| text.to_owned())
        });
    let thing = pattern(reader, table, &schema::AUTHORITY_THING, &VARIABLES, is_thing_text);
    let policy = policy(reader, table);
    let attributes = attributes(reader, table);
    let expected = expected(reader, table, &schema::EXPECTED, files);
    let replace = reader.flag(table, &schema::REPLACE);
    reader.finish(table);
    Some(Authority {
        ca_certificate_id: id?,
        thing: thing?,
        policy: policy?,
        attributes,
        expected: expected?,
        replace,
    })
}

fn bootstrap<'d>(reader: &mut Reader<'d>, table: &Table<'d>, files: &mut Vec<String>) -> Option<Bootstrap> {
    let expected_filter =
        "a topic filter with one level `+`, such as bootstrap/+/request, without `#` and `$`";
    let request = reader.parsed(table, &schema::REQUEST, expected_filter, TopicFilter::parse);
    let response = pattern(reader, table, &schema::RESPONSE, &[ID], |pattern| {
        let is_topic = TopicFilter::parse(&pattern.fill_with("+")).is_some();
        is_topic && pattern.fill_with(&"i".repeat(MAX_ID_BYTES)).len() <= MAX_TOPIC_BYTES
    });
    let thing = pattern(reader, table, &schema::BOOTSTRAP_THING, &[ID], is_thing_text);
    let policy = policy(reader, table);
    let span = table.span.clone();
    let expected = expected(reader, table, &schema::BOOTSTRAP_EXPECTED, files);
    if matches!(expected, Some(Expected::Anyone)) {
        let error = reader.error(&span, "`expected`: [[bootstrap]] cannot expect anyone");
        error.hint =
            Some("its credential is shared, so list the devices: `list:FILE` or `dynamodb:TABLE`".to_owned());
    }
    let replace = reader.flag(table, &schema::REPLACE);
    reader.finish(table);
    Some(Bootstrap {
        request: request?,
        response: response?,
        thing: thing?,
        policy: policy?,
        expected: expected?,
        replace,
    })
}

/// A response that matches a request would make the function answer itself for ever.
fn check_loops(reader: &mut Reader<'_>, bootstraps: &[Bootstrap], span: &std::ops::Range<usize>) {
    let responses = bootstraps.iter().filter_map(|known| TopicFilter::parse(&known.response.fill_with("+")));
    if responses.clone().any(|response| bootstraps.iter().any(|known| known.request.overlaps(&response))) {
        reader.error(span, "`response`: a response can match the `request` of a [[bootstrap]]");
    }
}

fn template<'d>(reader: &mut Reader<'d>, table: &Table<'d>, files: &mut Vec<String>) -> Option<Template> {
    let name = reader.parsed(table, &schema::NAME, "1 to 36 of A-Z a-z 0-9 _ -", |text| {
        is_template_name(text).then(|| text.to_owned())
    });
    let expected = expected(reader, table, &schema::EXPECTED, files);
    let replace = reader.flag(table, &schema::REPLACE);
    reader.finish(table);
    Some(Template { name: name?, expected: expected?, replace })
}

fn policy<'d>(reader: &mut Reader<'d>, table: &Table<'d>) -> Option<String> {
    let expected = "the name of an AWS IoT policy: 1 to 128 of A-Z a-z 0-9 _ + = , . @ -";
    reader.parsed(table, &schema::POLICY, expected, |text| is_policy_name(text).then(|| text.to_owned()))
}

/// Reads a pattern that differs between devices.
fn pattern<'d>(
    reader: &mut Reader<'d>,
    table: &Table<'d>,
    property: &Property,
    known: &[&'static str],
    is_valid: impl FnOnce(&Pattern) -> bool,
) -> Option<Pattern> {
    let key = property.name;
    let text = reader.required(table, property)?;
    let pattern = parse_pattern(reader, key, &text, known)?;
    let what = if !pattern.has_variable() {
        format!("`{key}`: the same for every device; expected a variable, such as `${{{}}}`", known.last()?)
    } else if !is_valid(&pattern) {
        format!("`{key}`: \"{}\" has characters or a length that AWS IoT does not accept", text.value)
    } else {
        return Some(pattern);
    };
    reader.error(&text.span, what);
    None
}

fn parse_pattern(
    reader: &mut Reader<'_>,
    key: &str,
    text: &Located,
    known: &[&'static str],
) -> Option<Pattern> {
    Pattern::parse(&text.value, known)
        .map_err(|what| reader.error(&text.span, format!("`{key}`: {what}")))
        .ok()
}

/// Whether the text around the variables can be a part of a thing's name.
fn is_thing_text(pattern: &Pattern) -> bool {
    ThingName::parse(&pattern.fill_with("i")).is_some()
}

fn attributes<'d>(reader: &mut Reader<'d>, table: &Table<'d>) -> Vec<(String, Pattern)> {
    let Some(table) = reader.table(table, &schema::ATTRIBUTES) else { return Vec::new() };
    let mut attributes = Vec::new();
    for (name, item) in table.entries() {
        if name == OWNER {
            reader.error(&item.span(), format!("`attributes`: the function itself writes `{OWNER}`"));
        } else if !is_attribute_name(name) {
            let what = format!(
                "`attributes`: invalid name \"{name}\"; expected 1 to 128 of A-Z a-z 0-9 _ . , @ / : # -"
            );
            reader.error(&item.span(), what);
        } else if let Some(text) = reader.string(name, item)
            && let Some(pattern) = parse_pattern(reader, name, &text, &VARIABLES)
        {
            if !is_attribute_value(&pattern.fill_with("i")) {
                let what = format!(
                    "`{name}`: \"{}\" has characters or a length that AWS IoT does not accept",
                    text.value
                );
                reader.error(&text.span, what);
            }
            attributes.push((name.to_owned(), pattern));
        }
    }
    if attributes.len() > MAX_ATTRIBUTES {
        let what =
            format!("`attributes`: {} attributes; expected at most {MAX_ATTRIBUTES}", attributes.len());
        let hint = format!("a thing without a type has three, and `{OWNER}` is one of them");
        reader.error(&table.span, what).hint = Some(hint);
    }
    attributes
}

fn expected<'d>(
    reader: &mut Reader<'d>,
    table: &Table<'d>,
    property: &Property,
    files: &mut Vec<String>,
) -> Option<Expected> {
    let text = reader.required(table, property)?;
    match Source::parse(&text.value) {
        Some(Source::Anyone) => Some(Expected::Anyone),
        Some(Source::Table(name)) => Some(Expected::Table(name)),
        Some(Source::List(file)) => list(reader, &file, &text, files).map(Expected::List),
        None => {
            let what = format!(
                "`expected`: invalid value \"{}\"; expected `anyone`, `list:FILE` or `dynamodb:TABLE`",
                text.value
            );
            reader.error(&text.span, what);
            None
        }
    }
}

/// Reads a list. Its errors name the list and its lines.
fn list(reader: &mut Reader<'_>, file: &str, text: &Located, files: &mut Vec<String>) -> Option<DeviceList> {
    files.push(file.to_owned());
    let content = match std::fs::read_to_string(reader.folder.join(file)) {
        Ok(content) => content,
        Err(error) => {
            reader.error(&text.span, format!("`expected`: cannot read {file}: {error}"));
            return None;
        }
    };
    let list = DeviceList::parse(&content);
    list.map_err(|errors| {
        for error in errors {
            let place = ErrorPlace::Line { line: error.line, span: None };
            reader.errors.push(ConfigError::at(file, place, error.what));
        }
    })
    .ok()
}
