//! Files of `NAME=VALUE` lines for a function's environment.
//!
//! The crates that read such files fill variables into values and repeat a faulty line in their errors. These files are
//! where secrets are, so neither is done here.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file gives no variables. The value is never repeated.
#[derive(Debug, Error)]
pub enum EnvFileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}; name another with --env", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is no assignment.
    #[error("{}:{line}: {fault}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it, and how it should be.
        fault: &'static str,
    },
}

/// Reads a file. Blank lines and those that begin with `#` are left out, as is `export` before a name. A value in single
/// quotes is taken as it is; in double quotes `\n`, `\t`, `\"`, `\$` and `\\` are escapes; without quotes it ends at ` #`.
/// Nothing is filled in.
///
/// # Errors
/// The first line that is none.
pub fn read(path: &Path) -> Result<Vec<(String, String)>, EnvFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| EnvFileError::Read { path: path.to_owned(), source })?;
    let mut variables = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let variable = assignment(line);
        variables.push(variable.map_err(|fault| EnvFileError::Line {
            path: path.to_owned(),
            line: number,
            fault,
        })?);
    }
    Ok(variables)
}

fn assignment(line: &str) -> Result<(String, String), &'static str> {
    let (name, rest) = line.split_once('=').ok_or("write it as NAME=VALUE")?;
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if !is_name {
        return Err("a name has letters, digits and underscores, and begins with no digit");
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
            None => return Ok(plain(text).to_owned()),
        },
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(value)
    } else {
        Err("only a comment may follow the closing quote")
    }
}

const UNCLOSED: &str = "the quote is not closed on its line; write \\n in double quotes for a new line";

/// What stands before a comment.
fn plain(text: &str) -> &str {
    let end = text.find(" #").or_else(|| text.find("\t#")).or_else(|| text.starts_with('#').then_some(0));
    end.and_then(|end| text.split_at_checked(end)).map_or(text, |(value, _)| value).trim_end()
}

/// The value in double quotes and what follows them.
fn unescape(quoted: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Ok((value, characters.as_str())),
            '\\' => value.push(match characters.next().ok_or(UNCLOSED)? {
                'n' => '\n',
                't' => '\t',
                same @ ('"' | '$' | '\\') => same,
                _ => {
                    return Err(
                        "in double quotes a backslash stands before n, t, \", $ or another backslash",
                    );
                }
            }),
            other => value.push(other),
        }
    }
    Err(UNCLOSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn values_are_taken_as_they_are_written() {
        for (line, expected) in [
            ("A=b", "b"),
            ("export A=b", "b"),
            (" A = b c \r", "b c"),
            ("A=", ""),
            ("A=#x", ""),
            ("A=b=c#d", "b=c#d"),
            ("A=b # comment", "b"),
            ("A=$HOME ${X}", "$HOME ${X}"),
            ("A='b # \\n \"'", "b # \\n \""),
            ("A='b' # comment", "b"),
            (r#"A="a\n\t\"\$\\ # b""#, "a\n\t\"$\\ # b"),
            ("A=it's", "it's"),
        ] {
            let text = format!("# comment\n\n{line}\n");
            assert_eq!(parse(&text).unwrap(), [("A".to_owned(), expected.to_owned())], "{line}");
        }
        assert_eq!(parse("A=1\nB=2").unwrap().len(), 2);
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_repeated() {
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
