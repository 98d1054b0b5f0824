//! Text with variables, as resources, condition values and client ids have it. Parsed once at start.
//!
//! A parsed text is a list of segments. Filling puts values between them and never reads the result again, so no value
//! can become a variable: INVARIANT (data is never syntax).

use std::fmt::Write;

use crate::config_error::UnknownName;
use crate::slots::{Slot, is_id};

/// A text, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateText {
    /// In order. No two literals are adjacent.
    pub segments: Vec<Segment>,
}

/// A segment of a text: literal text, or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Literal text. AWS's own variables are literal, since AWS IoT fills them.
    Literal(Box<str>),
    /// The slot at this index in `[claims]`.
    Slot(usize),
    /// The client id, once it is admitted.
    ClientId,
    /// The issuer's short name.
    Issuer,
    /// The partition of the function's ARN.
    Partition,
    /// The Region of the function's ARN.
    Region,
    /// The account of the function's ARN.
    Account,
}

/// What a text may refer to, and what the text is for.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// `[claims]`.
    pub slots: &'a [Slot],
    /// The environment, for `${env:NAME}`.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the text is in a policy. In a pattern of client ids there is no client id yet, and AWS fills nothing.
    pub in_policy: bool,
}

/// Why a text cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// What is wrong.
    pub what: String,
    /// What to do, where that is not plain.
    pub hint: Option<&'static str>,
    /// The unknown variable that the error is about, with the known ones.
    pub unknown: Option<Box<UnknownName>>,
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

/// The variables that this function fills, apart from slots and the environment.
const VARIABLES: [(&str, Segment); 5] = [
    ("issuer:id", Segment::Issuer),
    ("mqtt:client_id", Segment::ClientId),
    ("aws:partition", Segment::Partition),
    ("aws:region", Segment::Region),
    ("aws:account", Segment::Account),
];

impl TemplateText {
    /// Parses a text.
    ///
    /// # Errors
    /// All errors of the text: unknown and unclosed variables, a slot that does not fill its level, a second list slot.
    pub fn parse(text: &str, scope: Scope<'_>) -> Result<Self, Vec<TextError>> {
        let mut parsed = Self::default();
        let mut errors = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            parsed.push(Segment::Literal(before.into()));
            let Some((name, after)) = after.split_once('}') else {
                errors.push(TextError::new("`${` without `}`"));
                break;
            };
            match scope.resolve(name) {
                Ok(segment) => parsed.push(segment),
                Err(error) => errors.push(error),
            }
            rest = after;
        }
        parsed.push(Segment::Literal(rest.into()));
        if errors.is_empty() {
            parsed.check_levels(scope.slots, &mut errors);
        }
        if errors.is_empty() { Ok(parsed) } else { Err(errors) }
    }

    /// The text as the configuration writes it; variables of the environment are already filled.
    #[must_use]
    pub fn source(&self, slots: &[Slot]) -> String {
        let mut source = String::new();
        for segment in &self.segments {
            let name = match segment {
                Segment::Literal(text) => {
                    source.push_str(text);
                    continue;
                }
                Segment::Slot(index) => slots.get(*index).map_or("", |slot| &*slot.name),
                variable => {
                    VARIABLES.iter().find(|(_, known)| known == variable).map_or("", |(name, _)| *name)
                }
            };
            let _ = write!(source, "${{{name}}}");
        }
        source
    }

    /// Whether the text uses a thing or a certificate variable. Plain custom authentication fills neither.
    #[must_use]
    pub fn has_thing_variable(&self) -> bool {
        let is_thing =
            |text: &str| text.contains("${iot:Connection.Thing.") || text.contains("${iot:Certificate.");
        self.segments.iter().any(|segment| matches!(segment, Segment::Literal(text) if is_thing(text)))
    }

    /// Whether the text uses AWS IoT's own variable of the client id, which an HTTPS publish does not have.
    #[must_use]
    pub fn has_client_id_variable(&self) -> bool {
        let has_variable = |text: &str| text.contains("${iot:ClientId}");
        self.segments.iter().any(|segment| matches!(segment, Segment::Literal(text) if has_variable(text)))
    }

    fn push(&mut self, segment: Segment) {
        match (segment, self.segments.last_mut()) {
            (Segment::Literal(text), _) if text.is_empty() => {}
            (Segment::Literal(text), Some(Segment::Literal(last))) => {
                *last = [&**last, &*text].concat().into();
            }
            (segment, _) => self.segments.push(segment),
        }
    }

    /// Checks that each value of variable length fills its level from slash to slash, and that there is one list slot
    /// at most.
    ///
    /// Next to other text such values would be ambiguous: `a` + `bc` equals `ab` + `c`. INVARIANT (a slot fills its
    /// level).
    fn check_levels(&self, slots: &[Slot], errors: &mut Vec<TextError>) {
        let mut lists = 0_usize;
        for (index, segment) in self.segments.iter().enumerate() {
            let (name, is_fixed) = match segment {
                Segment::Slot(slot) => {
                    let Some(slot) = slots.get(*slot) else { continue };
                    lists = lists.saturating_add(usize::from(slot.list));
                    (&*slot.name, slot.slot_type.fixed_length().is_some())
                }
                Segment::ClientId => ("mqtt:client_id", false),
                _ => continue,
            };
            if !is_fixed && !self.fills_level(index) {
                let what = format!("`${{{name}}}` has other text next to it in its level");
                let hint =
                    "let it fill the level from slash to slash, or give the slot the type `uuid` or `hash`";
                errors.push(TextError::new(what).hint(hint));
            }
        }
        if lists > 1 {
            errors.push(TextError::new("more than one list slot").hint("write one resource for each"));
        }
    }

    /// Whether the neighbours of a segment end at a slash.
    fn fills_level(&self, index: usize) -> bool {
        let before = index.checked_sub(1).and_then(|before| self.segments.get(before));
        let after = self.segments.get(index.saturating_add(1));
        let ends = |segment: Option<&Segment>, ends: fn(&str) -> bool| match segment {
            None => true,
            Some(Segment::Literal(text)) => ends(text),
            Some(_) => false,
        };
        ends(before, |text| text.ends_with('/')) && ends(after, |text| text.starts_with('/'))
    }
}

