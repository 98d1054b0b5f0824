//! Files of `NAME=VALUE` lines for a function's environment.
//!
//! Existing crates expand variables in values and quote an invalid line in their errors. These files hold secrets, so
//! this parser does neither.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::env::Env;

/// An error in a file of variables. It never contains a value.
#[derive(Debug, Error)]
pub enum EnvFileError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}\n  help: name another file with --env", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A line is not an assignment.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line, and what is expected.
        what: &'static str,
    },
}

/// Reads a file. Blank lines, lines that start with `#`, and `export` before a name are skipped. A value in single
/// quotes is literal; in double quotes `\n`, `\t`, `\"`, `\$` and `\\` are escapes; without quotes the value ends at a
/// `#` after a space or tab. Variables are not expanded. If a name occurs twice, the last line counts.
///
/// # Errors
/// The file cannot be read, or the first line that is not an assignment.
pub fn read(path: &Path) -> Result<Env, EnvFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| EnvFileError::Read { path: path.to_owned(), source })?;
    let mut variables = Env::default();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let failed = |what| EnvFileError::Line { path: path.to_owned(), line: number, what };
        let (name, value) = assignment(line).map_err(failed)?;
        variables.set(&name, value);
    }
    Ok(variables)
}

/// Returns the environment with the variables of a file added. A value of the file replaces one of the same name.
/// Without a path the environment is returned unchanged.
///
/// # Errors
/// See [`read`].
pub fn extended(env: &Env, path: Option<&Path>) -> Result<Env, EnvFileError> {
    let env = env.clone();
    match path {
        Some(path) => Ok(env.with(read(path)?)),
        None => Ok(env),
    }
}

fn assignment(line: &str) -> Result<(String, String), &'static str> {
    let (name, rest) = line.split_once('=').ok_or("missing `=`; expected NAME=VALUE")?;
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if !is_name {
        return Err(
            "invalid name; expected letters, digits and underscores, starting with a letter or underscore",
        );
    }
    Ok((name.to_owned(), value(rest.trim())?))
}

fn value(text: &str) -> Result<String, &'static str> {
    let (value, rest) = match text.strip_prefix('\'') {
        Some(quoted) => {
            let (value, rest) = quoted.split_once('\'').ok_or(UNCLOSED)?;
            (value.to_owned(), rest)
        }
        None => match text.strip_prefix('"') {
            Some(quoted) => unescape(quoted)?,
            None => return Ok(unquoted(text).to_owned()),
        },
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(value)
    } else {
        Err("unexpected text after the closing quote; expected the end of the line or a comment")
    }
}

const UNCLOSED: &str =
    "unclosed quote; expected it to end on its line, with \\n in double quotes for a line break";

/// The text before a comment: a `#` at the start, or after a space or tab.
fn unquoted(text: &str) -> &str {
    let mut is_after_blank = true;
    for (index, character) in text.char_indices() {
        if character == '#' && is_after_blank {
            return text.get(..index).unwrap_or_default().trim_end();
        }
        is_after_blank = matches!(character, ' ' | '\t');
    }
    text
}

/// Splits the text after an opening double quote into the unescaped value and the text after the closing quote.
fn unescape(quoted: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Ok((value, characters.as_str())),
            '\\' => value.push(match characters.next().ok_or(UNCLOSED)? {
                'n' => '\n',
                't' => '\t',
                literal @ ('"' | '$' | '\\') => literal,
                _ => return Err(r#"unknown escape in double quotes; expected \n, \t, \", \$ or \\"#),
            }),
            character => value.push(character),
        }
    }
    Err(UNCLOSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Env, EnvFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn values_are_read_literally() {
        for (line, expected) in [
            ("A=b", "b"),
            ("export A=b", "b"),
            (" A = b c \r", "b c"),
            ("A=", ""),
            ("A=#x", ""),
            ("A=b=c#d", "b=c#d"),
            ("A=b # comment", "b"),
            ("A=#x # y", ""),
            ("A=b\t# c # d", "b"),
            ("A=$HOME ${X}", "$HOME ${X}"),
            ("A='b # \\n \"'", "b # \\n \""),
            ("A='b' # comment", "b"),
            (r#"A="a\n\t\"\$\\ # b""#, "a\n\t\"$\\ # b"),
            ("A=it's", "it's"),
        ] {
            let text = format!("# comment\n\n{line}\n");
            assert_eq!(parse(&text).unwrap(), Env::from([("A", expected)]), "{line}");
        }
        assert_eq!(parse("A=1\nB=2").unwrap().iter().count(), 2);
        assert_eq!(parse("A=1\nA=2").unwrap().get("A"), Some("2"));
    }

    #[test]
    fn an_error_has_the_line_number_and_not_the_line() {
        for line in [
            "SECRET",
            "=SECRET",
            "A B=SECRET",
            "1A=SECRET",
            "A-B=SECRET",
            "A='SECRET",
            "A=\"SECRET",
            "A='SECRET'x",
            "A=\"\\SECRET\"",
        ] {
            let error = parse(&format!("OK=1\n{line}\n")).unwrap_err().to_string();
            assert!(error.contains(":2: ") && !error.contains("SECRET"), "{line}: {error}");
        }
    }
}
