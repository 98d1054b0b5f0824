//! Every reason to deny a request, its stable code, and what an operator does about it.

use std::fmt;

/// Why a request is denied: the check that failed, and which claim, slot or rule of the configuration it was about.
///
/// INVARIANT (no token, password or claim of a denied token is logged): it holds nothing from the request. `detail` has
/// fixed text, names and patterns from the configuration, names of registered claims and header members, or why a
/// source failed, so a denial may be logged as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Denial {
    code: Code,
    detail: Option<Box<str>>,
}

impl Denial {
    /// A denial about the claim, slot or rule that the configuration calls `detail`, or with fixed text.
    pub fn about(code: Code, detail: &str) -> Self {
        Self { code, detail: Some(detail.into()) }
    }

    /// The check that failed.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The name of the claim, slot or rule that the check was about, or more about what is wrong, if there is one.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl From<Code> for Denial {
    fn from(code: Code) -> Self {
        Self { code, detail: None }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(out, "{} ({detail})", self.code.name()),
            None => out.write_str(self.code.name()),
        }
    }
}

macro_rules! codes {
    ($($variant:ident $name:literal: $meaning:literal, $hint:literal;)*) => {
        /// The checks, in the order in which they run. The first that fails names the denial.
        ///
        /// The names are stable: the log, metrics, tests and pages use them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The meaning, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// What the log says to people: `denied CODE: MEANING`.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => concat!("denied ", $name, ": ", $meaning)),* }
            }

            /// What an operator does about it, in one sentence.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint),* }
            }
        }
    };
}

codes! {
    MalformedEvent "malformed_event":
        "The event is not an AWS IoT custom-authorizer event.",
        "Check who invokes the function: only AWS IoT should be able to.";
    NoToken "no_token":
        "The request has no token in any place of `[token] from`.",
        "Send the token alone in one of these places, or add its place to `[token] from`; `detail` names a value there \
         that is not a token.";
    MalformedToken "malformed_token":
        "The value in the token's place is not a compact JWS with a JSON header and a JSON payload.",
        "Send the access token alone, as the issuer issued it: no quotation marks, no padding, no second token; `detail` \
         names the place or the part.";
    AmbiguousToken "ambiguous_token":
        "The request has two different tokens.",
        "Send one token, or remove places from `[token] from`.";
    TokenTooLarge "token_too_large":
        "The token is longer than `[token] max_bytes`.",
        "Have the issuer put fewer claims into the token, or raise `max_bytes`.";
    CriticalHeader "critical_header":
        "The token's header has `crit` or `b64`; no such extension is supported.",
        "Have the issuer issue plain JWTs (RFC 7519).";
    WrongType "wrong_type":
        "The header's `typ` is not one of the issuer's `types`.",
        "Send an access token, or add the type to `types`.";
    UnknownIssuer "unknown_issuer":
        "`iss` does not equal the `issuer` of any `[[issuer]]`.",
        "Compare `iss` with `issuer`, including a slash at the end; if the token has no `iss`, have the issuer add it.";
    UnsupportedAlgorithm "unsupported_algorithm":
        "The header's `alg` is not one of the issuer's `algorithms`, or not the key's.",
        "Add the issuer's algorithm to `algorithms`; HMAC and `none` are not supported.";
    UnknownKey "unknown_key":
        "None of the issuer's keys has the token's `kid` and `alg`, or more than four have.",
        "Compare the token's `kid` with `cargo local keys show`; give the function the issuer's present key set.";
    KeysUnavailable "keys_unavailable":
        "The issuer has no usable keys: no key source has responded yet, or none with a usable key.",
        "Read `detail`, or `why` of the log's line `keys_missing`: address, network, permissions, or the key set itself.";
    BadSignature "bad_signature":
        "The signature does not match the token.",
        "None needed if the token is forged; else make sure that the issuer and the function use the same key, and that \
         nothing re-encodes the token.";
    MalformedClaim "malformed_claim":
        "A claim has the wrong JSON type, or is empty.",
        "Have the issuer write the claim in its proper form (RFC 7519 section 4.1): dates are numbers, `sub` is a \
         non-empty string.";
    MissingClaim "missing_claim":
        "A required claim is absent.",
        "Have the issuer add the claim, or make the slot `optional`.";
    WrongAudience "wrong_audience":
        "The token was issued for another audience.",
        "Request a token for one of `audience`.";
    Expired "expired":
        "The token's `exp` has passed.",
        "Have the client get a new token before it connects.";
    NotYetValid "not_yet_valid":
        "The token's `nbf` or `iat` is in the future.",
        "Check the issuer's clock.";
    LifetimeTooLong "lifetime_too_long":
        "The time from `iat` to `exp` is longer than `max_lifetime_seconds`.",
        "Have the issuer issue tokens with a shorter lifetime, or raise the limit.";
    ExpiresTooSoon "expires_too_soon":
        "The token expires in less than `min_remaining_seconds`.",
        "Have the client get a new token before it connects.";
    RequirementNotMet "requirement_not_met":
        "A claim does not meet a condition of `require`.",
        "Compare the claim with `require`.";
    CertificateMismatch "certificate_mismatch":
        "The token is not bound to the certificate that the client presented.",
        "Have the client present the certificate that its token is bound to (RFC 8705).";
    RefusedByRule "refused_by_rule":
        "A `[[refuse]]` rule matches the token.",
        "None needed if the rule is meant; else remove it.";
    Revoked "revoked":
        "The token, its subject or its key is on the revocation list.",
        "None needed if the entry is meant; else `cargo local unrevoke`. `detail` names the kind of the entry.";
    RevocationStale "revocation_stale":
        "There is no revocation list, or only one older than `max_stale_seconds` of `[revocation]`.",
        "Read `detail`, or `why` of the log's line `revocation_missing` or `revocation_kept`: address, network, \
         permissions, or the list itself.";
    NoGrant "no_grant":
        "No `[[grant]]` gives the token any permission.",
        "Compare the claims with the `when` of each `[[grant]]`.";
    ClientIdNotAllowed "client_id_not_allowed":
        "The MQTT client id is absent, or does not match any of `client_ids`.",
        "Have the client use a client id that matches `client_ids`, where `*` stands for one level.";
    UnsafeClaimValue "unsafe_claim_value":
        "A claim that fills a slot has characters or a length that the slot does not allow.",
        "`*`, `+` and `#` are never legitimate: an attack, or an error of the issuer. For a legitimate value, give the slot \
         a type that allows it (`path`, `hash`).";
    PolicyTooLarge "policy_too_large":
        "The policy does not fit into ten documents of 2,048 characters.",
        "Lower `max_items`, or write fewer or shorter resources.";
}

impl Code {
    /// Whether the cause is on our side and not in the request, so that alarms can separate the two.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::RevocationStale)
    }
}
