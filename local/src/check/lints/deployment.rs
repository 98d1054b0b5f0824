//! Lints that look at the configuration as a whole.

use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::claims::ClaimPath;
use iot_jwt_authorizer::condition::{Condition, Scalar};
use iot_jwt_authorizer::policy::{Effect, GrantRule, Part, Policies, Resource, Statement, Template};
use iot_jwt_authorizer::slots::Slot;

use super::{Linter, SHARED_RESOURCE, UNREACHABLE_GRANT, UNUSED_SLOT, USER_EDITABLE_CLAIM};
use crate::check::size::cases::{are_apart, is_single};
use crate::check::texts::{Pattern, written};

/// Claims of OpenID Connect Core section 5.1 that people have set themselves at one issuer or another.
const EDITABLE: [&str; 17] = [
    "email",
    "preferred_username",
    "username",
    "name",
    "nickname",
    "given_name",
    "family_name",
    "middle_name",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "address",
];

impl Linter<'_> {
    pub(super) fn deployment(&mut self) {
        self.slots_of_claims();
        self.grants();
        self.shared_resources();
    }

    fn slots_of_claims(&mut self) {
        let (authorizer, files) = (self.authorizer, self.files);
        let slots = authorizer.issuers.first().map_or(&[][..], |issuer| &issuer.slots);
        for (at, slot) in slots.iter().enumerate() {
            let used = authorizer.policies.templates.iter().any(|template| template.used.contains(at))
                || authorizer.issuers.iter().any(|issuer| issuer.client_id_slots.contains(at));
            if !used {
                self.found(
                    UNUSED_SLOT,
                    files.config(),
                    files.slot(&slot.name),
                    format!("the slot `{}` is unused", slot.name),
                );
                continue;
            }
            for (number, issuer) in authorizer.issuers.iter().enumerate() {
                let Some(own) = issuer.slots.get(at) else { continue };
                if let Some(claim) = editable(own) {
                    let span = if own.path == slot.path {
                        files.slot(&slot.name)
                    } else {
                        files.entry("issuer", number, "claims")
                    };
                    let what = format!(
                        "the slot `{}` takes the claim `{claim}` of issuer `{}`",
                        slot.name, issuer.id
                    );
                    self.found(USER_EDITABLE_CLAIM, files.config(), span, what);
                }
            }
        }
    }

    fn grants(&mut self) {
        let (authorizer, files) = (self.authorizer, self.files);
        for (at, grant) in authorizer.policies.grants.iter().enumerate() {
            let template = authorizer.policies.templates.get(grant.template);
            let mut issuers = grant.issuers.iter().filter_map(|issuer| authorizer.issuers.get(*issuer));
            if let Some(template) = template
                && issuers.all(|issuer| is_never(grant, issuer, template))
            {
                let what = format!("nobody gets `{}` by this grant", template.name);
                self.found(UNREACHABLE_GRANT, files.config(), files.entry("grant", at, "when"), what);
            }
        }
    }

    /// Client ids are proven apart by the authorizer itself; of topics, filters and things nobody else knows.
    fn shared_resources(&mut self) {
        let (authorizer, files) = (self.authorizer, self.files);
        for (later, one) in authorizer.issuers.iter().enumerate() {
            for (earlier, other) in authorizer.issuers.iter().enumerate().take(later) {
                for template in granted(&authorizer.policies, later) {
                    let rivals = granted(&authorizer.policies, earlier);
                    let resources = resources(template);
                    let shared = resources.into_iter().find_map(|(place, resource)| {
                        let rival = rivals.iter().find_map(|rival| meeting(resource, one, rival, other))?;
                        Some((place, written(&resource.text, &one.slots), rival))
                    });
                    if let Some((place, resource, rival)) = shared {
                        let file = format!("policies/{}.json", template.name);
                        let what = format!(
                            "issuers `{}` and `{}` can fill one name alike, by `{rival}` and `{resource}`",
                            other.id, one.id
                        );
                        self.found(SHARED_RESOURCE, &file, files.member(&file, &place), what);
                    }
                }
            }
        }
    }
}

