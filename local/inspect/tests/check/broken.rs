//! Configurations with errors, and what `check` reports: `snapshots/` has the whole output for each.

use crate::support::Folder;

const CONFIG: &str = "authorizer.toml";
const USER: &str = "policies/app-user.json";
const OWNER: &str = "policies/device-owner.json";

/// Name of the snapshot, description, file, the text to replace, and its replacement.
type Break = (&'static str, &'static str, &'static str, &'static str, &'static str);

const BREAKS: [Break; 20] = [
    ("key_misspelt", "A key of an issuer is misspelt", CONFIG, "audience   =", "audiences  ="),
    ("toml_unclosed", "A quote is missing", CONFIG, "id         = \"users\"", "id         = \"users"),
    (
        "no_such_policy",
        "A grant names a policy that does not exist",
        CONFIG,
        "policy = \"device-owner\"",
        "policy = \"device-owners\"",
    ),
    ("no_such_keys", "The file of public keys does not exist", CONFIG, "keys/users.jwks", "keys/user.jwks"),
    ("no_such_algorithm", "An algorithm of shared secrets", CONFIG, "\"RS256\", ", "\"HS256\", "),
    (
        "environment_not_set",
        "A variable of the environment is not set",
        CONFIG,
        "https://login.example.com/",
        "https://${env:LOGIN_HOST}/",
    ),
    ("wrong_type", "A string instead of a boolean", CONFIG, "optional = true", "optional = \"yes\""),
    ("out_of_range", "More items than a list may have", CONFIG, "max_items = 20", "max_items = 5000"),
    (
        "client_id_of_two_subjects",
        "Two subjects of one tenant could have the same client id",
        CONFIG,
        "\"${sub}\", ",
        "\"${tenant}\", ",
    ),
    (
        "client_id_runs_on",
        "A client id pattern with text next to a slot in one level",
        CONFIG,
        "${sub}/*",
        "${sub}-*",
    ),
    ("condition_on_nothing", "A `when` without conditions", CONFIG, "{ role = \"operator\" }", "{}"),
    ("policy_no_json", "A trailing comma", USER, "users/${sub}/*\" }\n  ]", "users/${sub}/*\" },\n  ]"),
    ("policy_old_version", "A version in which AWS fills no variables", USER, "2012-10-17", "2008-10-17"),
    ("policy_unknown_slot", "A slot is misspelt", USER, "topic/${tenant}/users", "topic/${tenent}/users"),
    (
        "policy_slot_next_to_text",
        "A slot that does not fill its level",
        USER,
        "topicfilter/${tenant}/users",
        "topicfilter/${tenant}-users",
    ),
    (
        "policy_not_action",
        "Everything but one action",
        OWNER,
        "\"Action\": \"iot:Publish\"",
        "\"NotAction\": \"iot:Publish\"",
    ),
    ("policy_wrong_kind", "A subscription to a topic", OWNER, "topicfilter/", "topic/"),
    (
        "policy_deny_by_optional",
        "A Deny that would be skipped",
        OWNER,
        "\"Effect\": \"Allow\", \"Action\": \"iot:Publish\"",
        "\"Effect\": \"Deny\", \"Action\": \"iot:Publish\"",
    ),
    (
        "response_too_large",
        "Values so long that the policy of an owner of 20 devices does not fit",
        CONFIG,
        "max_length = 64",
        "max_length = 128",
    ),
    (
        "certificate_for_all",
        "A number instead of a boolean",
        CONFIG,
        "client_ids =",
        "certificate_bound = 1\nclient_ids =",
    ),
];

fn show(name: &str, what: &str, folder: &Folder) {
    let report = folder.examine();
    assert!(!report.findings.is_empty(), "{name}: no findings");
    insta::with_settings!({ description => what, omit_expression => true, prepend_module_to_snapshot => false }, {
        // The folder is another one in each run.
        let text = report.text(false).replace(&format!("{}/", folder.path("").display()).replace("//", "/"), "");
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn one_error() {
    for (name, what, file, old, new) in BREAKS {
        let folder = Folder::example();
        folder.edit(file, old, new);
        show(name, what, &folder);
    }
}

#[test]
fn errors_of_several_edits() {
    let folder = Folder::example();
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    folder.write("keys/old.pem", &block(&["PRIVATE", "KEY"].join(" ")));
    show("private_key", "A private key in keys/", &folder);

    let folder = Folder::example();
    folder.write("keys/users.jwks.json", "{\n  \"keys\": [\n    { \"kty\": \"oct\", \"k\": \"AAAA\" },\n    { \"kty\": \"EC\", \"crv\": \"P-256\" }\n  ]\n}\n");
    show("no_usable_key", "A key set without a usable key", &folder);

    let folder = Folder::example();
    folder.edit(CONFIG, "audience   =", "leeway_seconds = 600\naudience   =");
    folder.edit(CONFIG, "tenant  = \"tenant\"", "tenant  = 7");
    folder.edit(USER, "iot:Connect", "iot:*");
    show("several", "All errors are reported at once", &folder);

    let folder = Folder::example();
    folder.edit(USER, "client/${mqtt:client_id}", "client/*");
    folder.edit(CONFIG, "[[grant]]", "spare = \"email\"\n\n[check.allow]\n\"unpinned-share policies/app-user.json\" = \"accepted before\"\n\n[[grant]]");
    show("warnings", "No error, but probable mistakes", &folder);

    let folder = Folder::example();
    folder.edit(CONFIG, "tenant  = \"tenant\"", "tenant = { path = \"tenant\", max_length = 1024 }");
    folder.edit(CONFIG, "max_length = 64", "max_length = 1024");
    show("resource_too_large", "Values so long that one resource fills a document", &folder);

    let folder = Folder::example();
    folder.write(
        "policies/app-user.cases.json",
        "{\n  \"claims\": { \"sub\": \"ana\", \"tenant\": \"acme\" },\n  \"cases\": [\n    { \"allow\": \"iot:Publish topic/acme/users/ana/x\", \"why\": \"the user's own topics\" },\n    \
         { \"deny\": \"iot:Publish topic/acme/users/ana/y\", \"why\": \"topics that no user has\" }\n  ]\n}\n",
    );
    show("case_wrong", "A policy allows what its cases say it must deny", &folder);

    let folder = Folder::empty();
    show("no_configuration", "The configuration does not exist", &folder);
}
