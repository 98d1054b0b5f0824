//! Which files are copied, changed and kept.

use std::fs;

use super::*;

const CONFIG: &str = r#"# mine
[[issuer]]
id = "users"                     # short
issuer = "https://login.example.com/"
audience = ["iot.example.com"]
algorithms = ["ES256", "EdDSA"]
keys = [                         # where from
    "file:keys/users.jwks.json", # bundled
    "oidc",
]
client_ids = ["${sub}"]
typo = true

[[issuer]]
id = "machines"
issuer = "${env:MACHINES}"
audience = ["m"]
algorithms = ["RS256"]
keys = ["jwks:https://m.example.com/keys"]
audience_claim = "client_id"
types = ["at+jwt"]
max_lifetime_seconds = 900

[claims]
sub = "sub"
"#;

fn env() -> Env {
    Env::from([("MACHINES", "https://m.example.com")])
}

fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("authorizer.toml", config);
    write("policies/a.json", "{}");
    write("policies/deep/b.json", "{}");
    write("keys/users.jwks.json", "{}");
    folder
}

fn prepared(folder: &tempfile::TempDir) -> Workspace {
    prepare(&folder.path().join("authorizer.toml"), &env()).unwrap()
}

#[test]
fn only_keys_change_and_no_line_moves() {
    let folder = folder(CONFIG);
    let workspace = prepared(&folder);
    assert_eq!(fs::read_to_string(&workspace.original).unwrap(), CONFIG);
    let copy = fs::read_to_string(&workspace.config).unwrap();
    assert_eq!(copy.lines().count(), CONFIG.lines().count(), "{copy}");
    let changed: Vec<_> =
        CONFIG.lines().zip(copy.lines()).filter(|(before, after)| before != after).collect();
    assert_eq!(
        changed.iter().map(|(_, after)| *after).collect::<Vec<_>>(),
        [
            r#"keys = ["file:keys/dev-users.jwks.json""#,
            "",
            "",
            r#"keys = ["file:keys/dev-machines.jwks.json"]"#,
        ]
    );
}

#[test]
fn issuers_have_the_configured_settings() {
    let workspace = prepared(&folder(CONFIG));
    let [users, machines] = workspace.issuers.as_slice() else { panic!("{:?}", workspace.issuers) };
    let (users, machines) = (users.settings(), machines.settings());
    assert_eq!(
        (users.id.as_str(), users.typ.as_str(), users.audience_claim.as_str()),
        ("users", "JWT", "aud")
    );
    assert_eq!(users.algorithms, [jsonwebtoken::Algorithm::ES256, jsonwebtoken::Algorithm::EdDSA]);
    assert_eq!(machines.issuer, "https://m.example.com");
    assert_eq!((machines.typ.as_str(), machines.audience_claim.as_str()), ("at+jwt", "client_id"));
    assert_eq!(machines.max_lifetime.map(|life| life.as_secs()), Some(900));
    // Of several audience claims, tokens get the first.
    let config =
        CONFIG.replace(r#"audience_claim = "client_id""#, r#"audience_claim = ["azp", "${env:OTHER}"]"#);
    let env = Env::from([("MACHINES", "https://m.example.com"), ("OTHER", "aud")]);
    let workspace = prepare(&folder(&config).path().join("authorizer.toml"), &env).unwrap();
    let claims: Vec<_> = workspace.issuers.iter().map(|issuer| &*issuer.settings().audience_claim).collect();
    assert_eq!(claims, ["aud", "azp"]);
}

#[test]
fn files_are_mirrored_and_keys_are_kept() {
    let folder = folder(CONFIG);
    let workspace = prepared(&folder);
    let exists = |name: &str| workspace.root.join(name).exists();
    assert!(exists("policies/a.json") && exists("policies/deep/b.json") && exists("keys/users.jwks.json"));
    let set = fs::read(workspace.root.join("keys/dev-users.jwks.json")).unwrap();

    fs::remove_file(folder.path().join("policies/a.json")).unwrap();
    fs::remove_dir_all(folder.path().join("policies/deep")).unwrap();
    fs::write(folder.path().join("policies/c.json"), "[]").unwrap();
    fs::write(folder.path().join("keys/users.jwks.json"), "[1]").unwrap();
    let updated = prepared(&folder);
    assert!(!exists("policies/a.json") && !exists("policies/deep") && exists("policies/c.json"));
    assert_eq!(fs::read_to_string(updated.root.join("keys/users.jwks.json")).unwrap(), "[1]");
    assert_eq!(fs::read(updated.root.join("keys/dev-users.jwks.json")).unwrap(), set);
    assert!(
        !fs::read_dir(&updated.root)
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().ends_with(".draft") })
    );
}

