//! The functions of a template: `Ref`, `Fn::Join`, `Fn::Select`, `Fn::FindInMap`, `Fn::Split`, `Fn::Sub`.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/provision-template.html#intrinsic-functions>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::{TemplateError, element, member};
use super::kind::TemplateKind;
use super::mappings::Mappings;
use super::parameters::CERTIFICATE_ID;
use super::substitution::{self, Segment};

const FUNCTIONS: &str = "Ref, Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split, Fn::Sub";

/// A value of a template, before its evaluation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// A text, number, boolean or null.
    Literal(Value),
    List(Vec<Expression>),
    Object(Vec<(String, Expression)>),
    /// `Ref`: a parameter.
    Reference(String),
    Join {
        delimiter: String,
        values: Box<Expression>,
    },
    Select {
        index: Box<Expression>,
        values: Box<Expression>,
    },
    FindInMap {
        map: Box<Expression>,
        key: Box<Expression>,
        name: Box<Expression>,
    },
    Split {
        delimiter: String,
        text: Box<Expression>,
    },
    Substitution {
        segments: Vec<Segment>,
        variables: BTreeMap<String, Expression>,
    },
}

/// What a place of a template takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    List,
    /// An element of a list: any value, null too.
    Element,
    /// A policy document or a part of it: any JSON.
    Json,
}

/// Reads expressions and collects their errors.
pub(super) struct ExpressionReader<'a> {
    pub(super) kind: TemplateKind,
    /// The declared parameters.
    pub(super) parameters: &'a BTreeSet<String>,
    pub(super) mappings: &'a Mappings,
    pub(super) errors: Vec<TemplateError>,
    /// The functions in use, besides `Ref`.
    pub(super) functions: BTreeSet<&'static str>,
}

impl ExpressionReader<'_> {
    /// Reads the value of a place. Returns nothing after an error.
    pub(super) fn read(&mut self, value: &Value, place: &str, shape: Shape) -> Option<Expression> {
        let expression = match value {
            Value::Object(object) => match object.iter().find(|(name, _)| is_function(name)) {
                Some((name, argument)) if object.len() == 1 => self.function(name, argument, place)?,
                Some((name, _)) => return self.error(place, format!("{name} must be the only member")),
                None if shape == Shape::Json => Expression::Object(self.members(object, place)?),
                None => return self.error(place, format!("expected {}", shape.expected())),
            },
            Value::Array(list) => {
                let inner = if shape == Shape::Json { Shape::Json } else { Shape::Element };
                let read = (0..).zip(list).map(|(i, value)| self.read(value, &element(place, i), inner));
                Expression::List(all(read.collect::<Vec<_>>())?)
            }
            literal => Expression::Literal(literal.clone()),
        };
        if expression.can_be(shape) {
            Some(expression)
        } else {
            self.error(place, format!("expected {}", shape.expected()))
        }
    }

    /// Records an error of a place.
    pub(super) fn error<T>(&mut self, place: &str, what: impl Into<String>) -> Option<T> {
        self.errors.push(TemplateError::new(place, what));
        None
    }

    fn members(
        &mut self,
        object: &serde_json::Map<String, Value>,
        place: &str,
    ) -> Option<Vec<(String, Expression)>> {
        let read = object.iter().map(|(name, value)| {
            self.read(value, &member(place, name), Shape::Json).map(|value| (name.clone(), value))
        });
        all(read.collect::<Vec<_>>())
    }

    fn function(&mut self, name: &str, argument: &Value, place: &str) -> Option<Expression> {
        let place = &member(place, name);
        match name {
            "Ref" => self.reference(argument, place),
            "Fn::Join" => {
                let [delimiter, values] = self.arguments("Fn::Join", argument, place)?;
                let delimiter = self.literal_text(delimiter, &element(place, 0));
                let values = self.read(values, &element(place, 1), Shape::List);
                Some(Expression::Join { delimiter: delimiter?, values: Box::new(values?) })
            }
            "Fn::Select" => {
                let [index, values] = self.arguments("Fn::Select", argument, place)?;
                let index = self.index(index, &element(place, 0));
                let values = self.read(values, &element(place, 1), Shape::List);
                Some(Expression::Select { index: Box::new(index?), values: Box::new(values?) })
            }
            "Fn::Split" => {
                let [delimiter, text] = self.arguments("Fn::Split", argument, place)?;
                let delimiter = self.literal_text(delimiter, &element(place, 0));
                let text = self.read(text, &element(place, 1), Shape::Text);
                match delimiter? {
                    empty if empty.is_empty() => self.error(&element(place, 0), "the delimiter is empty"),
                    delimiter => Some(Expression::Split { delimiter, text: Box::new(text?) }),
                }
            }
            "Fn::FindInMap" => self.find_in_map(argument, place),
            "Fn::Sub" => self.substitution(argument, place),
            _ => self.error(place, format!("unknown function; expected one of {FUNCTIONS}")),
        }
    }

    fn reference(&mut self, argument: &Value, place: &str) -> Option<Expression> {
        let Some(name) = argument.as_str() else {
            return self.error(place, "expected the name of a parameter");
        };
        if self.is_parameter(name) {
            Some(Expression::Reference(name.to_owned()))
        } else {
            self.error(place, format!("parameter {name:?} is not declared in Parameters"))
        }
    }

    /// The certificate's own id needs no declaration: AWS's example for fleet provisioning declares none.
    fn is_parameter(&self, name: &str) -> bool {
        self.parameters.contains(name) || (self.kind.is_for_own_certificate() && name == CERTIFICATE_ID)
    }

    fn find_in_map(&mut self, argument: &Value, place: &str) -> Option<Expression> {
        let [map, key, name] = self.arguments("Fn::FindInMap", argument, place)?;
        if let Some(known) = map.as_str().filter(|map| !self.mappings.has(map)) {
            return self.error(&element(place, 0), format!("Mappings has no map {known:?}"));
        }
        let map = self.read(map, &element(place, 0), Shape::Text);
        let key = self.read(key, &element(place, 1), Shape::Text);
        let name = self.read(name, &element(place, 2), Shape::Text);
        Some(Expression::FindInMap { map: Box::new(map?), key: Box::new(key?), name: Box::new(name?) })
    }

    fn substitution(&mut self, argument: &Value, place: &str) -> Option<Expression> {
        self.functions.insert("Fn::Sub");
        let (text, given) = match argument {
            Value::String(text) => (text, None),
            Value::Array(list) => match list.as_slice() {
                [Value::String(text), Value::Object(given)] => (text, Some(given)),
                _ => return self.error(place, "expected a text, or a list of a text and an object"),
            },
            _ => return self.error(place, "expected a text, or a list of a text and an object"),
        };
        let segments = match substitution::parse(text) {
            Ok(segments) => segments,
            Err(what) => return self.error(place, what),
        };
        let mut variables = BTreeMap::new();
        for (name, value) in given.into_iter().flatten() {
            let place = member(&element(place, 1), name);
            variables.insert(name.clone(), self.read(value, &place, Shape::Text)?);
        }
        for segment in &segments {
            if let Segment::Variable(name) = segment
                && !variables.contains_key(name)
                && !self.is_parameter(name)
            {
                return self.error(
                    place,
                    format!(
                        "variable {name:?} is neither a parameter nor given; write ${{!{name}}} to keep the text"
                    ),
                );
            }
        }
        Some(Expression::Substitution { segments, variables })
    }

    fn index(&mut self, value: &Value, place: &str) -> Option<Expression> {
        match value {
            Value::Number(number) if number.as_u64().is_some() => Some(Expression::Literal(value.clone())),
            Value::Number(_) => self.error(place, "expected an index: 0 or more"),
            _ => self.read(value, place, Shape::Text),
        }
    }

    fn literal_text(&mut self, value: &Value, place: &str) -> Option<String> {
        match value.as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.error(place, "expected a text without functions"),
        }
    }

    fn arguments<'a, const N: usize>(
        &mut self,
        function: &'static str,
        argument: &'a Value,
        place: &str,
    ) -> Option<[&'a Value; N]> {
        self.functions.insert(function);
        let list = argument.as_array().and_then(|list| <&[Value; N]>::try_from(list.as_slice()).ok());
        match list {
            Some(list) => Some(list.each_ref()),
            None => self.error(place, format!("expected a list of {N} elements")),
        }
    }
}

