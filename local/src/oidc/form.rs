//! Parameters of a query or a form.

use std::collections::HashMap;

/// Parameters by name. Those without a value count as absent (RFC 6749, section 3.1).
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`. None if a parameter stands there twice, which RFC 6749, section 3.1,
    /// forbids: two readers could each believe another.
    pub(super) fn read(encoded: &[u8]) -> Option<Self> {
        let mut known = HashMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if known.insert(name.into_owned(), value.into_owned()).is_some() {
                return None;
            }
        }
        known.retain(|_, value| !value.is_empty());
        Some(Self(known))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
