//! What this program was built from: its version, commit, target and release.
//!
//! All is read at compile time from variables, so that the same sources and variables result in the same program. A
//! build without them is a development build.

use std::sync::LazyLock;

/// The version of this package, which is that of the release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The address of releases, with `{version}`. Set only in the build of a release.
pub(crate) const RELEASES: Option<&str> = set(option_env!("IOT_LOCAL_RELEASES"));

/// The commit of the sources, if the build states it.
pub(crate) const COMMIT: Option<&str> = set(option_env!("IOT_LOCAL_COMMIT"));

/// The day of that commit, `YYYY-MM-DD`. The day of the build would make each build another program.
const COMMIT_DATE: Option<&str> = set(option_env!("IOT_LOCAL_COMMIT_DATE"));

/// The number of digits of a commit that `--version` prints.
const SHORT_COMMIT_DIGITS: usize = 7;

/// What `--version` prints after the name.
pub(crate) static TEXT: LazyLock<String> = LazyLock::new(|| {
    text(VERSION, COMMIT.filter(|commit| is_commit(commit)), COMMIT_DATE, RELEASES.is_some())
});

/// Whether a text is a full commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn text(version: &str, commit: Option<&str>, date: Option<&str>, is_release: bool) -> String {
    let commit = commit.map(|commit| {
        let short = commit.get(..SHORT_COMMIT_DIGITS).unwrap_or(commit);
        match date.filter(|date| is_day(date)) {
            Some(date) => format!("{short} {date}"),
            None => short.to_owned(),
        }
    });
    let kind = (!is_release).then(|| "development build".to_owned());
    let facts: Vec<String> = [commit, kind, Some(target())].into_iter().flatten().collect();
    format!("{version} ({})", facts.join(", "))
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Rust's name of the system that this program was built for.
fn target() -> String {
    let system = match std::env::consts::OS {
        "linux" if cfg!(target_env = "musl") => "unknown-linux-musl",
        "linux" => "unknown-linux-gnu",
        "macos" => "apple-darwin",
        "windows" => "pc-windows-msvc",
        other => other,
    };
    format!("{}-{system}", std::env::consts::ARCH)
}

/// A variable that is set to nothing is not set.
const fn set(value: Option<&str>) -> Option<&str> {
    match value {
        Some(text) if text.is_empty() => None,
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_commit_kind_and_target() {
        let (commit, target) = (Some("0123abc456789abcdef0123456789abcdef01234"), target());
        for (commit, date, is_release, expected) in [
            (commit, Some("2026-11-30"), true, "0.2.0 (0123abc 2026-11-30, TARGET)"),
            (commit, None, true, "0.2.0 (0123abc, TARGET)"),
            (commit, Some("today"), true, "0.2.0 (0123abc, TARGET)"),
            (commit, Some("2026-11-30"), false, "0.2.0 (0123abc 2026-11-30, development build, TARGET)"),
            (None, Some("2026-11-30"), true, "0.2.0 (TARGET)"),
            (None, None, false, "0.2.0 (development build, TARGET)"),
        ] {
            assert_eq!(text("0.2.0", commit, date, is_release), expected.replace("TARGET", &target));
        }
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!([set(None), set(Some("")), set(Some("x"))], [None, None, Some("x")]);
    }

    #[test]
    fn only_full_commits_are_commits() {
        for (text, expected) in [
            ("0123456789abcdef0123456789abcdef01234567", true),
            ("0123456789abcdef0123456789abcdef0123456", false),
            ("0123456789ABCDEF0123456789abcdef01234567", false),
            ("SET_THE_COMMIT", false),
            ("", false),
        ] {
            assert_eq!(is_commit(text), expected, "{text}");
        }
    }
}
