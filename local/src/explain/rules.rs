//! The claim rules of an issuer, each with what it expects and what the token has.
//!
//! Nothing is judged here: [`ClaimRules::judge`] has named the rule that failed, those before it have held, and those after it were not
//! reached.

use iot_jwt_authorizer::claims::ClaimPath;
use iot_jwt_authorizer::condition::{Condition, Scalar};
use iot_jwt_authorizer::denial::{Code, Denial};
use iot_jwt_authorizer::json::{Json, Object};
use iot_jwt_authorizer::verify::ClaimRules;

use super::{Mark, Row};
use crate::moment;

/// The most characters of a claim that are shown.
const MOST_SHOWN: usize = 120;

/// A rule, and the refusal that it makes.
struct Rule {
    code: Code,
    subject: Option<String>,
    row: Row,
}

/// The rules in their order.
pub(super) fn rows(
    rules: &ClaimRules,
    claims: &Object<'_>,
    certificate: bool,
    now: u64,
    refusal: Option<&Denial>,
) -> Vec<Row> {
    let mut all = Vec::new();
    types(rules, claims, &mut all);
    required(rules, claims, &mut all);
    times(rules, claims, now, &mut all);
    for condition in &rules.require {
        let name = format!("require {}", condition.name);
        all.push(rule(
            Code::RequirementNotMet,
            Some(&condition.name),
            name,
            claims_of(condition, claims),
            wanted(condition),
        ));
    }
    binding(rules, claims, certificate, &mut all);
    let mut refused = false;
    for refuse in &rules.refuse {
        let matches = refuse.iter().all(|condition| condition.holds(claims));
        // The first that matches is the one that refuses.
        let code = if matches && !refused { Code::RefusedByRule } else { Code::MalformedEvent };
        refused |= matches;
        let actual: Vec<String> =
            refuse.iter().map(|one| format!("{} {}", one.name, claims_of(one, claims))).collect();
        let unwanted: Vec<String> =
            refuse.iter().map(|one| format!("{} {}", one.name, wanted(one))).collect();
        all.push(rule(
            code,
            None,
            "refuse when",
            actual.join(" and "),
            format!("not {}", unwanted.join(" and ")),
        ));
    }
    marked(all, refusal)
}

fn marked(all: Vec<Rule>, refusal: Option<&Denial>) -> Vec<Row> {
    let is_it = |rule: &Rule| {
        refusal.is_some_and(|refusal| {
            refusal.code() == rule.code && refusal.detail() == rule.subject.as_deref()
        })
    };
    let failed = all.iter().position(is_it);
    let mark = |at: usize| match failed {
        Some(failed) if at == failed => Mark::Failed,
        Some(failed) if at > failed => Mark::NotReached,
        _ => Mark::Held,
    };
    all.into_iter().enumerate().map(|(at, rule)| Row { mark: mark(at), ..rule.row }).collect()
}

/// A claim that is there has to be of its type (RFC 7519 section 4.1).
fn types(rules: &ClaimRules, claims: &Object<'_>, all: &mut Vec<Rule>) {
    const DATE: &str = "a number of seconds since 1970";
    let registered = [
        ("iss", "a string"),
        ("jti", "a string"),
        ("sub", "a string, not empty"),
        (&*rules.audience_claim, "a string or a list of strings"),
        ("exp", DATE),
        ("nbf", DATE),
        ("iat", DATE),
        ("cnf", "an object"),
    ];
    for (name, form) in registered {
        if let Some(claim) = claims.get(name) {
            let actual = if form == DATE { dated(claim) } else { shown(claim) };
            all.push(rule(Code::MalformedClaim, Some(name), name, actual, form));
        }
    }
}

fn required(rules: &ClaimRules, claims: &Object<'_>, all: &mut Vec<Rule>) {
    let iat = rules.max_lifetime_seconds.map(|_| "iat");
    for name in ["exp", "sub", &*rules.audience_claim].into_iter().chain(iat) {
        let there = match claims.get(name) {
            None => "no",
            Some(Json::Array(list)) if list.is_empty() => "no: it is an empty list",
            Some(_) => "yes",
        };
        let mut rule = rule(Code::MissingClaim, Some(name), format!("{name} is there"), there, "");
        rule.row.expected = None;
        all.push(rule);
    }
    let audience = claims.get(&rules.audience_claim).map_or_else(absent, shown);
    let ours = rules.audience.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" or ");
    all.push(rule(Code::WrongAudience, None, "audience", audience, ours));
}

