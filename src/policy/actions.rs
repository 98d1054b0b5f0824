//! What a statement is about.

/// `iot:Publish` and so on, and how JSON has them: that is asked for with every token, and does not depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    names: Vec<Box<str>>,
    text: Box<str>,
}

impl Actions {
    /// In the order in which they first come, each once: sets are compared by their sizes. AWS's names have nothing that JSON escapes.
    #[must_use]
    pub fn of<'n>(all: impl IntoIterator<Item = &'n str>) -> Self {
        let mut names: Vec<Box<str>> = Vec::with_capacity(2);
        for name in all {
            if !names.iter().any(|own| **own == *name) {
                names.push(name.into());
            }
        }
        let text = match &*names {
            [one] => ["\"", one, "\""].concat(),
            several => ["[\"", &several.join(r#"",""#), "\"]"].concat(),
        };
        Self { names, text: text.into() }
    }

    /// In order, each once.
    #[must_use]
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// As a member's value: one stands alone, several are a list.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether both are about the same, in whatever order.
    #[must_use]
    pub fn are_those_of(&self, other: &Self) -> bool {
        self.names.len() == other.names.len() && self.names.iter().all(|name| other.names.contains(name))
    }

    /// Those of both: these first, then what is not among them.
    #[must_use]
    pub fn with(&self, more: &Self) -> Self {
        Self::of(self.names.iter().chain(&more.names).map(|name| &**name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(names: &[&str]) -> Actions {
        Actions::of(names.iter().copied())
    }

    #[test]
    fn one_stands_alone_and_several_are_a_list() {
        assert_eq!(actions(&["iot:Connect"]).text(), r#""iot:Connect""#);
        assert_eq!(actions(&["iot:Publish", "iot:Receive"]).text(), r#"["iot:Publish","iot:Receive"]"#);
    }

    #[test]
    fn sets_have_no_order_and_nothing_twice() {
        let (one, two) = (actions(&["iot:Publish", "iot:Receive"]), actions(&["iot:Receive", "iot:Publish"]));
        assert!(one.are_those_of(&two));
        assert_eq!(actions(&["iot:Publish", "iot:Publish"]), actions(&["iot:Publish"]));
        assert!(!one.are_those_of(&actions(&["iot:Publish"])));
        assert!(!one.are_those_of(&actions(&["iot:Publish", "iot:Connect"])));
        assert_eq!(one.with(&two), one);
        assert_eq!(
            one.with(&actions(&["iot:Connect"])),
            actions(&["iot:Publish", "iot:Receive", "iot:Connect"])
        );
    }
}