/// The policies that an issuer's tokens can get, each once.
fn granted(policies: &Policies, issuer: usize) -> Vec<&Template> {
    let is_granted = |at: usize| {
        policies.grants.iter().any(|grant| grant.template == at && grant.issuers.contains(&issuer))
    };
    let templates = policies.templates.iter().enumerate();
    templates.filter(|(at, _)| is_granted(*at)).map(|(_, template)| template).collect()
}

/// What a policy allows beside connecting, with its place.
fn resources(template: &Template) -> Vec<(String, &Resource)> {
    let acts = |statement: &&Statement| {
        statement.effect == Effect::Allow
            && !statement.actions.names().iter().all(|action| &**action == "iot:Connect")
    };
    let statements = template.statements.iter().enumerate().filter(|(_, statement)| acts(statement));
    statements
        .flat_map(|(at, statement)| {
            let places = statement.resources.iter().enumerate();
            places.map(move |(number, resource)| (format!("Statement[{at}].Resource[{number}]"), resource))
        })
        .collect()
}

/// What the other policy says that may come out as this resource does. What neither fills is shared in so many words.
fn meeting(resource: &Resource, one: &Issuer, rival: &Template, other: &Issuer) -> Option<String> {
    let is_filled = |resource: &Resource| {
        resource.text.parts.iter().any(|part| matches!(part, Part::Slot(_) | Part::ClientId))
    };
    let meets = |(_, rival): &(String, &Resource)| {
        rival.is_relative == resource.is_relative
            && (is_filled(rival) || is_filled(resource))
            && pattern(rival, other).may_equal(&pattern(resource, one))
    };
    let (_, rival) = resources(rival).into_iter().find(meets)?;
    Some(written(&rival.text, &other.slots))
}

fn pattern<'a>(resource: &'a Resource, issuer: &'a Issuer) -> Pattern<'a> {
    Pattern { text: &resource.text, slots: &issuer.slots, issuer: &issuer.id, wildcards: true }
}

/// A claim that people may set themselves, by its last name: `/user/email` is one as well.
fn editable(slot: &Slot) -> Option<&str> {
    let name = match &slot.path {
        ClaimPath::Name(name) => name,
        ClaimPath::Pointer(names) => names.last()?,
    };
    EDITABLE.contains(&&**name).then_some(name)
}

/// Whether no token of the issuer meets the grant's conditions.
fn is_never(grant: &GrantRule, issuer: &Issuer, template: &Template) -> bool {
    let rules = &issuer.rules;
    let all: Vec<&Condition> = grant.when.iter().chain(&rules.require).collect();
    let is_other_issuer = |condition: &Condition| {
        condition.path == ClaimPath::parse("iss")
            && !condition.any_of.contains(&Scalar::String(rules.issuer.clone()))
    };
    let is_no_subject = |condition: &Condition| {
        condition.path == ClaimPath::parse("sub")
            && !condition.any_of.iter().any(|value| matches!(value, Scalar::String(_)))
    };
    let contradicts = |one: &Condition| {
        is_single(&one.path, issuer, &[template])
            && all.iter().any(|other| other.path == one.path && are_apart(one, other))
    };
    let is_refused = |refused: &Vec<Condition>| {
        refused.iter().all(|refused| all.iter().any(|condition| implies(condition, refused)))
    };
    all.iter()
        .any(|condition| is_other_issuer(condition) || is_no_subject(condition) || contradicts(condition))
        || rules.refuse.iter().any(is_refused)
}

/// Whether whoever meets the one meets the other.
fn implies(one: &Condition, other: &Condition) -> bool {
    one.path == other.path
        && one.name == other.name
        && one.any_of.iter().all(|value| other.any_of.contains(value))
}