fn times(rules: &ClaimRules, claims: &Object<'_>, now: u64, all: &mut Vec<Rule>) {
    let of = |name: &str| claims.get(name).map_or_else(absent, dated);
    let leeway = rules.leeway_seconds;
    let earliest = moment::date(now.saturating_sub(leeway));
    all.push(rule(
        Code::Expired,
        None,
        "not expired",
        format!("exp {}", of("exp")),
        format!("later than {earliest}, which is now less {leeway} s"),
    ));
    let latest = moment::date(now.saturating_add(leeway));
    let dates = format!("nbf {}, iat {}", of("nbf"), of("iat"));
    all.push(rule(
        Code::NotYetValid,
        None,
        "begun",
        dates,
        format!("none later than {latest}, which is now and {leeway} s"),
    ));
    if let Some(most) = rules.max_lifetime_seconds {
        let life = difference(claims.get("exp"), claims.get("iat"));
        all.push(rule(Code::LifetimeTooLong, None, "lifetime", life, format!("at most {most} s")));
    }
    if rules.min_remaining_seconds > 0 {
        let left = difference(claims.get("exp"), Some(&Json::Unsigned(now)));
        let least = format!("at least {} s", rules.min_remaining_seconds);
        all.push(rule(Code::ExpiresTooSoon, None, "life left", left, least));
    }
}

/// RFC 8705 section 3.1.
fn binding(rules: &ClaimRules, claims: &Object<'_>, certificate: bool, all: &mut Vec<Rule>) {
    let confirmation = claims.get("cnf");
    if confirmation.is_none() && !rules.certificate_bound {
        return;
    }
    let presented = if certificate { "with" } else { "without" };
    let actual = format!("cnf {}, {presented} a client certificate", confirmation.map_or_else(absent, shown));
    let expected = "cnf has x5t#S256 alone, and it is the thumbprint of the client's certificate";
    all.push(rule(Code::CertificateMismatch, None, "certificate", actual, expected));
}

fn rule(
    code: Code,
    subject: Option<&str>,
    name: impl Into<String>,
    actual: impl Into<String>,
    expected: impl Into<String>,
) -> Rule {
    Rule { code, subject: subject.map(str::to_owned), row: Row::check(true, name, actual, expected) }
}

/// What a condition asks for.
pub(super) fn wanted(condition: &Condition) -> String {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::String(text) => quoted(text),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Bool(truth) => truth.to_string(),
    };
    condition.any_of.iter().map(scalar).collect::<Vec<_>>().join(" or ")
}

/// What the claims have where a condition looks.
pub(super) fn claims_of(condition: &Condition, claims: &Object<'_>) -> String {
    condition.path.find(claims).map_or_else(absent, shown)
}

/// A path as the configuration writes it.
pub(super) fn path(path: &ClaimPath) -> String {
    match path {
        ClaimPath::Name(name) => name.to_string(),
        ClaimPath::Pointer(tokens) => {
            tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect()
        }
    }
}

fn absent() -> String {
    "absent".to_owned()
}

/// A value as JSON, cut if it is long: it is only shown.
pub(super) fn shown(claim: &Json<'_>) -> String {
    let text = harmless(&json(claim).to_string());
    if text.chars().count() <= MOST_SHOWN {
        return text;
    }
    let start: String = text.chars().take(MOST_SHOWN).collect();
    format!("{start}... ({} characters)", text.chars().count())
}

/// JSON escapes control characters below 32 alone; a terminal obeys others too.
fn harmless(text: &str) -> String {
    let is_harmful = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| {
            if is_harmful(character) { character.escape_unicode().to_string() } else { character.to_string() }
        })
        .collect()
}

/// A text as JSON, so that no control character reaches the terminal.
pub(crate) fn quoted(text: &str) -> String {
    shown(&Json::String(text.into()))
}

fn json(claim: &Json<'_>) -> serde_json::Value {
    match claim {
        Json::Null => serde_json::Value::Null,
        Json::Bool(truth) => (*truth).into(),
        Json::Unsigned(number) => (*number).into(),
        Json::Float(number) => (*number).into(),
        Json::String(text) => text.as_ref().into(),
        Json::Array(items) => items.iter().map(json).collect(),
        Json::Object(object) => {
            object.members().map(|(name, value)| (name.to_owned(), json(value))).collect()
        }
    }
}

fn dated(claim: &Json<'_>) -> String {
    match claim {
        Json::Unsigned(seconds) => moment::date(*seconds),
        other => shown(other),
    }
}

/// Of two dates; whole seconds where both are whole.
fn difference(late: Option<&Json<'_>>, early: Option<&Json<'_>>) -> String {
    match (late, early) {
        (Some(Json::Unsigned(late)), Some(Json::Unsigned(early))) => {
            format!("{} s", i128::from(*late).saturating_sub((*early).into()))
        }
        (Some(late), Some(early)) => format!("from {} to {}", dated(early), dated(late)),
        _ => absent(),
    }
}
