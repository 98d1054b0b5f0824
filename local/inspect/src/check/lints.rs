//! Lints: settings that work but are probably mistakes. Each has an id and can be accepted with a reason.

mod deployment;
mod levels;
mod placeholders;
mod policies;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};

use crate::findings::files::Files;
use crate::findings::{Finding, Severity};

/// A lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Its name in `[check.allow]`.
    pub id: &'static str,
    /// Why it matters and what to do.
    pub hint: &'static str,
}

/// Every lint, in the order of docs/check.md.
pub const LINTS: [Lint; 14] = [
    ANY_CLIENT,
    NO_RECEIVE,
    MQTT_WILDCARD,
    ACROSS_TENANTS,
    RESERVED_TOPIC,
    THING_VARIABLE,
    CLIENT_ID_IN_FILTER,
    UNPINNED_SHARE,
    UNUSED_SLOT,
    UNREACHABLE_GRANT,
    USER_EDITABLE_CLAIM,
    SHARED_RESOURCE,
    PLACEHOLDER,
    PLAIN_ENTRIES,
];

const ANY_CLIENT: Lint = Lint {
    id: "any-client",
    hint: "only `client_ids` then separates two clients; write `client/${mqtt:client_id}`",
};
const NO_RECEIVE: Lint = Lint {
    id: "subscribe-without-receive",
    hint: "AWS IoT accepts the subscription but delivers nothing: each message needs iot:Receive on its topic",
};
const MQTT_WILDCARD: Lint = Lint {
    id: "mqtt-wildcard",
    hint: "`+` and `#` are plain characters in a policy, and no topic of a message has them; write `*`, which crosses slashes",
};
const ACROSS_TENANTS: Lint = Lint {
    id: "across-tenants",
    hint: "no value of the token precedes the wildcard, so it matches the same topics for every token; put a slot before it",
};
const RESERVED_TOPIC: Lint = Lint {
    id: "reserved-topic",
    hint: "AWS IoT's own topics reveal connections, subscriptions and certificates of all clients; remove the resource",
};
const THING_VARIABLE: Lint = Lint {
    id: "thing-variable",
    hint: "custom authentication without a client certificate has no thing, and AWS IoT skips a statement with an empty \
           variable; use a slot",
};
const CLIENT_ID_IN_FILTER: Lint = Lint {
    id: "client-id-in-filter",
    hint: "AWS IoT fills in any id that the client chooses; write `${mqtt:client_id}`, which has passed `client_ids`, or a slot",
};
const UNPINNED_SHARE: Lint = Lint {
    id: "unpinned-share",
    hint: "a client that joins a group takes messages away from its other members; name the group",
};
const UNUSED_SLOT: Lint =
    Lint { id: "unused-slot", hint: "no policy and no client id uses it; use it, or remove it" };
const UNREACHABLE_GRANT: Lint = Lint {
    id: "unreachable-grant",
    hint: "no token that the issuer's rules accept meets its conditions; fix the conditions, or remove the grant",
};
const USER_EDITABLE_CLAIM: Lint = Lint {
    id: "user-editable-claim",
    hint: "at many issuers users can set this claim, and with it whose topics they reach; use a claim that only the issuer \
           sets",
};
const SHARED_RESOURCE: Lint = Lint {
    id: "shared-resource",
    hint: "a token of one issuer may reach what belongs to a token of the other; begin the resource with `${issuer:id}/`, or \
           accept it if both issuers have the same users",
};

const PLACEHOLDER: Lint = Lint {
    id: "placeholder",
    hint: "this is a value of the example, with which every real token is denied; write your issuer's",
};

/// Found by [`crate::revocation::findings`].
pub(crate) const PLAIN_ENTRIES: Lint = Lint {
    id: "plain-entries",
    hint: "subjects are often personal data; `cargo local revoke --sha256` writes hashes",
};

/// What the lints examine, and what they have found.
struct Linter<'a> {
    authorizer: &'a Authorizer,
    files: &'a Files,
    findings: Vec<Finding>,
}

impl Linter<'_> {
    fn add(&mut self, lint: Lint, file: &str, place: ErrorPlace, what: String) {
        let error = ConfigError::at(file, place, what).hint(lint.hint);
        let finding = Finding { severity: Severity::Warning, lint: Some(lint.id), error };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn add_to_config(&mut self, lint: Lint, place: ErrorPlace, what: String) {
        self.add(lint, self.files.config(), place, what);
    }
}

/// The findings of all lints in a deployment without errors.
#[must_use]
pub fn lints(authorizer: &Authorizer, files: &Files) -> Vec<Finding> {
    let mut linter = Linter { authorizer, files, findings: Vec::new() };
    linter.policies();
    linter.deployment();
    linter.placeholders();
    linter.findings
}

/// The file of a policy.
fn policy_file(name: &str) -> String {
    format!("policies/{name}.json")
}

/// The place of a resource in its policy.
fn resource_place(statement: usize, resource: usize) -> ErrorPlace {
    ErrorPlace::Member(format!("Statement[{statement}].Resource[{resource}]"))
}
