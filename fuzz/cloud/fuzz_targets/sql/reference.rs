//! A second reader of the grammar in `local/cloud/src/rules/sql.rs`. It evaluates a statement while it reads it.

use std::cmp::Ordering;

use iot_local_cloud::rules::sql::Message;
use serde_json::{Map, Number, Value};

/// A text that is not a statement.
#[derive(Debug)]
pub struct NotAStatement;

type Parsed<T> = Result<T, NotAStatement>;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(Number),
    Symbol(&'static str),
}

/// Returns the result of a statement for a message, or nothing if it has none.
pub fn evaluate(sql: &str, message: &Message<'_>) -> Parsed<Option<Value>> {
    let mut reader = Reader { tokens: tokens(sql)?, position: 0, message };
    let selected = reader.select()?;
    let filter = reader.from()?;
    let is_met = match reader.word("WHERE") {
        true => reader.or()?.as_ref().and_then(boolean) == Some(true),
        false => true,
    };
    if reader.position < reader.tokens.len() || !is_filter(&filter) {
        return Err(NotAStatement);
    }
    Ok((is_met && matches(&filter, message.topic)).then_some(selected))
}

fn tokens(sql: &str) -> Parsed<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ' ' | '\t' | '\r' | '\n' => 1,
            '_' | 'a'..='z' | 'A'..='Z' => {
                let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            '\'' | '"' => {
                let (text, length) = quoted(rest, first)?;
                tokens.push(Token::Text(text));
                length
            }
            '-' | '0'..='9' => {
                let length = number_length(rest).ok_or(NotAStatement)?;
                tokens.push(Token::Number(number(&rest[..length]).ok_or(NotAStatement)?));
                length
            }
            _ => {
                let symbols = ["<>", "<=", ">=", "<", ">", "=", "(", ")", ",", ".", "*"];
                let symbol =
                    symbols.into_iter().find(|symbol| rest.starts_with(symbol)).ok_or(NotAStatement)?;
                tokens.push(Token::Symbol(symbol));
                symbol.len()
            }
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// Returns the text in quotes, and its length as written.
fn quoted(sql: &str, quote: char) -> Parsed<(String, usize)> {
    let mut text = String::new();
    let mut length = 1;
    loop {
        let rest = &sql[length..];
        let end = rest.find(quote).ok_or(NotAStatement)?;
        text.push_str(&rest[..end]);
        length += end + 1;
        if !sql[length..].starts_with(quote) {
            return Ok((text, length));
        }
        text.push(quote);
        length += 1;
    }
}

/// The length of the longest number of RFC 8259 at the start of a text.
fn number_length(text: &str) -> Option<usize> {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let start = usize::from(text.starts_with('-'));
    let whole = digits(start);
    let mut end = start + whole;
    if whole == 0 || (whole > 1 && text[start..].starts_with('0')) {
        return None;
    }
    if text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    Some(end)
}

/// The value of a number of RFC 8259. A decimal cannot hold one that is too large.
fn number(digits: &str) -> Option<Number> {
    if digits != "-0" {
        if let Ok(number) = digits.parse::<i64>() {
            return Some(number.into());
        }
        if let Ok(number) = digits.parse::<u64>() {
            return Some(number.into());
        }
    }
    Number::from_f64(digits.parse().ok()?)
}

/// A value that may be undefined.
type Maybe = Option<Value>;

struct Reader<'a> {
    tokens: Vec<Token>,
    position: usize,
    message: &'a Message<'a>,
}

