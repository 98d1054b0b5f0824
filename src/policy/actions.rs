//! The actions of a statement.

/// A set of action names, such as `iot:Publish`, and their JSON, serialised once at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    names: Vec<Box<str>>,
    json: Box<str>,
}

impl Actions {
    /// The distinct names, in the order of their first occurrence. AWS's names have no character that JSON escapes.
    #[must_use]
    pub fn of<'n>(actions: impl IntoIterator<Item = &'n str>) -> Self {
        let mut names: Vec<Box<str>> = Vec::with_capacity(2);
        for name in actions {
            if !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        }
        let json = match &*names {
            [name] => ["\"", name, "\""].concat(),
            names => ["[\"", &names.join(r#"",""#), "\"]"].concat(),
        };
        Self { names, json: json.into() }
    }

    /// The names, each once.
    #[must_use]
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The JSON value of a statement's `Action`: a string for one name, else a list.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Whether both sets have the same names, in any order. Names are distinct, so equal sizes and inclusion suffice.
    #[must_use]
    pub fn is_same_set(&self, other: &Self) -> bool {
        self.names.len() == other.names.len() && self.names.iter().all(|name| other.names.contains(name))
    }

    /// The union: these names first, then the other names of `other`.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of(self.names.iter().chain(&other.names).map(|name| &**name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(names: &[&str]) -> Actions {
        Actions::of(names.iter().copied())
    }

    #[test]
    fn one_action_is_a_string_and_several_are_a_list() {
        assert_eq!(actions(&["iot:Connect"]).json(), r#""iot:Connect""#);
        assert_eq!(actions(&["iot:Publish", "iot:Receive"]).json(), r#"["iot:Publish","iot:Receive"]"#);
    }

    #[test]
    fn sets_have_no_order_and_no_duplicates() {
        let (left, right) =
            (actions(&["iot:Publish", "iot:Receive"]), actions(&["iot:Receive", "iot:Publish"]));
        assert!(left.is_same_set(&right));
        assert_eq!(actions(&["iot:Publish", "iot:Publish"]), actions(&["iot:Publish"]));
        assert_eq!(
            left.names().iter().map(|name| &**name).collect::<Vec<_>>(),
            ["iot:Publish", "iot:Receive"]
        );
        assert!(!left.is_same_set(&actions(&["iot:Publish"])));
        assert!(!left.is_same_set(&actions(&["iot:Publish", "iot:Connect"])));
        assert_eq!(left.union(&right), left);
        assert_eq!(
            left.union(&actions(&["iot:Connect"])),
            actions(&["iot:Publish", "iot:Receive", "iot:Connect"])
        );
    }
}
