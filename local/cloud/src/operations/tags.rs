//! Tags. <https://docs.aws.amazon.com/iot/latest/developerguide/tagging-iot.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::paging::Page;
use super::{Input, empty, expected, missing, names};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, Registry};

/// How many tags a resource has at most.
const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// TagResource. Tags with other keys stay.
pub(crate) fn tag_resource(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let resource = resource(cloud, input.required_text("resourceArn")?)?.to_owned();
    input.list("tags")?.ok_or_else(|| missing("tags"))?;
    let tags = read(input)?;
    cloud.write(|registry| {
        find(registry, &resource)?;
        let present = registry.tags(&resource);
        let added = tags.keys().filter(|key| present.is_none_or(|present| !present.contains_key(*key)));
        if added.count().saturating_add(present.map_or(0, BTreeMap::len)) > MAX_TAGS {
            return Err(ApiError::new(
                ErrorKind::LimitExceeded,
                format!("more than {MAX_TAGS} tags of {resource}"),
            ));
        }
        Ok((Vec::from_iter(change(resource, tags)), empty()))
    })
}

/// UntagResource. Missing tags are ignored.
pub(crate) fn untag_resource(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let resource = resource(cloud, input.required_text("resourceArn")?)?.to_owned();
    let list = input.list("tagKeys")?.ok_or_else(|| missing("tagKeys"))?;
    let keys = list.iter().map(|key| key.as_str().map(str::to_owned));
    let keys: BTreeSet<_> =
        keys.collect::<Option<_>>().ok_or_else(|| expected("tagKeys", "a list of strings"))?;
    cloud.write(|registry| {
        find(registry, &resource)?;
        let has_any =
            registry.tags(&resource).is_some_and(|tags| keys.iter().any(|key| tags.contains_key(key)));
        Ok((Vec::from_iter(has_any.then_some(Change::Untag { resource, keys })), empty()))
    })
}

/// ListTagsForResource.
pub(crate) fn list_tags_for_resource(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let resource = resource(cloud, input.required_query("resourceArn")?)?;
    let page = Page::by_token("tags", input)?;
    cloud.read(|registry| {
        find(registry, resource)?;
        let tags = registry.tags(resource).into_iter().flatten();
        let tags = tags.map(|(key, value)| (key.clone(), json!({ "Key": key, "Value": value })));
        let (tags, token) = page.cut(tags);
        Ok(super::with_token(json!({ "tags": tags }), "nextToken", token))
    })
}

/// Reads the member `tags`: `[{"Key", "Value"}]`. Empty if it is absent.
///
/// # Errors
/// InvalidRequest for a tag that AWS does not take, a key that is there twice, or too many tags.
pub(crate) fn read(input: &Input) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in input.list("tags")?.into_iter().flatten() {
        let members = tag.as_object().ok_or_else(|| expected("tags", "a list of objects"))?;
        let key = text(members, "Key")?.ok_or_else(|| missing("tags.Key"))?;
        let value = text(members, "Value")?.unwrap_or("");
        check(key, value)?;
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(ApiError::invalid(format!("the tag {key} is there twice")));
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(expected("tags", "up to 50 tags"));
    }
    Ok(tags)
}

/// Returns the change that sets tags of a resource, such as `policy/device`. `None` without tags.
pub(crate) fn change(resource: String, tags: BTreeMap<String, String>) -> Option<Change> {
    (!tags.is_empty()).then_some(Change::Tag { resource, tags })
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    let value = members.get(name).filter(|value| !value.is_null());
    value.map(|value| value.as_str().ok_or_else(|| expected(&format!("tags.{name}"), "a string"))).transpose()
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    const FORM: &str = "letters, digits, white space or _.:/=+-@";
    let is_allowed = |text: &str| {
        text.chars().all(|character| {
            character.is_alphanumeric() || character.is_whitespace() || "_.:/=+-@".contains(character)
        })
    };
    if !(1..=MAX_KEY).contains(&key.chars().count()) || !is_allowed(key) {
        return Err(expected("tags.Key", &format!("1 to {MAX_KEY} {FORM}")));
    }
    if value.chars().count() > MAX_VALUE || !is_allowed(value) {
        return Err(expected("tags.Value", &format!("up to {MAX_VALUE} {FORM}")));
    }
    if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        return Err(ApiError::invalid("invalid tags.Key; the prefix aws: is reserved"));
    }
    Ok(())
}

/// Returns the resource of an ARN, such as `policy/device`.
fn resource<'a>(cloud: &Cloud, arn: &'a str) -> Result<&'a str, ApiError> {
    let resource = names::resource(cloud.account(), arn)
        .ok_or_else(|| expected("resourceArn", "the ARN of a resource of this account and Region"))?;
    match resource.split_once('/') {
        Some(("thing" | "cert", _)) => Err(ApiError::invalid(
            "invalid resourceArn; things and certificates have no tags; help: tag a group, a type or a policy",
        )),
        Some(_) => Ok(resource),
        None => Err(expected("resourceArn", "the ARN of a resource such as policy/NAME")),
    }
}

fn find(registry: &Registry, resource: &str) -> Result<(), ApiError> {
    let exists = match resource.split_once('/') {
        Some(("policy", name)) => registry.policy(name).is_some(),
        Some(("cacert", id)) => registry.ca_certificate(id).is_some(),
        Some(("thingtype", name)) => registry.thing_type(name).is_some(),
        Some(("authorizer", name)) => registry.authorizer(name).is_some(),
        Some(("domainconfiguration", rest)) => rest.split_once('/').is_some_and(|(name, id)| {
            registry.domain_configuration(name).is_some_and(|found| found.id == id)
        }),
        Some(("provisioningtemplate", name)) => registry.provisioning_template(name).is_some(),
        Some(("rule", name)) => registry.topic_rule(name).is_some(),
        Some(("thinggroup", name)) => registry.thing_group(name).is_some(),
        _ => false,
    };
    exists.then_some(()).ok_or_else(|| ApiError::not_found(resource))
}