impl Reader<'_> {
    fn next(&mut self) -> Parsed<Token> {
        let token = self.tokens.get(self.position).cloned().ok_or(NotAStatement)?;
        self.position += 1;
        Ok(token)
    }

    /// Reads a keyword if it is next.
    fn word(&mut self, keyword: &str) -> bool {
        let next = self.tokens.get(self.position);
        let is_next = matches!(next, Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.position += usize::from(is_next);
        is_next
    }

    /// Reads a symbol if it is next.
    fn symbol(&mut self, symbol: &str) -> bool {
        let is_next = matches!(self.tokens.get(self.position), Some(Token::Symbol(next)) if *next == symbol);
        self.position += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, is_there: impl FnOnce(&mut Self) -> bool) -> Parsed<()> {
        if is_there(self) { Ok(()) } else { Err(NotAStatement) }
    }

    /// `SELECT item {"," item}`
    fn select(&mut self) -> Parsed<Value> {
        self.expect(|reader| reader.word("SELECT"))?;
        let mut result = Map::new();
        let mut count = 0;
        let mut has_all = false;
        loop {
            count += 1;
            if self.symbol("*") {
                has_all = true;
                result.extend(self.message.payload.as_object().cloned().unwrap_or_default());
            } else {
                let (value, name) = self.operand()?;
                let name = if self.word("AS") { self.name()? } else { name };
                result.extend(value.map(|value| (name, value)));
            }
            if !self.symbol(",") {
                break;
            }
        }
        Ok(if has_all && count == 1 { self.message.payload.clone() } else { Value::Object(result) })
    }

    fn from(&mut self) -> Parsed<String> {
        self.expect(|reader| reader.word("FROM"))?;
        match self.next()? {
            Token::Text(text) => Ok(text),
            _ => Err(NotAStatement),
        }
    }

    fn or(&mut self) -> Parsed<Maybe> {
        self.joined("OR", true, Self::and)
    }

    fn and(&mut self) -> Parsed<Maybe> {
        self.joined("AND", false, Self::not)
    }

    /// Operands of AND or OR, of which the one that is `deciding` decides, unless one is undefined.
    fn joined(
        &mut self,
        keyword: &str,
        deciding: bool,
        operand: fn(&mut Self) -> Parsed<Maybe>,
    ) -> Parsed<Maybe> {
        let mut all = vec![operand(self)?];
        while self.word(keyword) {
            all.push(operand(self)?);
        }
        if let [only] = all.as_slice() {
            return Ok(only.clone());
        }
        let booleans: Vec<_> = all.iter().map(|value| value.as_ref().and_then(boolean)).collect();
        if booleans.contains(&None) {
            return Ok(None);
        }
        Ok(Some((booleans.contains(&Some(deciding)) == deciding).into()))
    }

    fn not(&mut self) -> Parsed<Maybe> {
        if self.word("NOT") {
            let value = self.not()?;
            return Ok(value.as_ref().and_then(boolean).map(|value| (!value).into()));
        }
        if self.symbol("(") {
            let value = self.or()?;
            self.expect(|reader| reader.symbol(")"))?;
            return Ok(value);
        }
        let (left, _) = self.operand()?;
        let Some(symbol) = ["=", "<>", "<", "<=", ">", ">="].into_iter().find(|symbol| self.symbol(symbol))
        else {
            return Ok(left);
        };
        let (right, _) = self.operand()?;
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        Ok(compared(symbol, &left, &right).map(Value::Bool))
    }

    /// Returns the value of an operand, and its name in the result.
    fn operand(&mut self) -> Parsed<(Maybe, String)> {
        let message = self.message;
        match self.next()? {
            Token::Text(text) => Ok((Some(text.clone().into()), text)),
            Token::Number(number) => Ok((Some(number.clone().into()), number.to_string())),
            Token::Symbol(_) => Err(NotAStatement),
            Token::Word(word) => {
                let lower = word.to_ascii_lowercase();
                if let Some(value) =
                    [("true", Value::from(true)), ("false", false.into()), ("null", Value::Null)]
                        .into_iter()
                        .find_map(|(name, value)| (name == lower).then_some(value))
                {
                    return Ok((Some(value), lower));
                }
                if !self.symbol("(") {
                    self.position -= 1;
                    return self.attribute();
                }
                let (value, name) = match lower.as_str() {
                    "topic" => self.level()?,
                    "clientid" => (Some(message.client_id.unwrap_or("n/a").into()), "clientid()".to_owned()),
                    "principal" => (message.principal.map(Value::from), "principal()".to_owned()),
                    "timestamp" => (Some(message.timestamp_ms.into()), "timestamp()".to_owned()),
                    _ => return Err(NotAStatement),
                };
                self.expect(|reader| reader.symbol(")"))?;
                Ok((value, name))
            }
        }
    }

    fn level(&mut self) -> Parsed<(Maybe, String)> {
        let topic = self.message.topic;
        let Some(Token::Number(number)) = self.tokens.get(self.position).cloned() else {
            return Ok((Some(topic.into()), "topic()".to_owned()));
        };
        self.position += 1;
        let level = number.as_u64().filter(|level| *level > 0).ok_or(NotAStatement)?;
        let value = (1..).zip(topic.split('/')).find_map(|(i, text)| (i == level).then_some(text));
        Ok((value.map(Value::from), format!("topic({level})")))
    }

    fn attribute(&mut self) -> Parsed<(Maybe, String)> {
        let mut value = Some(self.message.payload);
        loop {
            let name = self.name()?;
            value = value.and_then(Value::as_object).and_then(|members| members.get(&name));
            if !self.symbol(".") {
                return Ok((value.cloned(), name));
            }
        }
    }

    fn name(&mut self) -> Parsed<String> {
        const RESERVED: &str = "select from where as and or not true false null case";
        match self.next()? {
            Token::Word(word) if !RESERVED.split(' ').any(|known| word.eq_ignore_ascii_case(known)) => {
                Ok(word)
            }
            _ => Err(NotAStatement),
        }
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn compared(symbol: &str, left: &Value, right: &Value) -> Option<bool> {
    if symbol == "=" || symbol == "<>" {
        return Some(is_equal(left, right) == (symbol == "="));
    }
    let order = ordered(&numeric(left)?, &numeric(right)?)?;
    Some(match symbol {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => ordered(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && std::iter::zip(left, right).all(|(left, right)| is_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.keys().eq(right.keys()) && left.iter().all(|(name, value)| is_equal(value, &right[name]))
        }
        _ => left == right,
    }
}

/// Integers are compared exactly; a decimal makes both decimals.
fn ordered(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// A number, or a text that is one in JSON.
fn numeric(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let text = text.trim_matches([' ', '\t', '\r', '\n']);
            number_length(text).filter(|length| *length == text.len()).and_then(|_| number(text))
        }
        _ => None,
    }
}

/// Whether a text is a topic filter that AWS IoT accepts: at most 256 bytes and 7 slashes.
fn is_filter(filter: &str) -> bool {
    let levels: Vec<_> = filter.split('/').collect();
    let (last, others) = levels.split_last().unwrap();
    let is_plain = |level: &&str| *level == "+" || !level.contains(['+', '#']);
    let is_valid = others.iter().all(is_plain) && (*last == "#" || is_plain(last));
    is_valid && !filter.is_empty() && iot_local_policy::limits::filter(filter).is_ok()
}

fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')) {
        return false;
    }
    let (filter, topic): (Vec<_>, Vec<_>) = (filter.split('/').collect(), topic.split('/').collect());
    let is_level = |(expected, level): (&&str, &&str)| *expected == "+" || expected == level;
    match filter.split_last() {
        Some((&"#", parents)) => topic.len() >= parents.len() && parents.iter().zip(&topic).all(is_level),
        _ => filter.len() == topic.len() && filter.iter().zip(&topic).all(is_level),
    }
}
