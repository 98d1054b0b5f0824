//! Rules that give an identity a role by a claim of its login.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html>

use serde_json::{Map, Value};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingRule {
    /// The claim's name.
    pub claim: String,
    /// How the claim is compared.
    pub comparison: Comparison,
    /// The text to compare with.
    pub value: String,
    /// The role's name.
    pub role: String,
}

/// How a rule compares a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The claim is the text.
    Equals,
    /// The text is a part of the claim, or an item of it if it is a list.
    Contains,
    /// The claim starts with the text.
    StartsWith,
    /// The claim is present and is another text.
    NotEqual,
}

impl Comparison {
    /// All comparisons.
    pub const ALL: [Self; 4] = [Self::Equals, Self::Contains, Self::StartsWith, Self::NotEqual];

    /// Returns the name in `local.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::NotEqual => "not_equal",
        }
    }
}

impl MappingRule {
    /// Whether the rule matches. A claim that is absent or an object matches no rule, a list only `contains`.
    pub(super) fn matches(&self, claims: &Map<String, Value>) -> bool {
        let text = match claims.get(&self.claim) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(Value::Array(items)) => {
                let is_item = || items.iter().any(|item| item == self.value.as_str());
                return self.comparison == Comparison::Contains && is_item();
            }
            Some(Value::Null | Value::Object(_)) | None => return false,
        };
        match self.comparison {
            Comparison::Equals => text == self.value,
            Comparison::Contains => text.contains(&self.value),
            Comparison::StartsWith => text.starts_with(&self.value),
            Comparison::NotEqual => text != self.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_compares_one_claim() {
        use Comparison::{Contains, Equals, NotEqual, StartsWith};
        for (comparison, value, claim, expected) in [
            (Equals, "operator", json!("operator"), true),
            (Equals, "operator", json!("Operator"), false),
            (Equals, "operator", json!("operators"), false),
            (Equals, "operator", json!(["operator"]), false),
            (Equals, "operator", json!({ "operator": 1 }), false),
            (Equals, "7", json!(7), true),
            (Equals, "true", json!(true), true),
            (Equals, "null", Value::Null, false),
            (Equals, "", json!(""), true),
            (Contains, "pera", json!("operator"), true),
            (Contains, "pera", json!("admin"), false),
            (Contains, "operator", json!(["user", "operator"]), true),
            (Contains, "pera", json!(["user", "operator"]), false),
            (Contains, "7", json!([7]), false),
            (Contains, "operator", json!([]), false),
            (StartsWith, "op", json!("operator"), true),
            (StartsWith, "op", json!("top"), false),
            (StartsWith, "op", json!(["operator"]), false),
            (NotEqual, "user", json!("operator"), true),
            (NotEqual, "user", json!("user"), false),
            (NotEqual, "user", json!(["operator"]), false),
            (NotEqual, "user", Value::Null, false),
        ] {
            let rule = MappingRule {
                claim: "role".to_owned(),
                comparison,
                value: value.to_owned(),
                role: "operator".to_owned(),
            };
            let claims = Map::from_iter([("role".to_owned(), claim.clone())]);
            assert_eq!(rule.matches(&claims), expected, "{comparison:?} {value} {claim}");
            assert!(!rule.matches(&Map::new()), "{comparison:?} {value}");
            assert!(!rule.matches(&Map::from_iter([("Role".to_owned(), claim)])), "{comparison:?} {value}");
        }
    }
}
