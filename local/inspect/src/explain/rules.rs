//! The claim rules of an issuer, each with what it expects and what the token has.

use iot_jwt_authorizer::claims::{ClaimRules, Facts, Form, Rule};
use iot_jwt_authorizer::condition::{Condition, Scalar};
use iot_jwt_authorizer::json::{Json, Object};
use iot_local_base::timestamp;

use super::{Mark, Row};
use crate::quote::{quoted, shown};

/// The rules in the order in which they are checked. `now` is the present time in seconds since 1970.
pub(super) fn rows(rules: &ClaimRules, facts: Facts<'_, '_>, now: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut has_failed = false;
    for rule in rules.rules(facts.claims) {
        let mark = match (has_failed, rule.holds(rules, facts)) {
            (true, _) => Mark::NotReached,
            (false, true) => Mark::Held,
            (false, false) => Mark::Failed,
        };
        has_failed |= mark == Mark::Failed;
        rows.extend(row(rule, rules, facts, now).map(|row| Row { mark, ..row }));
    }
    rows
}

/// What a rule sees. Returns `None` for a rule about a claim that is absent and may be.
fn row(rule: Rule<'_>, rules: &ClaimRules, facts: Facts<'_, '_>, now: u64) -> Option<Row> {
    let claims = facts.claims;
    let check = |name: &str, actual: String, expected: String| Row::check(true, name, actual, expected);
    Some(match rule {
        Rule::Form(name, form) => {
            check(name, actual(claims.get(name)?, form), expected_form(form).to_owned())
        }
        Rule::Present(name) => {
            let actual = match claims.get(name) {
                None => "no",
                Some(Json::Array(items)) if items.is_empty() => "no: the list is empty",
                Some(_) => "yes",
            };
            Row::held(format!("{name} present"), actual)
        }
        Rule::Audience(name) => {
            let accepted: Vec<String> = rules.audience.iter().map(|name| quoted(name)).collect();
            check("audience", shown_claim(claims, name), accepted.join(" or "))
        }
        Rule::NotExpired => {
            let leeway = rules.leeway_seconds;
            let earliest = timestamp::date(now.saturating_sub(leeway));
            let expected = format!("after {earliest}, {leeway} s before now");
            check("not expired", format!("exp {}", date_of(claims, "exp")), expected)
        }
        Rule::Begun => {
            let leeway = rules.leeway_seconds;
            let latest = timestamp::date(now.saturating_add(leeway));
            let actual = format!("nbf {}, iat {}", date_of(claims, "nbf"), date_of(claims, "iat"));
            check("already valid", actual, format!("not after {latest}, {leeway} s after now"))
        }
        Rule::Lifetime(seconds) => {
            let lifetime = difference(claims.get("exp"), claims.get("iat"));
            check("lifetime", lifetime, format!("at most {seconds} s"))
        }
        Rule::Remaining(seconds) => {
            let remaining = difference(claims.get("exp"), Some(&Json::Unsigned(now)));
            check("remaining lifetime", remaining, format!("at least {seconds} s"))
        }
        Rule::Require(condition) => {
            let name = format!("require {}", condition.name);
            check(&name, claim_of(condition, claims), expected_value(condition))
        }
        Rule::CertificateBinding => {
            if claims.get("cnf").is_none() && !rules.certificate_bound {
                return None;
            }
            let presented = if facts.certificate.is_some() { "with" } else { "without" };
            let actual = format!("cnf {}, {presented} a client certificate", shown_claim(claims, "cnf"));
            let expected = "cnf with x5t#S256 alone, the thumbprint of the client's certificate";
            check("certificate", actual, expected.to_owned())
        }
        Rule::Refuse(conditions) => {
            let joined = |value: &dyn Fn(&Condition) -> String| {
                let texts =
                    conditions.iter().map(|condition| format!("{} {}", condition.name, value(condition)));
                texts.collect::<Vec<_>>().join(" and ")
            };
            let expected = format!("not {}", joined(&expected_value));
            check("refuse when", joined(&|condition| claim_of(condition, claims)), expected)
        }
    })
}

const fn expected_form(form: Form) -> &'static str {
    match form {
        Form::Text => "a string",
        Form::NonEmptyText => "a non-empty string",
        Form::Audience => "a string or a list of strings",
        Form::Date => "a number of seconds since 1970",
        Form::Object => "an object",
    }
}

fn actual(claim: &Json<'_>, form: Form) -> String {
    if form == Form::Date { shown_date(claim) } else { shown(claim) }
}

/// The values that a condition accepts.
pub(super) fn expected_value(condition: &Condition) -> String {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::String(text) => quoted(text),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Bool(value) => value.to_string(),
    };
    condition.any_of.iter().map(scalar).collect::<Vec<_>>().join(" or ")
}

/// The claim that a condition is about.
pub(super) fn claim_of(condition: &Condition, claims: &Object<'_>) -> String {
    condition.path.find(claims).map_or_else(absent, shown)
}

fn shown_claim(claims: &Object<'_>, name: &str) -> String {
    claims.get(name).map_or_else(absent, shown)
}

fn date_of(claims: &Object<'_>, name: &str) -> String {
    claims.get(name).map_or_else(absent, shown_date)
}

fn absent() -> String {
    "absent".to_owned()
}

fn shown_date(claim: &Json<'_>) -> String {
    match claim {
        Json::Unsigned(seconds) => timestamp::date(*seconds),
        other => shown(other),
    }
}

/// The time between two dates; in seconds if both are integers.
fn difference(later: Option<&Json<'_>>, earlier: Option<&Json<'_>>) -> String {
    match (later, earlier) {
        (Some(Json::Unsigned(later)), Some(Json::Unsigned(earlier))) => {
            format!("{} s", i128::from(*later).saturating_sub((*earlier).into()))
        }
        (Some(later), Some(earlier)) => format!("from {} to {}", shown_date(earlier), shown_date(later)),
        _ => absent(),
    }
}
