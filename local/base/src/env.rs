//! The environment variables, read once by the shell of the program and passed on as a value.

use std::collections::BTreeMap;
use std::fmt;

/// Environment variables by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// Reads the environment of this process. Variables that are not UTF-8 are skipped: no setting needs them.
    #[must_use]
    pub fn from_process() -> Self {
        let variables = std::env::vars_os();
        variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// Returns the value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns [`Env::get`] as a closure, for readers that take one.
    pub fn lookup(&self) -> impl Fn(&str) -> Option<String> {
        |name| self.0.get(name).cloned()
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Returns these variables with `overrides` added. A value of `overrides` replaces one of the same name.
    #[must_use]
    pub fn with(mut self, overrides: Self) -> Self {
        self.0.extend(overrides.0);
        self
    }

    /// Iterates over names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Env {
    /// If a name occurs twice, the last value counts.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(variables: [(&str, &str); N]) -> Self {
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect()
    }
}

/// Prints only the names: values may be secrets.
impl fmt::Debug for Env {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_variable_counts() {
        let env = Env::from([("A", "1"), ("B", "2")]).with(Env::from([("B", "3"), ("C", "4")]));
        assert_eq!(env.iter().collect::<Vec<_>>(), [("A", "1"), ("B", "3"), ("C", "4")]);
        assert_eq!((env.get("B"), env.lookup()("B").as_deref(), env.get("D")), (Some("3"), Some("3"), None));
    }

    #[test]
    fn debug_output_has_no_values() {
        assert_eq!(format!("{:?}", Env::from([("TOKEN", "hunter2")])), "{\"TOKEN\"}");
    }
}
