//! Lints that look at one policy.

use iot_jwt_authorizer::policy::{Effect, Part, Resource, Statement, Template, Text};
use iot_jwt_authorizer::slots::Slot;

use super::{
    ACROSS_TENANTS, ANY_CLIENT, CLIENT_ID_IN_FILTER, Lint, Linter, MQTT_WILDCARD, NO_RECEIVE, RESERVED_TOPIC,
    THING_VARIABLE, UNPINNED_SHARE,
};
use crate::check::texts::{Pattern, written};

/// Of `$aws/`, what is about everybody.
const RESERVED: [&str; 3] = ["$aws/events", "$aws/certificates", "$aws/provisioning-templates"];

impl Linter<'_> {
    pub(super) fn policies(&mut self) {
        for (index, template) in self.authorizer.policies.templates.iter().enumerate() {
            let file = format!("policies/{}.json", template.name);
            for (at, statement) in template.statements.iter().enumerate() {
                let place = format!("Statement[{at}]");
                for (number, resource) in statement.resources.iter().enumerate() {
                    let name = self.name(resource);
                    let span = self.files.member(&file, &format!("{place}.Resource[{number}]"));
                    for (lint, what) in of_resource(statement, &name) {
                        self.found(lint, &file, span.clone(), what);
                    }
                    if self.lacks_receive(index, statement, resource) {
                        let what = format!("`{name}` may be subscribed to, and nothing of it received");
                        self.found(NO_RECEIVE, &file, span, what);
                    }
                }
                if names_a_thing(statement) && !self.is_certificate_bound(index) {
                    let what = "a thing or certificate variable, and no certificate".to_owned();
                    self.found(THING_VARIABLE, &file, self.files.member(&file, &place), what);
                }
            }
        }
    }

    fn slots(&self) -> &[Slot] {
        self.authorizer.issuers.first().map_or(&[], |issuer| &issuer.slots)
    }

    /// A resource without its ARN, as `topic/a/*`.
    fn name(&self, resource: &Resource) -> String {
        let whole = written(&resource.text, self.slots());
        let kinds = [":client/", ":topic/", ":topicfilter/", ":thing/"];
        let begin = kinds.iter().filter_map(|kind| whole.find(kind)).min().filter(|_| !resource.is_relative);
        begin.and_then(|at| whole.get(at.saturating_add(1)..)).unwrap_or(&whole).to_owned()
    }

    /// Whether everybody who has the policy comes with a certificate.
    fn is_certificate_bound(&self, template: usize) -> bool {
        let grants = self.authorizer.policies.grants.iter().filter(|grant| grant.template == template);
        let mut issuers =
            grants.flat_map(|grant| &grant.issuers).filter_map(|at| self.authorizer.issuers.get(*at));
        issuers.all(|issuer| issuer.rules.certificate_bound)
    }

    /// Whether the filter has no Receive twin in its policy, nor in one that everybody has who has this one.
    fn lacks_receive(&self, template: usize, statement: &Statement, resource: &Resource) -> bool {
        let is_filter = self.name(resource).starts_with("topicfilter/");
        if statement.effect != Effect::Allow || !has(statement, "iot:Subscribe") || !is_filter {
            return false;
        }
        let twin = topics_of(&resource.text);
        let wide = Pattern { text: &twin, slots: &[], issuer: "", wildcards: true };
        let receives = |statement: &Statement| {
            let mut topics =
                statement.resources.iter().filter(|topic| topic.is_relative == resource.is_relative);
            statement.effect == Effect::Allow
                && has(statement, "iot:Receive")
                && topics.any(|topic| Pattern { text: &marked(&topic.text), ..wide }.may_equal(&wide))
        };
        !self.beside(template).any(|template| template.statements.iter().any(receives))
    }

    /// The policy itself, and those that its holders have in any case.
    fn beside(&self, template: usize) -> impl Iterator<Item = &Template> {
        let policies = &self.authorizer.policies;
        let always = move |other: usize| {
            let of = |template: usize| policies.grants.iter().filter(move |grant| grant.template == template);
            let mut issuers = of(template).flat_map(|grant| &grant.issuers);
            issuers
                .all(|issuer| of(other).any(|grant| grant.when.is_empty() && grant.issuers.contains(issuer)))
        };
        let templates = policies.templates.iter().enumerate();
        templates.filter(move |(at, _)| *at == template || always(*at)).map(|(_, template)| template)
    }
}