impl Expression {
    /// Returns whether the value is the same whatever the parameters are.
    pub(super) fn is_constant(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Reference(_) => false,
            Self::List(list) => list.iter().all(Self::is_constant),
            Self::Object(members) => members.iter().all(|(_, value)| value.is_constant()),
            Self::Join { values, .. } => values.is_constant(),
            Self::Select { index, values } => index.is_constant() && values.is_constant(),
            Self::FindInMap { map, key, name } => [map, key, name].iter().all(|part| part.is_constant()),
            Self::Split { text, .. } => text.is_constant(),
            Self::Substitution { segments, variables } => {
                // Each variable once: a nested one that is used twice would double the work on each level.
                let is_given = |name: &String| variables.contains_key(name);
                segments.iter().all(|segment| match segment {
                    Segment::Text(_) => true,
                    Segment::Variable(name) => is_given(name),
                }) && variables.values().all(Self::is_constant)
            }
        }
    }

    /// `Fn::Select` and `Fn::FindInMap` may give anything; their evaluation decides.
    fn can_be(&self, shape: Shape) -> bool {
        match self {
            Self::Select { .. } | Self::FindInMap { .. } => true,
            Self::Reference(_) | Self::Join { .. } | Self::Substitution { .. } => shape != Shape::List,
            Self::Literal(value) => match shape {
                Shape::Text => value.is_string(),
                Shape::List => false,
                Shape::Element | Shape::Json => true,
            },
            Self::List(_) | Self::Split { .. } => shape != Shape::Text,
            Self::Object(_) => shape == Shape::Json,
        }
    }
}

impl Shape {
    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text or a function that returns one",
            Self::List => "a list or a function that returns one",
            Self::Element => "a text, a list or a function",
            Self::Json => "JSON",
        }
    }
}

/// A single colon is a frequent error; AWS's pages have it, too.
fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn:")
}

/// All values, unless one is missing. Takes them read already, so that all errors are recorded.
fn all<T>(values: Vec<Option<T>>) -> Option<Vec<T>> {
    values.into_iter().collect()
}
