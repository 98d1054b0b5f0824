//! Lints of the configuration as a whole.

use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::claim_path::ClaimPath;
use iot_jwt_authorizer::condition::{Condition, Scalar};
use iot_jwt_authorizer::config_error::ErrorPlace;
use iot_jwt_authorizer::policy::{Effect, GrantRule, Policies, Resource, Statement, Template};
use iot_jwt_authorizer::slots::Slot;
use iot_jwt_authorizer::template_text::Segment;

use super::levels::levels_of;
use super::{
    Linter, SHARED_RESOURCE, UNREACHABLE_GRANT, UNUSED_SLOT, USER_EDITABLE_CLAIM, policy_file, resource_place,
};
use crate::check::size::cases::{are_exclusive, is_never_list};

/// Claims of OpenID Connect Core section 5.1 that users can set at some issuer.
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
        self.slots();
        self.grants();
        self.shared_resources();
    }

    fn slots(&mut self) {
        let (authorizer, files) = (self.authorizer, self.files);
        let slots = authorizer.issuers.first().map_or(&[][..], |issuer| &issuer.slots);
        for (index, slot) in slots.iter().enumerate() {
            let is_used = authorizer.policies.templates.iter().any(|template| template.used.contains(index))
                || authorizer.issuers.iter().any(|issuer| issuer.client_id_slots.contains(index));
            if !is_used {
                let what = format!("unused slot `{}`", slot.name);
                self.add_to_config(UNUSED_SLOT, files.slot(&slot.name), what);
                continue;
            }
            for (number, issuer) in authorizer.issuers.iter().enumerate() {
                let Some(issuers_slot) = issuer.slots.get(index) else { continue };
                let Some(claim) = editable_claim(issuers_slot) else { continue };
                let place = if issuers_slot.path == slot.path {
                    files.slot(&slot.name)
                } else {
                    files.entry("issuer", number, "claims")
                };
                let what = format!("slot `{}` uses the claim `{claim}` of issuer `{}`", slot.name, issuer.id);
                self.add_to_config(USER_EDITABLE_CLAIM, place, what);
            }
        }
    }

    fn grants(&mut self) {
        let (authorizer, files) = (self.authorizer, self.files);
        for (index, grant) in authorizer.policies.grants.iter().enumerate() {
            let template = authorizer.policies.templates.get(grant.template);
            let mut issuers = grant.issuers.iter().filter_map(|issuer| authorizer.issuers.get(*issuer));
            if let Some(template) = template
                && issuers.all(|issuer| is_unreachable(grant, issuer, template))
            {
                let what = format!("no token gets `{}` by this grant", template.name);
                self.add_to_config(UNREACHABLE_GRANT, files.entry("grant", index, "when"), what);
            }
        }
    }

    /// The authorizer proves that client ids are disjoint. Topics, filters and things are compared here only.
    fn shared_resources(&mut self) {
        let authorizer = self.authorizer;
        for (index, later) in authorizer.issuers.iter().enumerate() {
            for (earlier_index, earlier) in authorizer.issuers.iter().enumerate().take(index) {
                let others = granted(&authorizer.policies, earlier_index);
                for template in granted(&authorizer.policies, index) {
                    let shared = allowed_resources(template).find_map(|(place, resource)| {
                        let other =
                            others.iter().find_map(|other| shared_with(resource, later, other, earlier))?;
                        Some((place, resource.text.source(&later.slots), other))
                    });
                    if let Some((place, resource, other)) = shared {
                        let what = format!(
                            "issuers `{}` and `{}` can both reach one resource, by `{other}` and `{resource}`",
                            earlier.id, later.id
                        );
                        self.add(SHARED_RESOURCE, &policy_file(&template.name), place, what);
                    }
                }
            }
        }
    }
}

/// The policies that an issuer's tokens can get, each once.
fn granted(policies: &Policies, issuer: usize) -> Vec<&Template> {
    let is_granted = |index: usize| {
        policies.grants.iter().any(|grant| grant.template == index && grant.issuers.contains(&issuer))
    };
    let templates = policies.templates.iter().enumerate();
    templates.filter(|(index, _)| is_granted(*index)).map(|(_, template)| template).collect()
}

/// The resources that a policy allows for anything but connecting, each with its place.
fn allowed_resources(template: &Template) -> impl Iterator<Item = (ErrorPlace, &Resource)> {
    let is_relevant = |statement: &Statement| {
        statement.effect == Effect::Allow
            && !statement.actions.names().iter().all(|action| &**action == "iot:Connect")
    };
    let statements = template.statements.iter().enumerate();
    statements.filter(move |(_, statement)| is_relevant(statement)).flat_map(|(index, statement)| {
        let resources = statement.resources.iter().enumerate();
        resources.map(move |(number, resource)| (resource_place(index, number), resource))
    })
}

/// The resource of another issuer's policy that may be equal to this one. Two without any value of a token are shared
/// on purpose.
fn shared_with(
    resource: &Resource,
    issuer: &Issuer,
    other: &Template,
    other_issuer: &Issuer,
) -> Option<String> {
    let has_value = |resource: &Resource| {
        resource.text.segments.iter().any(|segment| matches!(segment, Segment::Slot(_) | Segment::ClientId))
    };
    let levels = levels_of(&resource.text, &issuer.slots, &issuer.id);
    let is_shared = |other: &Resource| {
        other.is_relative == resource.is_relative
            && (has_value(other) || has_value(resource))
            && !levels_of(&other.text, &other_issuer.slots, &other_issuer.id).is_disjoint(&levels)
    };
    let (_, shared) = allowed_resources(other).find(|(_, other)| is_shared(other))?;
    Some(shared.text.source(&other_issuer.slots))
}

/// The claim of a slot if users can set it, by its last name: `/user/email` is one, too.
fn editable_claim(slot: &Slot) -> Option<&str> {
    let name = match &slot.path {
        ClaimPath::Name(name) => name,
        ClaimPath::Pointer(names) => names.last()?,
    };
    EDITABLE.contains(&&**name).then_some(name)
}

/// Whether no token of the issuer meets the grant's conditions.
fn is_unreachable(grant: &GrantRule, issuer: &Issuer, template: &Template) -> bool {
    let rules = &issuer.rules;
    let conditions: Vec<&Condition> = grant.when.iter().chain(&rules.require).collect();
    let names_other_issuer = |condition: &Condition| {
        condition.path == ClaimPath::parse("iss")
            && !condition.any_of.contains(&Scalar::String(rules.issuer.clone()))
    };
    let names_no_subject = |condition: &Condition| {
        condition.path == ClaimPath::parse("sub")
            && !condition.any_of.iter().any(|value| matches!(value, Scalar::String(_)))
    };
    let contradicts = |condition: &Condition| {
        is_never_list(&condition.path, issuer, &[template])
            && conditions.iter().any(|other| other.path == condition.path && are_exclusive(condition, other))
    };
    let is_always_refused = |refused: &Vec<Condition>| {
        refused.iter().all(|refused| conditions.iter().any(|condition| implies(condition, refused)))
    };
    conditions.iter().any(|condition| {
        names_other_issuer(condition) || names_no_subject(condition) || contradicts(condition)
    }) || rules.refuse.iter().any(is_always_refused)
}

/// Whether every token that meets `left` meets `right`.
fn implies(left: &Condition, right: &Condition) -> bool {
    left.path == right.path
        && left.name == right.name
        && left.any_of.iter().all(|value| right.any_of.contains(value))
}
