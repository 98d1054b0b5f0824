//! The grammar of a statement, over its words.

use serde_json::Value;
use winnow::combinator::{alt, cut_err, eof, opt, preceded, repeat, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{Stream, TokenSlice};
use winnow::token::any;

use super::lexer::{self, Token, TokenKind};
use super::{Comparison, Condition, Item, MAX_SQL_BYTES, Operand, Statement, filter};

/// The most opening parentheses of conditions and NOTs, which bounds how deep a condition nests.
const MAX_NESTING: usize = 64;

/// The words that are no attributes.
const RESERVED: [&str; 11] =
    ["SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "TRUE", "FALSE", "NULL", "CASE"];

const FUNCTIONS: [&str; 4] = ["topic", "clientid", "principal", "timestamp"];

/// Why a text is not a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SqlError {
    /// The word that does not fit, as written. Empty at the end of the statement.
    pub word: String,
    /// Index of the word's first byte.
    pub start: usize,
    /// What is wrong and what is expected.
    pub what: String,
}

/// The place of an error: how many words are left from the one that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unexpected {
    remaining: usize,
}

type Input<'a> = TokenSlice<'a, Token>;
type Parsed<T> = winnow::Result<T, ErrMode<Unexpected>>;

impl Statement {
    /// Parses a statement of at most 18 KiB.
    ///
    /// # Errors
    /// The first word that does not fit.
    pub fn parse(sql: &str) -> Result<Self, SqlError> {
        if sql.len() > MAX_SQL_BYTES {
            let what = format!("{} bytes; expected at most {MAX_SQL_BYTES}", sql.len());
            return Err(SqlError { word: String::new(), start: 0, what });
        }
        let tokens = lexer::tokens(sql);
        check_nesting(&tokens)?;
        let mut input = TokenSlice::new(&tokens);
        let parsed: Parsed<Self> = terminated(statement, eof).parse_next(&mut input);
        let statement = parsed.map_err(|error| {
            let remaining = error.into_inner().map_or(0, |error: Unexpected| error.remaining);
            describe(sql, &tokens, tokens.len().saturating_sub(remaining))
        })?;
        if let Err(what) = filter::check(&statement.filter) {
            let from = tokens.iter().position(|token| token.kind.is_word("FROM"));
            let token = from.and_then(|i| tokens.get(i.saturating_add(1)));
            let (word, start) = token.map_or((String::new(), 0), |token| (token.text.clone(), token.start));
            return Err(SqlError { word, start, what });
        }
        Ok(statement)
    }
}

impl Operand {
    /// Parses one value.
    ///
    /// # Errors
    /// The first word that does not fit.
    pub(super) fn parse(text: &str) -> Result<Self, SqlError> {
        let tokens = lexer::tokens(text);
        let mut input = TokenSlice::new(&tokens);
        let parsed: Parsed<Self> = terminated(operand, eof).parse_next(&mut input);
        parsed.map_err(|error| {
            let remaining = error.into_inner().map_or(0, |error: Unexpected| error.remaining);
            let i = tokens.len().saturating_sub(remaining);
            if i < tokens.len() {
                return describe(text, &tokens, i);
            }
            let what = "the expression ends too early; expected a name, a literal or a function".to_owned();
            SqlError { word: String::new(), start: text.len(), what }
        })
    }
}

fn check_nesting(tokens: &[Token]) -> Result<(), SqlError> {
    let nesting = tokens.iter().filter(|token| token.kind.is_word("NOT") || token.kind.is_symbol("("));
    match nesting.clone().nth(MAX_NESTING) {
        Some(token) => Err(SqlError {
            word: token.text.clone(),
            start: token.start,
            what: format!("more than {MAX_NESTING} parentheses and NOTs"),
        }),
        None => Ok(()),
    }
}

fn statement(input: &mut Input<'_>) -> Parsed<Statement> {
    let items = preceded(keyword("SELECT"), list(item, symbol(","))).parse_next(input)?;
    let filter = preceded(keyword("FROM"), text).parse_next(input)?;
    let condition = opt(preceded(keyword("WHERE"), cut_err(condition))).parse_next(input)?;
    Ok(Statement { items, filter, condition })
}

fn item(input: &mut Input<'_>) -> Parsed<Item> {
    let alias = opt(preceded(keyword("AS"), cut_err(name)));
    let value = (operand, alias).map(|(operand, alias)| Item::Value { operand, alias });
    alt((symbol("*").value(Item::All), value)).parse_next(input)
}

fn condition(input: &mut Input<'_>) -> Parsed<Condition> {
    let all = list(conjunction, keyword("OR")).parse_next(input)?;
    Ok(one_or(all, Condition::Or))
}

fn conjunction(input: &mut Input<'_>) -> Parsed<Condition> {
    let all = list(negation, keyword("AND")).parse_next(input)?;
    Ok(one_or(all, Condition::And))
}

fn negation(input: &mut Input<'_>) -> Parsed<Condition> {
    let count: usize = repeat(0.., keyword("NOT")).parse_next(input)?;
    let test = test.parse_next(input)?;
    Ok((0..count).fold(test, |inner, _| Condition::Not(Box::new(inner))))
}

fn test(input: &mut Input<'_>) -> Parsed<Condition> {
    let nested = preceded(symbol("("), cut_err(terminated(condition, symbol(")"))));
    let comparison = (operand, opt((comparison, cut_err(operand)))).map(|(left, rest)| match rest {
        Some((comparison, right)) => Condition::Comparison { left, comparison, right },
        None => Condition::Value(left),
    });
    alt((nested, comparison)).parse_next(input)
}

