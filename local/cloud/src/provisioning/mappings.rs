//! The section `Mappings`: two levels of names, and texts. It holds no functions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{TemplateError, member};

/// The maps of a template.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Mappings(BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>);

impl Mappings {
    /// Parses the section.
    pub(super) fn parse(section: &Value, errors: &mut Vec<TemplateError>) -> Self {
        let mut maps = BTreeMap::new();
        for (name, map) in objects(section, "Mappings", errors) {
            let place = member("Mappings", name);
            let mut keys = BTreeMap::new();
            for (key, values) in objects(map, &place, errors) {
                let place = member(&place, key);
                keys.insert(key.clone(), values_of(values, &place, errors));
            }
            maps.insert(name.clone(), keys);
        }
        Self(maps)
    }

    /// Returns whether there is a map of this name.
    pub(super) fn has(&self, map: &str) -> bool {
        self.0.contains_key(map)
    }

    /// Returns a value: a text or a list of texts.
    ///
    /// # Errors
    /// Which of the three names is unknown.
    pub(super) fn find(&self, map: &str, key: &str, name: &str) -> Result<&Value, String> {
        let keys = self.0.get(map).ok_or_else(|| format!("Mappings has no map {map:?}"))?;
        let values = keys.get(key).ok_or_else(|| format!("Mappings.{map} has no key {key:?}"))?;
        values.get(name).ok_or_else(|| format!("Mappings.{map}.{key} has no name {name:?}"))
    }
}

fn values_of(values: &Value, place: &str, errors: &mut Vec<TemplateError>) -> BTreeMap<String, Value> {
    let mut result = BTreeMap::new();
    for (name, value) in objects(values, place, errors) {
        let is_text_list = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
        if value.is_string() || is_text_list {
            result.insert(name.clone(), value.clone());
        } else {
            errors.push(TemplateError::new(
                member(place, name),
                "expected a text or a list of texts; Mappings holds no functions",
            ));
        }
    }
    result
}

fn objects<'a>(
    value: &'a Value,
    place: &str,
    errors: &mut Vec<TemplateError>,
) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    if !value.is_object() {
        errors.push(TemplateError::new(place, "expected an object"));
    }
    value.as_object().into_iter().flatten()
}