#[test]
fn an_invalid_configuration_is_copied_unchanged() {
    for config in [
        "not = = toml",
        "[[issuer]]\nid = \"users\"\nkeys = [\"oidc\"]\n",
        &CONFIG.replace("${env:MACHINES}", "${env:UNSET}").replace("\"users\" ", "\"../users\""),
        "issuer = 7\n",
        "[[issuer]]\nid = \"u\"\nissuer = \"i\"\naudience = [\"a\"]\nalgorithms = [\"ES256\"]\nkeys = []\n",
        "[[issuer]]\nid = \"u\"\nissuer = \"i\"\naudience = [\"a\"]\nalgorithms = [\"ES256\"]\nkeys = \"oidc\"\n",
        "[[issuer]]\nid = \"u\"\nissuer = \"i\"\naudience = [\"a\"]\nalgorithms = [\"ES256\"]\n",
        "[[issuer]]\nid = \"u\"\nissuer = \"i\"\naudience = [\"a\"]\nalgorithms = [\"HS256\"]\nkeys = [\"oidc\"]\n",
    ] {
        let folder = folder(config);
        let workspace = prepared(&folder);
        assert_eq!(fs::read_to_string(&workspace.config).unwrap(), config);
        assert!(workspace.issuers.is_empty(), "{config}");
    }
}

#[test]
fn a_private_key_in_keys_is_copied_for_the_authorizer_to_reject() {
    let folder = folder(CONFIG);
    fs::write(folder.path().join("keys/oops.pem"), "-----BEGIN PRIVATE KEY-----").unwrap();
    assert!(prepared(&folder).root.join("keys/oops.pem").exists());
}

#[test]
fn issuers_may_be_inline_tables() {
    let issuer = r#"{ id = "u", issuer = "i", audience = ["a"], algorithms = ["ES256"], keys = ["oidc"] }"#;
    let config = format!("issuer = [{issuer}]\n");
    let folder = folder(&config);
    let workspace = prepared(&folder);
    assert_eq!(workspace.issuers.len(), 1);
    assert_eq!(
        fs::read_to_string(&workspace.config).unwrap(),
        config.replace("oidc", "file:keys/dev-u.jwks.json")
    );
}

#[cfg(unix)]
#[test]
fn the_state_folder_is_private_to_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(CONFIG);
    let workspace = prepared(&folder);
    let mode = |name: &str| fs::metadata(workspace.root.join(name)).unwrap().permissions().mode() & 0o777;
    for name in ["", "private", "keys", "policies"] {
        assert_eq!(mode(name), 0o700, "{name}");
    }
    for name in
        ["private/users-p256.pem", "private/machines-rsa.pem", "keys/dev-users.jwks.json", "authorizer.toml"]
    {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(fs::read_to_string(workspace.root.join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn a_missing_configuration_is_an_error() {
    let error = prepare(Path::new("/nowhere/authorizer.toml"), &env()).unwrap_err().to_string();
    assert_eq!(error, "/nowhere/authorizer.toml: no such file");
    let error = prepare(Path::new("authorizer.toml"), &env()).unwrap_err().to_string();
    assert!(
        error.starts_with("authorizer.toml: no such file\n  help: ") && error.contains("--config"),
        "{error}"
    );
}

/// Gateways of two Regions that start at once prepare one folder.
#[test]
fn those_that_prepare_one_folder_at_once_get_the_same_keys() {
    let folder = folder(CONFIG);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let config = folder.path().join("authorizer.toml");
            std::thread::spawn(move || prepare(&config, &env()).unwrap())
        })
        .collect();
    let workspaces: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let key_sets = |workspace: &Workspace| -> Vec<_> {
        workspace.issuers.iter().map(|issuer| issuer.key_set().to_string()).collect()
    };
    let first = key_sets(&workspaces[0]);
    assert_eq!(first.len(), 2);
    assert!(workspaces.iter().all(|workspace| key_sets(workspace) == first));
}
