//! Private keys in any form stop a start, in the files that are read and next to them. No message has their text.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_jwt_authorizer::keys::private_key;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;

/// The text of the private half in all samples.
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn private_jwk() -> Value {
    let mut jwk = Signer::named("es256").jwk();
    jwk["d"] = json!(SECRET);
    jwk
}

fn der(sequence: &[&[u8]]) -> Vec<u8> {
    let content = sequence.concat();
    [&[0x30, 0x82], &u16::try_from(content.len()).unwrap().to_be_bytes()[..], &content].concat()
}

/// Files with a private key: a name and the bytes.
fn private_files() -> Vec<(&'static str, Vec<u8>)> {
    let label = ["PRIVATE", "KEY"].join(" ");
    let pem = format!("-----BEGIN {label}-----\nMIGH{SECRET}\n-----END {label}-----\n");
    let jwk = private_jwk();
    let public = Signer::named("es256").jwk();
    let utf16 =
        |text: &str, encode: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(encode).collect::<Vec<u8>>();
    let object_id: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let octets = [&[0x04, 32][..], &[7; 32]].concat();
    let integer: &[u8] = &[0x02, 1, 5];
    let pkcs8 = der(&[&[0x02, 1, 0], &der(&[object_id]), &octets]);
    vec![
        ("PEM", pem.clone().into_bytes()),
        ("PEM of RSA", pem.replace("PRIVATE", "RSA PRIVATE").into_bytes()),
        ("encrypted PEM", pem.replace("PRIVATE", "ENCRYPTED PRIVATE").into_bytes()),
        ("OpenSSH", pem.replace("PRIVATE", "OPENSSH PRIVATE").into_bytes()),
        ("PEM with an escaped blank, as in JSON", pem.replace("PRIVATE KEY", "PRIVATE\\u0020KEY").into_bytes()),
        ("PEM with an escaped blank, as in a URL", pem.replace(' ', "%20").into_bytes()),
        ("PEM on one line", pem.replace('\n', "\\n").into_bytes()),
        ("PEM in a string of JSON", json!({ "a": [{ "b": pem }] }).to_string().into_bytes()),
        ("PEM in UTF-16 with a mark", [vec![0xff, 0xfe], utf16(&pem, u16::to_le_bytes)].concat()),
        ("PEM in UTF-16 with the other mark", [vec![0xfe, 0xff], utf16(&pem, u16::to_be_bytes)].concat()),
        ("PEM in UTF-16 without a mark", utf16(&pem, u16::to_be_bytes)),
        ("PEM after the first bytes of an icon", [&[0, 0, 1, 0], pem.as_bytes()].concat()),
        ("PEM after a little-endian integer", [&[1, 0, 0, 0], pem.as_bytes()].concat()),
        ("PEM after a big-endian integer", [&[0, 0, 0, 1], pem.as_bytes()].concat()),
        ("PEM after a larger big-endian integer", [&[0, 1, 0, 0], pem.as_bytes()].concat()),
        ("PGP", pem.replace("PRIVATE KEY", "PGP PRIVATE KEY BLOCK").into_bytes()),
        ("SSH2", pem.replace("-----BEGIN ", "---- BEGIN SSH2 ENCRYPTED ").into_bytes()),
        ("PuTTY", b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPrivate-Lines: 14\nAAAA\n".to_vec()),
        ("a JWK", jwk.to_string().into_bytes()),
        ("a JWK with a mark", format!("\u{feff}{jwk}").into_bytes()),
        ("a JWK Set", json!({ "keys": [public, jwk] }).to_string().into_bytes()),
        ("a bare list", json!([jwk]).to_string().into_bytes()),
        ("a JWK in another member", json!({ "keys": [public], "old": [jwk] }).to_string().into_bytes()),
        ("a JWK in a key", json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": public["x"], "y": public["y"], "backup": { "jwk": jwk } }] }).to_string().into_bytes()),
        ("a JWK in a string", json!({ "Id": jwk.to_string() }).to_string().into_bytes()),
        ("a JWK in a string in a string", json!({ "Id": json!({ "x": jwk.to_string() }).to_string() }).to_string().into_bytes()),
        ("a JWK in a comment", format!("# the old key:\n# {jwk}\nx = 1\n").into_bytes()),
        ("a JWK in a comment of several lines", format!("x = 1\n# {}\n", format!("{jwk:#}").replace('\n', "\n# ")).into_bytes()),
        ("a JWK in a TOML string", format!("x = \"{}\"\n", jwk.to_string().replace('"', "\\\"")).into_bytes()),
        ("a JWK in UTF-16", utf16(&jwk.to_string(), u16::to_le_bytes)),
        ("RSA with oth alone", json!({ "kty": "RSA", "oth": [{ "r": "AA" }] }).to_string().into_bytes()),
        ("PKCS #8", pkcs8.clone()),
        ("encrypted PKCS #8", der(&[&der(&[object_id]), &octets])),
        ("PKCS #1", der(&[&[0x02, 1, 0], integer, integer, integer, integer, integer, integer, integer, integer])),
        ("PKCS #1 of 2,048 bits", der(&[&[2, 1, 0][..], &[&[2, 0x82, 1, 0][..], &[7; 256]].concat().repeat(8)])),
        ("SEC 1", der(&[&[0x02, 1, 1], &octets])),
        ("PKCS #12", der(&[&[0x02, 1, 3], &der(&[object_id, &octets])])),
        ("base64 of DER", STANDARD.encode(&pkcs8).into_bytes()),
        ("base64 of DER in JSON", json!({ "key": STANDARD.encode(&pkcs8) }).to_string().into_bytes()),
        ("the shortest base64 of DER", STANDARD.encode([&[0x30, 28, 2, 1, 1, 4, 23][..], &[7; 23]].concat()).into_bytes()),
        ("DER with lengths of two bytes", der(&[&[2, 1, 0], &der(&[object_id]), &[4, 0x82, 1, 44], &[7; 300]])),
        ("OpenSSH, binary", b"openssh-key-v1\0none".to_vec()),
    ]
}

/// Files without a private key that look like one.
fn other_files() -> Vec<(&'static str, Vec<u8>)> {
    let public = Signer::named("rs256");
    let integer: &[u8] = &[0x02, 1, 5];
    let mut nulls = public.jwk();
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        nulls[member] = Value::Null;
    }
    vec![
        ("public PEM", public.pem().into_bytes()),
        ("a public JWK", public.jwk().to_string().into_bytes()),
        ("null members", json!({ "keys": [nulls] }).to_string().into_bytes()),
        ("an empty list of further primes", json!({ "kty": "RSA", "oth": [] }).to_string().into_bytes()),
        ("prose", b"# -- BEGIN of the section on the private key: never ship a PRIVATE KEY\n".to_vec()),
        ("prose without a dash", b"# we BEGIN with the PRIVATE KEY of the issuer\n".to_vec()),
        ("another block", b"-----BEGIN PRIVATE NOTES-----\n-----END PRIVATE NOTES-----\n".to_vec()),
        ("a block after which a key is named", b"-----BEGIN NOTES----- PRIVATE: the KEY\n".to_vec()),
        ("PuTTY's name alone", b"PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 6\nAAAA\n".to_vec()),
        ("a member of PuTTY's alone", b"Private-Lines: 14\nAAAA\n".to_vec()),
        ("a member `d` outside of a JWK", json!({ "d": "x", "kind": "kty" }).to_string().into_bytes()),
        ("a public key in DER", der(&[&der(&[&[0x06, 1, 1]]), &[0x03, 2, 0, 1]])),
        ("a public PKCS #1 key", der(&[integer, integer])),
        (
            "a certificate",
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "MIIB".repeat(30))
                .into_bytes(),
        ),
        ("base64 that is too short for a key", STANDARD.encode([0x30, 5, 2, 1, 1, 4, 0]).into_bytes()),
        ("random text", b"{{{{{{ kty d p q \"d\"".to_vec()),
        ("nothing", Vec::new()),
    ]
}

