//! Lints: what works, and is probably not what was meant. Each has an id, and can be accepted with a reason.

mod deployment;
mod policies;

use std::ops::Range;

use iot_jwt_authorizer::authorizer::Authorizer;

use super::files::Files;
use super::finding::{Finding, Severity};

/// A lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Its name in `[check.allow]`.
    pub id: &'static str,
    /// Why it matters.
    pub why: &'static str,
}

/// Every lint, in the order of docs/check.md.
pub const LINTS: [Lint; 12] = [
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
];

const ANY_CLIENT: Lint = Lint {
    id: "any-client",
    why: "a policy that lets its holder connect as any client leaves `client_ids` as the only thing that keeps clients apart: write `client/${mqtt:client_id}`",
};
const NO_RECEIVE: Lint = Lint {
    id: "subscribe-without-receive",
    why: "AWS IoT takes the subscription and delivers nothing: each message needs iot:Receive on its topic",
};
const MQTT_WILDCARD: Lint = Lint {
    id: "mqtt-wildcard",
    why: "`+` and `#` are plain characters in a policy, and no message has them in its topic: write `*`, which crosses slashes",
};
const ACROSS_TENANTS: Lint = Lint {
    id: "across-tenants",
    why: "nothing of the token stands before the wildcard, so it reaches the same topics for everybody: put a slot before it",
};
const RESERVED_TOPIC: Lint = Lint {
    id: "reserved-topic",
    why: "AWS IoT's own topics tell of everybody's connections, subscriptions and certificates: no user's business",
};
const THING_VARIABLE: Lint = Lint {
    id: "thing-variable",
    why: "custom authentication without a client certificate has no thing, and AWS IoT skips a statement whose variable is empty: use a slot",
};
const CLIENT_ID_IN_FILTER: Lint = Lint {
    id: "client-id-in-filter",
    why: "AWS IoT puts in whatever the client calls itself: write `${mqtt:client_id}`, which has passed `client_ids`, or a slot",
};
const UNPINNED_SHARE: Lint = Lint {
    id: "unpinned-share",
    why: "whoever joins a shared subscription's group takes messages away from the others in it: name the group",
};
const UNUSED_SLOT: Lint =
    Lint { id: "unused-slot", why: "no policy and no client id takes it: use it, or leave it out" };
const UNREACHABLE_GRANT: Lint = Lint {
    id: "unreachable-grant",
    why: "no token that the issuer's rules accept meets its conditions, so nobody has what it grants: fix the conditions, or remove the grant",
};
const USER_EDITABLE_CLAIM: Lint = Lint {
    id: "user-editable-claim",
    why: "at many issuers people set this claim themselves, and with it whose topics they reach: take a claim that only the issuer sets",
};
const SHARED_RESOURCE: Lint = Lint {
    id: "shared-resource",
    why: "a token of one issuer may reach what belongs to a token of the other: begin the topics with `${issuer:id}/`, or accept it if both have the same people",
};

/// What lints look at, and what they have found.
struct Linter<'a> {
    authorizer: &'a Authorizer,
    files: &'a Files,
    findings: Vec<Finding>,
}

impl Linter<'_> {
    fn found(&mut self, lint: Lint, file: &str, span: Option<Range<usize>>, what: String) {
        let finding = Finding {
            severity: Severity::Warning,
            lint: Some(lint.id),
            file: file.to_owned(),
            span,
            what,
            hint: Some(lint.why.to_owned()),
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// Everything that the lints find in a deployment without faults.
#[must_use]
pub fn lints(authorizer: &Authorizer, files: &Files) -> Vec<Finding> {
    let mut linter = Linter { authorizer, files, findings: Vec::new() };
    linter.policies();
    linter.deployment();
    linter.findings
}
