//! Topic rules. <https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html>

mod payload;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::payload::Payload;
use super::names::RULE_NAME;
use super::paging::Page;
use super::{Input, empty, expected, tags, timestamp};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, Record, Registry, TopicRule};
use crate::rules::sql::Statement;

/// How many rules a page of ListTopicRules has at most.
const MAX_RESULTS: i64 = 10_000;

/// CreateTopicRule. Its tags are in the header `x-amz-tagging`.
pub(crate) fn create_topic_rule(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?.to_owned();
    let payload = Payload::read(input)?;
    let tags = tags(input)?;
    let now = cloud.now();
    cloud.write(|registry| {
        if registry.topic_rule(&name).is_some() {
            let message = format!("rule {name} exists; help: replace it with ReplaceTopicRule");
            let existing = Some((name.clone(), arn(cloud, &name)));
            return Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) });
        }
        let mut changes = vec![Change::PutTopicRule(payload.into_rule(name.clone(), now).into())];
        changes.extend(tags::change(format!("rule/{name}"), tags));
        Ok((changes, empty()))
    })
}

/// ReplaceTopicRule.
pub(crate) fn replace_topic_rule(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let payload = Payload::read(input)?;
    cloud.write(|registry| {
        let created = find(registry, name)?.created;
        Ok((vec![Change::PutTopicRule(payload.into_rule(name.to_owned(), created).into())], empty()))
    })
}

/// GetTopicRule.
pub(crate) fn get_topic_rule(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.read(|registry| {
        let rule = find(registry, name)?;
        let mut description = json!({
            "ruleName": name,
            "sql": rule.sql,
            "createdAt": timestamp(rule.created),
            "actions": rule.actions,
            "ruleDisabled": rule.is_disabled,
            "awsIotSqlVersion": rule.sql_version,
        });
        if let Some(members) = description.as_object_mut() {
            if let Some(text) = &rule.description {
                members.insert("description".to_owned(), json!(text));
            }
            if let Some(action) = &rule.error_action {
                members.insert("errorAction".to_owned(), json!(action));
            }
        }
        Ok(json!({ "ruleArn": arn(cloud, name), "rule": description }))
    })
}

/// ListTopicRules: all, those of a state, or those whose filter matches a topic.
pub(crate) fn list_topic_rules(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token_up_to("rules", input, MAX_RESULTS)?;
    let (topic, is_disabled) = (input.query("topic"), input.query_flag("ruleDisabled")?);
    Ok(cloud.read(|registry| {
        let rules = registry.topic_rules().filter_map(|rule| {
            let statement = Statement::parse(&rule.sql).ok()?;
            let is_wanted = topic.is_none_or(|topic| statement.matches(topic))
                && is_disabled.is_none_or(|is_disabled| rule.is_disabled == is_disabled);
            is_wanted.then(|| {
                let listed = json!({
                    "ruleArn": arn(cloud, &rule.name),
                    "ruleName": rule.name,
                    "topicPattern": statement.filter(),
                    "createdAt": timestamp(rule.created),
                    "ruleDisabled": rule.is_disabled,
                });
                (rule.name.clone(), listed)
            })
        });
        let (rules, token) = page.cut(rules);
        super::with_token(json!({ "rules": rules }), "nextToken", token)
    }))
}

/// DeleteTopicRule. A missing rule is no error: AWS's model names none.
pub(crate) fn delete_topic_rule(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?.to_owned();
    cloud.write(|registry| {
        let exists = registry.topic_rule(&name).is_some();
        Ok((Vec::from_iter(exists.then_some(Change::RemoveTopicRule { name })), empty()))
    })
}

/// EnableTopicRule.
pub(crate) fn enable_topic_rule(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    set_disabled(cloud, input, false)
}

/// DisableTopicRule.
pub(crate) fn disable_topic_rule(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    set_disabled(cloud, input, true)
}

fn set_disabled(cloud: &Cloud, input: &Input, is_disabled: bool) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.write(|registry| {
        let old = find(registry, name)?;
        let is_changed = old.is_disabled != is_disabled;
        let rule = TopicRule { is_disabled, ..TopicRule::clone(old) };
        Ok((Vec::from_iter(is_changed.then(|| Change::PutTopicRule(rule.into()))), empty()))
    })
}

/// A missing rule is 401: the API has no 404 for rules.
fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Record<TopicRule>, ApiError> {
    let missing = || ApiError::new(ErrorKind::Unauthorized, format!("rule {name} does not exist"));
    registry.topic_rule(name).ok_or_else(missing)
}

fn name(input: &Input) -> Result<&str, ApiError> {
    RULE_NAME.check("ruleName", input.label("ruleName")?)
}

fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.account().arn(format_args!("rule/{name}"))
}

/// Reads the header `x-amz-tagging`: `key=value` pairs as in a query.
fn tags(input: &Input) -> Result<BTreeMap<String, String>, ApiError> {
    let Ok(header) = input.required_header("x-amz-tagging") else { return Ok(BTreeMap::new()) };
    let pairs = form_urlencoded::parse(header.as_bytes());
    let list: Vec<_> = pairs.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    if list.is_empty() {
        return Err(expected("x-amz-tagging", "pairs such as key=value&key=value"));
    }
    let mut as_body = Input::default();
    as_body.body.insert("tags".to_owned(), Value::Array(list));
    tags::read(&as_body)
}