fn operand(input: &mut Input<'_>) -> Parsed<Operand> {
    alt((function, literal.map(Operand::Literal), attribute.map(Operand::Attribute))).parse_next(input)
}

fn function(input: &mut Input<'_>) -> Parsed<Operand> {
    let none = || (symbol("("), cut_err(symbol(")")));
    let level = opt(any.verify_map(|token: &Token| match &token.kind {
        TokenKind::Number(number) => number.as_u64().filter(|level| *level > 0),
        _ => None,
    }));
    let topic = preceded((keyword("topic"), symbol("(")), cut_err(terminated(level, symbol(")"))));
    alt((
        topic.map(Operand::Topic),
        (keyword("clientid"), none()).value(Operand::ClientId),
        (keyword("principal"), none()).value(Operand::Principal),
        (keyword("timestamp"), none()).value(Operand::Timestamp),
    ))
    .parse_next(input)
}

fn literal(input: &mut Input<'_>) -> Parsed<Value> {
    any.verify_map(|token: &Token| match &token.kind {
        TokenKind::Text(text) => Some(Value::String(text.clone())),
        TokenKind::Number(number) => Some(Value::Number(number.clone())),
        kind if kind.is_word("TRUE") => Some(Value::Bool(true)),
        kind if kind.is_word("FALSE") => Some(Value::Bool(false)),
        kind if kind.is_word("NULL") => Some(Value::Null),
        _ => None,
    })
    .parse_next(input)
}

fn attribute(input: &mut Input<'_>) -> Parsed<Vec<String>> {
    let start = input.checkpoint();
    let path = list(name, symbol(".")).parse_next(input)?;
    // A name before a parenthesis is a function that is not supported: the error names it.
    if input.first().is_some_and(|token| token.kind.is_symbol("(")) {
        input.reset(&start);
        return Err(ErrMode::Cut(Unexpected::from_input(input)));
    }
    Ok(path)
}

fn name(input: &mut Input<'_>) -> Parsed<String> {
    any.verify_map(|token: &Token| match &token.kind {
        TokenKind::Word(word) if !RESERVED.iter().any(|known| word.eq_ignore_ascii_case(known)) => {
            Some(word.clone())
        }
        _ => None,
    })
    .parse_next(input)
}

fn text(input: &mut Input<'_>) -> Parsed<String> {
    any.verify_map(|token: &Token| match &token.kind {
        TokenKind::Text(text) => Some(text.clone()),
        _ => None,
    })
    .parse_next(input)
}

fn comparison(input: &mut Input<'_>) -> Parsed<Comparison> {
    any.verify_map(|token: &Token| {
        Comparison::ALL.into_iter().find(|comparison| token.kind.is_symbol(comparison.symbol()))
    })
    .parse_next(input)
}

fn keyword<'a>(keyword: &'static str) -> impl Parser<Input<'a>, (), ErrMode<Unexpected>> {
    any.verify(move |token: &Token| token.kind.is_word(keyword)).void()
}

fn symbol<'a>(symbol: &'static str) -> impl Parser<Input<'a>, (), ErrMode<Unexpected>> {
    any.verify(move |token: &Token| token.kind.is_symbol(symbol)).void()
}

/// Parses one element or more. After a separator, an element must follow: the error is there.
fn list<'a, T>(
    element: fn(&mut Input<'a>) -> Parsed<T>,
    separator: impl Parser<Input<'a>, (), ErrMode<Unexpected>>,
) -> impl Parser<Input<'a>, Vec<T>, ErrMode<Unexpected>> {
    (element, repeat(0.., preceded(separator, cut_err(element)))).map(|(first, rest): (T, Vec<T>)| {
        let mut all = vec![first];
        all.extend(rest);
        all
    })
}

fn one_or(mut all: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        last => {
            all.extend(last);
            join(all)
        }
    }
}

/// Says what is wrong with the word of an index.
fn describe(sql: &str, tokens: &[Token], i: usize) -> SqlError {
    let Some(token) = tokens.get(i) else {
        let what = "the statement ends too early; expected SELECT … FROM 'FILTER' [WHERE …]".to_owned();
        return SqlError { word: String::new(), start: sql.len(), what };
    };
    // An attribute may be named value; before another item it is the keyword.
    if let (2, Some(value)) = (i, tokens.get(1).filter(|token| token.kind.is_word("VALUE"))) {
        let what = format!("unsupported {:?}; select names instead", value.text);
        return SqlError { word: value.text.clone(), start: value.start, what };
    }
    let is_call = tokens.get(i.saturating_add(1)).is_some_and(|next| next.kind.is_symbol("("));
    let word = &token.text;
    let hint = match &token.kind {
        TokenKind::Word(word) if is_call && !word.eq_ignore_ascii_case("FROM") => {
            format!("; supported functions are {}", FUNCTIONS.join(", "))
        }
        TokenKind::Symbol(symbol) if symbol == "!=" => "; write <>".to_owned(),
        TokenKind::Symbol(symbol) if symbol == "'" || symbol == "\"" => "; the text is not closed".to_owned(),
        _ => String::new(),
    };
    SqlError {
        word: word.clone(),
        start: token.start,
        what: format!("unsupported or misplaced {word:?}{hint}"),
    }
}

impl<'a> ParserError<Input<'a>> for Unexpected {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Self { remaining: input.eof_offset() }
    }

    /// Of two alternatives, the one that read more words is what was meant.
    fn or(self, other: Self) -> Self {
        if self.remaining < other.remaining { self } else { other }
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}