impl Scope<'_> {
    fn resolve(self, name: &str) -> Result<Segment, TextError> {
        if let Some((_, segment)) = VARIABLES.iter().find(|(known, _)| *known == name)
            && (self.in_policy || *segment == Segment::Issuer)
        {
            return Ok(segment.clone());
        }
        if let Some(variable) = name.strip_prefix("env:") {
            return self.environment_variable(variable);
        }
        if let Some(index) = self.slots.iter().position(|slot| *slot.name == *name) {
            return Ok(Segment::Slot(index));
        }
        if self.in_policy && is_aws_variable(name) {
            return Ok(Segment::Literal(format!("${{{name}}}").into()));
        }
        let error = if name.contains(':') {
            TextError::new(format!("unknown variable `${{{name}}}`"))
        } else {
            TextError::new(format!("unknown slot `${{{name}}}`")).hint("declare it under `[claims]`")
        };
        Err(TextError { unknown: Some(Box::new(UnknownName::new(name, self.names()))), ..error })
    }

    /// The names that may be variables here, apart from `env:NAME` and the attributes of things and certificates.
    fn names(self) -> impl Iterator<Item = String> {
        let in_policy = self.in_policy;
        let own = VARIABLES.iter().filter(move |(_, segment)| in_policy || *segment == Segment::Issuer);
        let aws = AWS_VARIABLES.iter().filter(move |_| in_policy);
        let slots = self.slots.iter().map(|slot| slot.name.to_string());
        slots.chain(own.map(|(name, _)| *name).chain(aws.copied()).map(str::to_owned))
    }

    /// A variable of the environment becomes literal text, so its value must not contain variables.
    fn environment_variable(self, name: &str) -> Result<Segment, TextError> {
        let value = (self.environment)(name)
            .ok_or_else(|| TextError::new(format!("environment variable `{name}` is not set")))?;
        if value.is_empty() || value.contains(['$', '{', '}', '"']) || value.chars().any(char::is_control) {
            let what = format!("the value of environment variable `{name}` is not allowed here");
            return Err(TextError::new(what)
                .hint("it may not be empty or contain `$`, `{`, `}`, `\"` or control characters"));
        }
        Ok(Segment::Literal(value.into()))
    }
}

impl TextError {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, unknown: None }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// The slots that a text or several texts use, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsedSlots(Vec<usize>);

impl UsedSlots {
    /// The slots of these texts.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t TemplateText>) -> Self {
        let mut used = Self::default();
        for segment in texts.into_iter().flat_map(|text| &text.segments) {
            if let Segment::Slot(index) = segment
                && !used.contains(*index)
            {
                used.0.push(*index);
            }
        }
        used
    }

    /// Whether the slot at `index` is used.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.0.contains(&index)
    }
}

fn is_aws_variable(name: &str) -> bool {
    let attribute =
        || name.strip_prefix("iot:Connection.Thing.Attributes[").and_then(|rest| rest.strip_suffix(']'));
    let is_field = |field: &str| {
        !field.is_empty()
            && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'[' | b']'))
    };
    AWS_VARIABLES.contains(&name)
        || attribute().is_some_and(is_id)
        || name.strip_prefix("iot:Certificate.").is_some_and(is_field)
}
