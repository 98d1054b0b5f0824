use std::path::Path;
use std::process::Command;

use super::*;

/// Runs a shell command in a folder and returns its output, or `None` if its program is not installed.
fn run(folder: &Path, command: &str) -> Option<String> {
    let program = command.split(' ').next().unwrap();
    Command::new(program).arg("-help").output().ok()?;
    let output = Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The command between backticks in a hint, for the file `name`.
fn hinted(error: &NotASigningKey, name: &str) -> String {
    let text = error.to_string();
    text.split('`').nth(1).unwrap_or_else(|| panic!("no command: {text}")).replace("FILE", name)
}

/// The forms in which OpenSSL writes a public key are read, with all kinds of line ends, and are one key.
#[test]
fn public_keys_of_openssl_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let make = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem -quiet";
    if run(folder.path(), make).is_none() {
        println!("skipped: openssl is not installed");
        return;
    }
    let public = run(folder.path(), "openssl pkey -in private.pem -pubout").unwrap();
    let pkcs1 = run(folder.path(), "openssl rsa -in private.pem -RSAPublicKey_out 2>/dev/null").unwrap();
    assert!(pkcs1.starts_with("-----BEGIN RSA PUBLIC KEY-----"), "{pkcs1}");
    std::fs::write(folder.path().join("text"), "header.payload").unwrap();
    run(folder.path(), "openssl dgst -sha256 -sign private.pem -out signature text").unwrap();
    let signature = std::fs::read(folder.path().join("signature")).unwrap();
    for pem in [&public, &pkcs1] {
        for text in [
            pem.clone(),
            pem.replace('\n', "\\n"),
            pem.replace('\n', "\\r\\n"),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\n\n"),
            format!("\u{feff}a comment\n{pem}"),
        ] {
            let key = SigningKey::from_pem(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert!(key.verifies("header.payload", &signature) && !key.verifies("other", &signature));
        }
    }
}

/// A key that is not read leads to a command that makes it readable: from that very file.
#[test]
fn the_command_of_a_hint_works_on_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut checked, mut skipped) = (0, 0);
    let genpkey = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -quiet";
    let subject = "-x509 -nodes -newkey rsa:2048 -subj /CN=a -keyout other.pem";
    for (command, expected) in [
        (format!("{genpkey} -out file"), NotASigningKey::Private),
        (format!("{genpkey} | openssl rsa -traditional -out file 2>/dev/null"), NotASigningKey::Private),
        (format!("openssl req {subject} -out file 2>/dev/null"), NotASigningKey::Certificate),
        ("ssh-keygen -q -t rsa -b 2048 -N '' -f file".to_owned(), NotASigningKey::OpenSshPrivate),
        ("ssh-keygen -q -t rsa -b 2048 -N '' -f key && mv key.pub file".to_owned(), NotASigningKey::OpenSsh),
    ] {
        let _ = std::fs::remove_file(folder.path().join("file"));
        if run(folder.path(), &command).is_none() {
            skipped += 1;
            continue;
        }
        let text = std::fs::read_to_string(folder.path().join("file")).unwrap();
        let error = SigningKey::from_pem(&text).unwrap_err();
        assert_eq!(error, expected, "{command}");
        let public = run(folder.path(), &hinted(&error, "file")).unwrap();
        assert!(SigningKey::from_pem(&public).is_ok(), "{error}");
        // The text itself is in no error.
        let end = text.lines().nth(1).or_else(|| text.split(' ').nth(1)).unwrap();
        assert!(!format!("{error} {error:?}").contains(end));
        checked += 1;
    }
    println!("{checked} hints checked, {skipped} skipped");
}
