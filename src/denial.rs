//! Every reason to refuse, its stable code, and what an operator does about it.

use std::fmt;

/// A refusal: which check failed, and which claim, slot or key of the configuration it was about.
///
/// It never holds anything that came with the request: `detail` is a name out of the configuration or the name
/// of a registered claim, so a refusal may be logged as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Denial {
    code: Code,
    detail: Option<Box<str>>,
}

impl Denial {
    /// A refusal over the claim, slot or rule that the configuration calls `detail`.
    pub fn over(code: Code, detail: &str) -> Self {
        Self { code, detail: Some(detail.into()) }
    }

    /// The check that failed.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The configured name of what the check was about, where there is one.
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
        /// The checks in the order in which they run; the first that fails names the refusal.
        ///
        /// The names are stable: logs, metrics, tests and documentation use them.
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

            /// What it means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// What an operator does about it.
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
        "Look at who invokes the function: only AWS IoT should be able to.";
    NoToken "no_token":
        "No configured place of the request holds a token.",
        "Compare what the client sends with `[token] from`.";
    MalformedToken "malformed_token":
        "What stands in the token's place is not a compact JWS with a JSON header and a JSON payload.",
        "Let the client send the access token as it was issued, all three parts of it.";
    AmbiguousToken "ambiguous_token":
        "The request holds two different tokens.",
        "Let the client send one token, or narrow `[token] from`.";
    TokenTooLarge "token_too_large":
        "The token is longer than `[token] max_bytes`.",
        "Ask the issuer for a leaner token, or raise `max_bytes`.";
    CriticalHeader "critical_header":
        "The token's header has `crit` or `b64`, which change what a token means.",
        "Ask the issuer for plain tokens (RFC 7519).";
    WrongType "wrong_type":
        "The header's `typ` is not one that the issuer's tokens have.",
        "Send an access token, or name the type in `types`.";
    UnknownIssuer "unknown_issuer":
        "`iss` names no issuer of the configuration.",
        "Compare `iss` with `issuer`, to the last slash.";
    UnsupportedAlgorithm "unsupported_algorithm":
        "The header's `alg` is not one of the issuer's `algorithms`, or not the key's.",
        "Name the issuer's algorithm in `algorithms`; HMAC and `none` cannot be named.";
    UnknownKey "unknown_key":
        "The issuer has no key that fits the token's `kid` and `alg`.",
        "Bring the issuer's present key set to the function: the issuer may have rotated its keys.";
    KeysUnavailable "keys_unavailable":
        "No source of the issuer's keys has answered yet.",
        "Look at the key sources: network, permissions, address.";
    BadSignature "bad_signature":
        "The signature does not belong to the token.",
        "Nothing, if someone forged it; else let the issuer and the function agree on the key.";
    MalformedClaim "malformed_claim":
        "A claim is of the wrong JSON type.",
        "Ask the issuer for the claim in its proper form (RFC 7519 section 4.1).";
    MissingClaim "missing_claim":
        "A claim that is required is absent.",
        "Ask the issuer to add it, or mark the slot `optional`.";
    WrongAudience "wrong_audience":
        "The token was issued for somebody else.",
        "Let the client ask for a token for one of `audience`.";
    Expired "expired":
        "The token's `exp` has passed.",
        "Let the client fetch a fresh token before it connects.";
    NotYetValid "not_yet_valid":
        "The token's `nbf` or `iat` lies in the future.",
        "Compare the issuer's clock with the real time.";
    LifetimeTooLong "lifetime_too_long":
        "The token lives longer than `max_lifetime_seconds`.",
        "Let the issuer give shorter lives, or raise the limit.";
    ExpiresTooSoon "expires_too_soon":
        "The token has less life left than `min_remaining_seconds`.",
        "Let the client connect with a fresh token.";
    RequirementNotMet "requirement_not_met":
        "A claim does not hold what `require` asks.",
        "Compare the claim with `require`.";
    CertificateMismatch "certificate_mismatch":
        "The token is bound to another client certificate, or to none.",
        "Let the client present the certificate that its token names (RFC 8705).";
    RefusedByRule "refused_by_rule":
        "A `[[refuse]]` rule matches the token.",
        "Nothing, if the rule is meant; else take it out.";
    NoGrant "no_grant":
        "No grant gives this token anything.",
        "Compare the claims with each `[[grant]] when`.";
    ClientIdNotAllowed "client_id_not_allowed":
        "The MQTT client id is absent, or not one that this token may use.",
        "Let the client use an id that fits `client_ids`.";
    UnsafeClaimValue "unsafe_claim_value":
        "A claim that fills a slot has characters or a length that the slot does not take.",
        "Give the slot the type that fits (`path`, `hash`), or change the claim at the issuer.";
    PolicyTooLarge "policy_too_large":
        "The policy would not fit ten documents of 2,048 characters.",
        "Lower `max_items`, or use fewer or shorter resources.";
}

impl Code {
    /// Whether the fault is ours rather than the request's, so that an alarm can tell them apart.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::KeysUnavailable)
    }
}
