//! Lints of a single policy.

use iot_jwt_authorizer::config_error::ErrorPlace;
use iot_jwt_authorizer::policy::{Effect, Resource, Statement, Template};
use iot_jwt_authorizer::slots::Slot;
use iot_jwt_authorizer::template_text::{Segment, TemplateText};

use super::levels::levels_of;
use super::{
    ACROSS_TENANTS, ANY_CLIENT, CLIENT_ID_IN_FILTER, Lint, Linter, MQTT_WILDCARD, NO_RECEIVE, RESERVED_TOPIC,
    THING_VARIABLE, UNPINNED_SHARE, policy_file, resource_place,
};

/// The topics of `$aws/` that are about all clients.
const RESERVED: [&str; 3] = ["$aws/events", "$aws/certificates", "$aws/provisioning-templates"];

impl Linter<'_> {
    pub(super) fn policies(&mut self) {
        for (index, template) in self.authorizer.policies.templates.iter().enumerate() {
            let file = policy_file(&template.name);
            for (position, statement) in template.statements.iter().enumerate() {
                for (number, resource) in statement.resources.iter().enumerate() {
                    let name = self.name(resource);
                    let place = resource_place(position, number);
                    for (lint, what) in lints_of_resource(statement, &name) {
                        self.add(lint, &file, place.clone(), what);
                    }
                    if self.lacks_receive(index, statement, resource) {
                        let what =
                            format!("`{name}` allows a subscription, but nothing of it can be received");
                        self.add(NO_RECEIVE, &file, place, what);
                    }
                }
                if statement.has_thing_variable() && !self.is_certificate_bound(index) {
                    let place = ErrorPlace::Member(format!("Statement[{position}]"));
                    let what = "a thing or certificate variable for tokens without a certificate".to_owned();
                    self.add(THING_VARIABLE, &file, place, what);
                }
            }
        }
    }

    fn first_slots(&self) -> &[Slot] {
        self.authorizer.issuers.first().map_or(&[], |issuer| &issuer.slots)
    }

    /// A resource without its ARN, as `topic/a/*`.
    fn name(&self, resource: &Resource) -> String {
        let source = resource.text.source(self.first_slots());
        let kinds = [":client/", ":topic/", ":topicfilter/", ":thing/"];
        let colon = kinds.iter().filter_map(|kind| source.find(kind)).min().filter(|_| !resource.is_relative);
        colon.and_then(|colon| source.get(colon.saturating_add(1)..)).unwrap_or(&source).to_owned()
    }

    /// Whether every token that can get the policy is bound to a certificate.
    fn is_certificate_bound(&self, template: usize) -> bool {
        let grants = self.authorizer.policies.grants.iter().filter(|grant| grant.template == template);
        let mut issuers =
            grants.flat_map(|grant| &grant.issuers).filter_map(|index| self.authorizer.issuers.get(*index));
        issuers.all(|issuer| issuer.rules.certificate_bound)
    }

    /// Whether nothing of a filter may be received: not by its policy, nor by one that all its holders have.
    fn lacks_receive(&self, template: usize, statement: &Statement, resource: &Resource) -> bool {
        let is_filter = self.name(resource).starts_with("topicfilter/");
        if statement.effect != Effect::Allow || !has_action(statement, "iot:Subscribe") || !is_filter {
            return false;
        }
        let topics = topics_of(&resource.text);
        let levels = levels_of(&topics, &[], "");
        let may_equal = |topic: &Resource| {
            topic.is_relative == resource.is_relative
                && !levels_of(&with_marked_slots(&topic.text), &[], "").is_disjoint(&levels)
        };
        let receives = |statement: &Statement| {
            statement.effect == Effect::Allow
                && has_action(statement, "iot:Receive")
                && statement.resources.iter().any(may_equal)
        };
        !self.held_with(template).any(|template| template.statements.iter().any(receives))
    }

    /// The policy itself, and those that every holder of it has, too.
    fn held_with(&self, template: usize) -> impl Iterator<Item = &Template> {
        let policies = &self.authorizer.policies;
        let is_always_held = move |other: usize| {
            let grants_of =
                |template: usize| policies.grants.iter().filter(move |grant| grant.template == template);
            let mut issuers = grants_of(template).flat_map(|grant| &grant.issuers);
            issuers.all(|issuer| {
                grants_of(other).any(|grant| grant.when.is_empty() && grant.issuers.contains(issuer))
            })
        };
        let templates = policies.templates.iter().enumerate();
        templates
            .filter(move |(index, _)| *index == template || is_always_held(*index))
            .map(|(_, template)| template)
    }
}

