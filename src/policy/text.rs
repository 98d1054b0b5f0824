//! Text with variables: resources, condition values and client ids, parsed once at start.

use crate::slots::{Slot, is_id};

/// Nearly all texts have fewer.
const MOST_PARTS: usize = 8;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Itself. AWS's own variables are among these: they pass through untouched.
    Literal(Box<str>),
    /// The slot of that index in `[claims]`.
    Slot(usize),
    /// The client id, once it has been admitted.
    ClientId,
    /// The issuer's short name.
    Issuer,
    /// The function's partition.
    Partition,
    /// The function's Region.
    Region,
    /// The function's account.
    Account,
}

/// A text, taken apart. Values are put between its parts and never read again, so none can become a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// In order; no two literals side by side.
    pub parts: Vec<Part>,
}

/// What a text may refer to, and where the text stands.
#[derive(Clone, Copy)]
pub struct Vocabulary<'a> {
    /// `[claims]`.
    pub slots: &'a [Slot],
    /// The environment, for `${env:NAME}`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the text is a policy's: client ids know neither the client id nor AWS.
    pub in_policy: bool,
}

/// AWS IoT's own variables that a policy may use.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-variables.html>
const AWS_VARIABLES: [&str; 5] = [
    "iot:ClientId",
    "iot:Connection.Thing.ThingName",
    "iot:Connection.Thing.ThingTypeName",
    "iot:Connection.Thing.IsAttached",
    "aws:SourceIp",
];

impl Text {
    /// Parses a text. All faults are reported, each with its hint.
    ///
    /// # Errors
    /// Unknown variables, unclosed ones, a slot that does not fill its level, more than one list slot.
    pub fn parse(text: &str, vocabulary: Vocabulary<'_>) -> Result<Self, Vec<String>> {
        let mut parsed = Self { parts: Vec::with_capacity(MOST_PARTS) };
        let mut faults = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = at_variable(rest) {
            parsed.push_literal(before);
            let Some((name, after)) = after.split_once('}') else {
                faults.push("has a `${` without its `}`".to_owned());
                break;
            };
            match vocabulary.resolve(name) {
                Ok(part) => parsed.push(part),
                Err(fault) => faults.push(fault),
            }
            rest = after;
        }
        parsed.push_literal(rest);
        if faults.is_empty() {
            parsed.check_levels(vocabulary.slots, &mut faults);
        }
        if faults.is_empty() { Ok(parsed) } else { Err(faults) }
    }

    /// Whether the text names a thing or a certificate, which plain custom authentication does not have.
    #[must_use]
    pub fn has_thing_variable(&self) -> bool {
        self.parts.iter().any(|part| {
            matches!(part, Part::Literal(text) if text.contains("${iot:Connection.Thing.") || text.contains("${iot:Certificate."))
        })
    }

    fn push(&mut self, part: Part) {
        match part {
            Part::Literal(text) => self.push_literal(&text),
            other => self.parts.push(other),
        }
    }

    fn push_literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Part::Literal(last)) = self.parts.last_mut() {
            *last = format!("{last}{text}").into();
        } else {
            self.parts.push(Part::Literal(text.into()));
        }
    }

    /// A value of unknown length beside other text would make `a` + `bc` and `ab` + `c` one. From slash to slash there is no such doubt.
    fn check_levels(&self, slots: &[Slot], faults: &mut Vec<String>) {
        let ends_level = |part: Option<&Part>, at_start: bool| match part {
            None => true,
            Some(Part::Literal(text)) if at_start => text.ends_with('/'),
            Some(Part::Literal(text)) => text.starts_with('/'),
            Some(_) => false,
        };
        let mut lists = 0_usize;
        for (at, part) in self.parts.iter().enumerate() {
            let (name, fixed) = match part {
                Part::Slot(index) => match slots.get(*index) {
                    Some(slot) => {
                        lists = lists.saturating_add(usize::from(slot.list));
                        (&*slot.name, slot.kind.is_fixed_length())
                    }
                    None => continue,
                },
                Part::ClientId => ("mqtt:client_id", false),
                _ => continue,
            };
            let before = at.checked_sub(1).and_then(|at| self.parts.get(at));
            let after = self.parts.get(at.saturating_add(1));
            let fills_level = ends_level(before, true) && ends_level(after, false);
            if !fixed && !fills_level {
                faults.push(format!(
                    "has `${{{name}}}` beside other text in one level: let it fill the level from slash to slash, or give the \
                     slot the type `uuid` or `hash`"
                ));
            }
        }
        if lists > 1 {
            faults.push("has more than one list slot: write one resource for each".to_owned());
        }
    }
}

/// What stands before and after the first `${`.
pub(crate) fn at_variable(text: &str) -> Option<(&str, &str)> {
    // By its first character: to search for two costs a table for each text.
    text.match_indices('$').find_map(|(at, _)| {
        let (before, after) = text.split_at_checked(at)?;
        Some((before, after.strip_prefix("${")?))
    })
}

impl Vocabulary<'_> {
    fn resolve(self, name: &str) -> Result<Part, String> {
        match name {
            "issuer:id" => return Ok(Part::Issuer),
            "mqtt:client_id" if self.in_policy => return Ok(Part::ClientId),
            "aws:partition" if self.in_policy => return Ok(Part::Partition),
            "aws:region" if self.in_policy => return Ok(Part::Region),
            "aws:account" if self.in_policy => return Ok(Part::Account),
            _ => {}
        }
        if let Some(variable) = name.strip_prefix("env:") {
            return self.variable(variable);
        }
        if let Some(index) = self.slots.iter().position(|slot| *slot.name == *name) {
            return Ok(Part::Slot(index));
        }
        if self.in_policy && is_aws_variable(name) {
            return Ok(Part::Literal(format!("${{{name}}}").into()));
        }
        Err(if name.contains(':') {
            format!("has `${{{name}}}`, which is no variable here")
        } else {
            format!("has `${{{name}}}`, which is no slot: declare it under `[claims]`")
        })
    }

    /// A variable of the environment is text, and cannot bring variables along.
    fn variable(self, name: &str) -> Result<Part, String> {
        let value =
            (self.environment)(name).ok_or_else(|| format!("has `${{env:{name}}}`, which is not set"))?;
        if value.is_empty() || value.contains(['$', '{', '}', '"']) || value.chars().any(char::is_control) {
            return Err(format!(
                "has `${{env:{name}}}`, which is set to something that does not belong in a policy"
            ));
        }
        Ok(Part::Literal(value.into()))
    }
}

fn is_aws_variable(name: &str) -> bool {
    let attribute = |name: &str| {
        let key = name.strip_prefix("iot:Connection.Thing.Attributes[")?.strip_suffix(']')?;
        Some(is_id(key))
    };
    let certificate = |name: &str| {
        let field = name.strip_prefix("iot:Certificate.")?;
        Some(
            !field.is_empty()
                && field
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'[' | b']')),
        )
    };
    AWS_VARIABLES.contains(&name) || attribute(name) == Some(true) || certificate(name) == Some(true)
}
