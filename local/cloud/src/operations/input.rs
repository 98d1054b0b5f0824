//! The input of an operation, and its typed readers. Each error names the member.

use serde_json::{Map, Value};

use crate::credentials::Caller;
use crate::error::ApiError;

/// What a request of an operation brings. Not `Debug`: it may hold a key.
#[derive(Clone, Default)]
pub(crate) struct Input {
    /// The labels of the path, by the names of the route, decoded.
    pub(crate) labels: Vec<(String, String)>,
    /// The query, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// The headers, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The members of the body. Empty without a body.
    pub(crate) body: Map<String, Value>,
    /// The whole body, for an operation whose body is not JSON. Empty for all others.
    pub(crate) raw_body: Vec<u8>,
    /// Who signed the request. Absent for a key that this gateway does not know, and without a signature.
    pub(crate) caller: Option<Caller>,
}

/// The path, the query and the headers.
impl Input {
    /// Returns a label of the path.
    pub(crate) fn label(&self, name: &str) -> Result<&str, ApiError> {
        find(&self.labels, name).ok_or_else(|| missing(name))
    }

    /// Returns a parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Returns a parameter of the query that must be there.
    pub(crate) fn required_query(&self, name: &str) -> Result<&str, ApiError> {
        self.query(name).ok_or_else(|| missing(name))
    }

    /// Returns a boolean parameter of the query.
    pub(crate) fn query_flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.query(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(expected(name, "true or false")),
        }
    }

    /// Returns an integer parameter of the query.
    pub(crate) fn query_integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| text.parse().map_err(|_| expected(name, "an integer"));
        self.query(name).map(parse).transpose()
    }

    /// Returns a header that must be there. The name is in lower case.
    pub(crate) fn required_header(&self, name: &str) -> Result<&str, ApiError> {
        find(&self.headers, name).filter(|value| !value.is_empty()).ok_or_else(|| missing(name))
    }
}

/// The body. A member that is null counts as absent.
impl Input {
    /// Returns a string.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        self.read(name, "a string", Value::as_str)
    }

    /// Returns a string that must be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// Returns a boolean.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.read(name, "a boolean", Value::as_bool)
    }

    /// Returns an integer.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.read(name, "an integer", Value::as_i64)
    }

    /// Returns an object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, ApiError> {
        self.read(name, "an object", Value::as_object)
    }

    /// Returns a list.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&Vec<Value>>, ApiError> {
        self.read(name, "a list", Value::as_array)
    }

    fn read<'a, T>(
        &'a self,
        name: &str,
        form: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let value = self.body.get(name).filter(|value| !value.is_null());
        value.map(|value| read(value).ok_or_else(|| expected(name, form))).transpose()
    }
}

/// The error of a missing member.
pub(crate) fn missing(name: &str) -> ApiError {
    ApiError::invalid(format!("{name} is missing"))
}

/// The error of a member with another form. It does not repeat the value, which may be a secret.
pub(crate) fn expected(name: &str, form: &str) -> ApiError {
    ApiError::invalid(format!("invalid {name}; expected {form}"))
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