fn lints_of_resource(statement: &Statement, name: &str) -> Vec<(Lint, String)> {
    let mut found = Vec::new();
    let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
    if statement.effect == Effect::Deny {
        return found;
    }
    let is_reserved = RESERVED.iter().any(|topic| rest.starts_with(topic));
    let wildcards: &[char] = if kind == "topicfilter" { &['*', '?', '+', '#'] } else { &['*', '?'] };
    let (before, has_wildcard) =
        rest.split_once(wildcards).map_or((rest, false), |(before, _)| (before, true));
    let values_before = before.replace("${issuer:id}", "").replace("${aws:", "");
    let is_open = has_wildcard && !values_before.contains("${");
    if kind == "client" {
        if has_action(statement, "iot:Connect") && (is_open || rest == "${iot:ClientId}") {
            found.push((ANY_CLIENT, format!("`{name}` allows a connection as any client")));
        }
        return found;
    }
    if is_reserved {
        found.push((RESERVED_TOPIC, format!("`{name}` is a topic of AWS IoT itself")));
    }
    if kind == "topic" && rest.split('/').any(|level| matches!(level, "+" | "#")) {
        found.push((MQTT_WILDCARD, format!("`{name}` has an MQTT wildcard in a topic")));
    }
    if kind == "topicfilter" && rest.contains("${iot:ClientId}") {
        found.push((CLIENT_ID_IN_FILTER, format!("`{name}` depends on an id that the client chooses")));
    }
    let group = rest.strip_prefix("$share/").and_then(|rest| rest.split('/').next());
    let is_unpinned = group.is_some_and(|group| group.contains(['*', '?']));
    if is_unpinned {
        found.push((UNPINNED_SHARE, format!("`{name}` allows every group of the shared subscription")));
    }
    if is_open && !is_reserved && !is_unpinned {
        found.push((ACROSS_TENANTS, format!("`{name}` matches the same topics for every token")));
    }
    found
}

fn has_action(statement: &Statement, action: &str) -> bool {
    statement.actions.names().iter().any(|name| **name == *action)
}

/// The topics that match a filter: MQTT's wildcards are any text, and the group of a shared subscription is not part of
/// a topic.
fn topics_of(filter: &TemplateText) -> TemplateText {
    let topics = |segment| match segment {
        Segment::Literal(text) => {
            let text = text.replace("topicfilter/", "topic/").replace(['+', '#'], "*");
            let shared =
                text.split_once("topic/$share/").and_then(|(arn, rest)| Some((arn, rest.split_once('/')?.1)));
            Segment::Literal(shared.map_or(text.clone(), |(arn, topic)| format!("{arn}topic/{topic}")).into())
        }
        other => other,
    };
    TemplateText { segments: with_marked_slots(filter).segments.into_iter().map(topics).collect() }
}

/// A text in which each slot is a word of its own, which is equal to the same slot only.
fn with_marked_slots(text: &TemplateText) -> TemplateText {
    let mark = |segment: &Segment| match segment {
        Segment::Slot(index) => Segment::Literal(format!("\u{1}slot {index}").into()),
        other => other.clone(),
    };
    TemplateText { segments: text.segments.iter().map(mark).collect() }
}