#[test]
fn every_form_is_found() {
    for (title, bytes) in private_files() {
        assert!(private_key::is_in_bytes(&bytes), "{title}");
    }
    for (title, bytes) in other_files() {
        assert!(!private_key::is_in_bytes(&bytes), "{title}");
    }
}

/// JSON in strings of JSON is searched to a depth of four.
#[test]
fn strings_are_searched_to_a_depth() {
    let mut text = private_jwk().to_string();
    for depth in 0..6 {
        assert_eq!(private_key::is_in(&text), depth <= 4, "depth {depth}");
        text = json!({ "Id": text }).to_string();
    }
}

/// A text of any length is searched in time: braces, quotes and backslashes cost nothing extra.
#[test]
fn a_search_ends_in_time() {
    for text in ["{", "[", "{\"kty\":", "\"\\\\\\\"", "-----BEGIN ", "# {\"kty\":{\n"] {
        assert!(!private_key::is_in_bytes(text.repeat(100_000 / text.len()).as_bytes()), "{text}");
    }
}

/// Next to the files that are named, in `keys/`, `policies/` and their subfolders.
#[test]
fn a_private_key_next_to_the_named_files_is_an_error() {
    for (title, bytes) in private_files() {
        for name in ["keys/old", "keys/archive/2025/old.bin", "policies/old.json"] {
            let deployment = Deployment::named("example");
            deployment.write(name, &bytes);
            let Err(errors) = deployment.load() else { panic!("{title} as {name} is accepted") };
            let [error] = errors.0.as_slice() else { panic!("{title} as {name}: {errors}") };
            assert_eq!((&*error.file, &*error.what), (name, "contains a private key"), "{title}");
            assert!(!errors.to_string().contains(SECRET), "{title}");
        }
    }
    let deployment = Deployment::named("example");
    for (index, (_, bytes)) in other_files().into_iter().enumerate() {
        deployment.write(&format!("keys/other/{index}"), bytes);
    }
    deployment.load().unwrap_or_else(|errors| panic!("{errors}"));
}

