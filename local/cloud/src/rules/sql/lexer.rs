//! The words of a statement.

use serde_json::Number;
use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, delimited, opt, preceded, repeat, terminated};
use winnow::prelude::*;
use winnow::stream::Location;
use winnow::token::{any, none_of, one_of, take_while};
use winnow::{LocatingSlice, Result};

/// A word with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Index of its first byte.
    pub(super) start: usize,
    /// The word as written.
    pub(super) text: String,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A keyword, a name or a function.
    Word(String),
    Text(String),
    Number(Number),
    /// An operator, a bracket, or a character that has no meaning here.
    Symbol(String),
}

type Input<'a> = LocatingSlice<&'a str>;

/// Splits a statement into words. Any text is split: what has no meaning becomes a symbol.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut input = LocatingSlice::new(sql);
    let read: Result<Vec<Token>> =
        preceded(multispace0, repeat(0.., terminated(token, multispace0))).parse_next(&mut input);
    read.unwrap_or_default()
}

fn token(input: &mut Input<'_>) -> Result<Token> {
    let start = input.current_token_start();
    let (kind, text) = alt((word, text, number, symbol)).with_taken().parse_next(input)?;
    Ok(Token { kind, start, text: text.to_owned() })
}

fn word(input: &mut Input<'_>) -> Result<TokenKind> {
    let first = one_of(|character: char| character.is_ascii_alphabetic() || character == '_');
    let rest = take_while(0.., |character: char| character.is_ascii_alphanumeric() || character == '_');
    (first, rest).take().map(|word: &str| TokenKind::Word(word.to_owned())).parse_next(input)
}

fn text(input: &mut Input<'_>) -> Result<TokenKind> {
    alt((quoted('\''), quoted('"'))).map(TokenKind::Text).parse_next(input)
}

fn quoted<'a>(quote: char) -> impl Parser<Input<'a>, String, winnow::error::ContextError> {
    let doubled = (quote, quote).value(quote);
    delimited(quote, repeat(0.., alt((none_of(quote), doubled))), quote)
}

/// A number as in JSON (RFC 8259, section 6). A name that follows at once makes it none: `1a` is a symbol.
fn number(input: &mut Input<'_>) -> Result<TokenKind> {
    let fraction = opt(('.', digit1));
    let exponent = opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1));
    (opt('-'), digit1, fraction, exponent)
        .take()
        .verify_map(|digits: &str| serde_json::from_str(digits).ok().map(TokenKind::Number))
        .parse_next(input)
}

fn symbol(input: &mut Input<'_>) -> Result<TokenKind> {
    alt(("<>".void(), "<=".void(), ">=".void(), "!=".void(), any.void()))
        .take()
        .map(|symbol: &str| TokenKind::Symbol(symbol.to_owned()))
        .parse_next(input)
}

impl TokenKind {
    /// Returns whether the word is a keyword, written in any case.
    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Returns whether this is a symbol.
    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self, Self::Symbol(text) if text == symbol)
    }
}
