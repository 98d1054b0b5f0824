//! Parameters of a query or a form.

use std::collections::HashMap;

/// Parameters by name. Parameters without a value count as missing (RFC 6749, section 3.1).
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Parses `application/x-www-form-urlencoded`. Returns `None` if a parameter occurs twice, which RFC 6749, section
    /// 3.1, forbids: two readers could each use another value.
    pub(super) fn parse(encoded: &[u8]) -> Option<Self> {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return None;
            }
        }
        parameters.retain(|_, value| !value.is_empty());
        Some(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
