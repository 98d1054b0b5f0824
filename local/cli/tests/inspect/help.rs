//! Help, suggestions for misspelt words, and completions.

use super::run;
use super::support::root;

const COMMANDS: &[&str] = &[
    "serve",
    "demo",
    "token",
    "snippet",
    "invoke",
    "check",
    "explain",
    "can",
    "diff",
    "keys",
    "package",
    "certificate",
    "kit",
    "storm",
    "health",
    "schema",
    "completions",
];

#[test]
fn every_command_has_short_help_and_long_help_with_existing_pages() {
    for command in COMMANDS.iter().copied() {
        let (code, short) = run(&[command, "-h"]);
        let (_, long) = run(&[command, "--help"]);
        assert_eq!(code, 0);
        for text in [&short, &long] {
            assert!(text.contains(&format!("Usage: cargo local {command} ")), "{text}");
            assert!(!text.contains("Usage: iot-local"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        }
        assert!(short.len() < long.len(), "{command}: -h is as long as --help");
        assert!(!short.contains("Documentation:"), "{short}");
        if command == "completions" {
            continue;
        }
        let (_, pages) = long.split_once("Documentation: ").unwrap();
        for page in pages.split([',', ' ', '\n', ';']).filter(|word| word.ends_with(".md")) {
            assert!(page == "docs/json.md" || root().join(page).exists(), "{command}: {page}");
        }
    }
}

#[test]
fn options_are_in_groups() {
    let (_, text) = run(&["--help"]);
    let headings: Vec<_> =
        text.lines().filter(|line| line.ends_with(':') && !line.starts_with(' ')).collect();
    let expected = [
        "Commands:",
        "Options:",
        "Ports:",
        "Endpoint:",
        "Function:",
        "Authorizer:",
        "Login:",
        "Output:",
        "Examples:",
    ];
    assert_eq!(headings, expected);
    assert!(text.contains("Usage: cargo local [OPTIONS]") && text.contains("Documentation: "), "{text}");
    assert_eq!(run(&["--version"]).1.split(' ').take(2).collect::<Vec<_>>(), ["cargo", "local"]);
}

#[test]
fn misspelt_words_get_a_suggestion() {
    for (line, expected) in [
        (&["tokn"][..], "a similar subcommand exists: 'token'"),
        (&["--tps-port", "1"], "a similar argument exists: '--tls-port'"),
        (&["can", "Publsh", "topic/a"], "did you mean \"iot:Publish\"?"),
        (&["snippet", "mqtjs"], "a similar value exists: 'mqttjs'"),
    ] {
        let (code, text) = run(line);
        assert_eq!(code, 2, "{line:?}: {text}");
        assert!(text.contains(expected), "{line:?}: {text}");
    }
}

/// The script, run by the shell as it completes a word.
#[test]
fn completions_complete_commands_and_options() {
    let (code, script) = run(&["completions", "bash"]);
    assert_eq!(code, 0);
    for (words, index, expected) in
        [("cargo-local ca", 1, "can"), ("cargo-local explain --cl", 2, "--claims --client-id")]
    {
        let word = words.rsplit(' ').next().unwrap();
        let command = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={index}; _cargo-local cargo-local {word} x; echo \"${{COMPREPLY[@]}}\""
        );
        let output = std::process::Command::new("bash").args(["-c", &command]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{output:?}");
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let (code, script) = run(&["completions", shell]);
        assert!(code == 0 && script.contains("cargo-local") && !script.contains("cargo_local"), "{shell}");
    }
    assert_eq!(run(&["completions", "tcsh"]).0, 2);
}

#[test]
fn examples_are_printed_as_they_are_written() {
    let (_, long) = run(&["kit", "--help"]);
    assert!(long.contains("cargo local kit --count 100 --name 'dev-${n}' --out kit\n"), "{long}");
}