/// A file that is not named is searched up to 1 MiB, which is more than any key file.
#[test]
fn a_large_file_that_is_not_named_is_not_searched() {
    let jwk = private_jwk().to_string();
    for (length, is_found) in [(1024 * 1024, true), (1024 * 1024 + 1, false)] {
        let deployment = Deployment::named("example");
        deployment.write("keys/old", [jwk.as_bytes(), &vec![b' '; length - jwk.len()]].concat());
        assert_eq!(deployment.load().is_err(), is_found, "{length} bytes");
    }
}

/// Subfolders are searched to a depth of four.
#[test]
fn subfolders_are_searched_to_a_depth() {
    for (depth, is_found) in [(4, true), (5, false)] {
        let deployment = Deployment::named("example");
        deployment.write(&format!("keys/{}old", "a/".repeat(depth)), private_jwk().to_string());
        assert_eq!(deployment.load().is_err(), is_found, "{depth}");
    }
}

/// In the files that are read: the configuration, a policy, a key file.
#[test]
fn a_private_key_in_a_file_that_is_read_is_an_error() {
    let jwk = private_jwk();
    let policy = |id: &Value| json!({ "Version": "2012-10-17", "Id": id, "Statement": [{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "client/${mqtt:client_id}" }] });
    let toml = std::fs::read_to_string(Deployment::named("example").path("authorizer.toml")).unwrap();
    for (file, text) in [
        ("authorizer.toml", format!("# {jwk}\n{toml}")),
        ("authorizer.toml", format!("# -----BEGIN {}-----\n{toml}", ["PRIVATE", "KEY"].join(" "))),
        ("policies/app-user.json", policy(&json!(jwk.to_string())).to_string()),
        ("policies/app-user.json", policy(&jwk).to_string()),
        ("keys/users.jwks.json", json!({ "keys": [Signer::named("es256").jwk()], "old": [jwk] }).to_string()),
        (
            "keys/users.jwks.json",
            json!({ "keys": [Signer::named("es256").jwk()], "note": jwk.to_string() }).to_string(),
        ),
    ] {
        let deployment = Deployment::named("example");
        deployment.write(file, &text);
        let Err(errors) = deployment.load() else { panic!("{file} is accepted: {text}") };
        let private: Vec<_> =
            errors.0.iter().filter(|error| error.what == "contains a private key").collect();
        assert!(matches!(private.as_slice(), [error] if error.file == file), "{file}: {errors}");
        assert!(!errors.to_string().contains(SECRET), "{errors}");
    }
}