fn of_resource(statement: &Statement, name: &str) -> Vec<(Lint, String)> {
    let mut found = Vec::new();
    let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
    if statement.effect == Effect::Deny {
        return found;
    }
    let reserved = RESERVED.iter().any(|topic| rest.starts_with(topic));
    let wild: &[char] = if kind == "topicfilter" { &['*', '?', '+', '#'] } else { &['*', '?'] };
    let (before, is_wild) = rest.split_once(wild).map_or((rest, false), |(before, _)| (before, true));
    let held = before.replace("${issuer:id}", "").replace("${aws:", "");
    let is_loose = is_wild && !held.contains("${");
    if kind == "client" {
        if has(statement, "iot:Connect") && (is_loose || rest == "${iot:ClientId}") {
            found.push((ANY_CLIENT, format!("`{name}` lets its holder connect as any client")));
        }
        return found;
    }
    if reserved {
        found.push((RESERVED_TOPIC, format!("`{name}` is one of AWS IoT's own topics")));
    }
    if kind == "topic" && rest.split('/').any(|level| matches!(level, "+" | "#")) {
        found.push((MQTT_WILDCARD, format!("`{name}` has an MQTT wildcard where a topic stands")));
    }
    if kind == "topicfilter" && rest.contains("${iot:ClientId}") {
        found.push((CLIENT_ID_IN_FILTER, format!("`{name}` is made of what the client calls itself")));
    }
    let group = rest.strip_prefix("$share/").and_then(|rest| rest.split('/').next());
    let unpinned = group.is_some_and(|group| group.contains(['*', '?']));
    if unpinned {
        found.push((UNPINNED_SHARE, format!("`{name}` takes part in any shared subscription")));
    }
    if is_loose && !reserved && !unpinned {
        found.push((ACROSS_TENANTS, format!("`{name}` is the same for every token")));
    }
    found
}

fn has(statement: &Statement, action: &str) -> bool {
    statement.actions.names().iter().any(|own| **own == *action)
}

fn names_a_thing(statement: &Statement) -> bool {
    let resources = statement.resources.iter().map(|resource| &resource.text);
    let mut texts = resources.chain(statement.condition.iter().flat_map(|entry| &entry.values));
    let by_key = |key: &str| key.starts_with("iot:Connection.Thing.") || key.starts_with("iot:Certificate.");
    texts.any(Text::has_thing_variable) || statement.condition.iter().any(|entry| by_key(&entry.key))
}

/// The topics that messages of a filter have: MQTT's wildcards are any text, and a shared subscription's group is no part of them.
fn topics_of(filter: &Text) -> Text {
    let topics = |part| match part {
        Part::Literal(text) => {
            let text = text.replace("topicfilter/", "topic/").replace(['+', '#'], "*");
            let shared =
                text.split_once("topic/$share/").and_then(|(arn, rest)| Some((arn, rest.split_once('/')?.1)));
            Part::Literal(shared.map_or(text.clone(), |(arn, topic)| format!("{arn}topic/{topic}")).into())
        }
        other => other,
    };
    Text { parts: marked(filter).parts.into_iter().map(topics).collect() }
}

/// A text in which each slot is a word of its own: the same slot is meant in both twins, and no other text.
fn marked(text: &Text) -> Text {
    let mark = |part: &Part| match part {
        Part::Slot(index) => Part::Literal(format!("\u{1}slot {index}").into()),
        other => other.clone(),
    };
    Text { parts: text.parts.iter().map(mark).collect() }
}
