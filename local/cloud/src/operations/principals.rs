//! Principals of things.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/exclusive-thing.html>

use serde_json::{Value, json};

use super::paging::Page;
use super::things::{self, thing_name};
use super::{Input, empty, expected, principal_header};
use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::registry::{Change, Principal, Registry, ThingPrincipalType};

const HEADER: &str = "x-amzn-principal";

/// AttachThingPrincipal. Attached twice is the same as once.
pub(crate) fn attach_thing_principal(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let thing = thing_name(input)?.to_owned();
    let principal = principal_header(cloud, input, HEADER)?;
    let kind = principal_type(input)?.unwrap_or(ThingPrincipalType::NonExclusive);
    cloud.write(|registry| {
        things::find(registry, &thing)?;
        find(cloud, registry, &principal)?;
        if registry.thing_principal(&thing, &principal) == Some(kind) {
            return Ok((Vec::new(), empty()));
        }
        check_exclusive(registry, &thing, &principal, kind)
            .map_err(|what| ApiError::invalid(format!("{what}; help: detach it first")))?;
        Ok((vec![Change::AttachPrincipal { thing, principal, kind }], empty()))
    })
}

/// DetachThingPrincipal. What is not attached is not found.
pub(crate) fn detach_thing_principal(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let thing = thing_name(input)?.to_owned();
    let principal = principal_header(cloud, input, HEADER)?;
    cloud.write(|registry| {
        things::find(registry, &thing)?;
        if registry.thing_principal(&thing, &principal).is_none() {
            let principal = principal.api_name(cloud.account());
            return Err(ApiError::not_found(format_args!("principal {principal} of thing {thing}")));
        }
        Ok((vec![Change::DetachPrincipal { thing, principal }], empty()))
    })
}

/// ListThingPrincipals.
pub(crate) fn list_thing_principals(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("thing-principals", input)?;
    principals(cloud, input, &page, None, "principals", |name, _| Value::String(name))
}

/// ListThingPrincipalsV2.
pub(crate) fn list_thing_principals_v2(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("thing-principals", input)?;
    principals(
        cloud,
        input,
        &page,
        principal_type(input)?,
        "thingPrincipalObjects",
        |name, kind| json!({ "principal": name, "thingPrincipalType": kind }),
    )
}

/// ListPrincipalThings.
pub(crate) fn list_principal_things(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("principal-things", input)?;
    things_of(cloud, input, &page, None, "things", |name, _| Value::String(name))
}

/// ListPrincipalThingsV2.
pub(crate) fn list_principal_things_v2(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("principal-things", input)?;
    things_of(
        cloud,
        input,
        &page,
        principal_type(input)?,
        "principalThingObjects",
        |name, kind| json!({ "thingName": name, "thingPrincipalType": kind }),
    )
}

fn principals(
    cloud: &Cloud,
    input: &Input,
    page: &Page,
    wanted: Option<ThingPrincipalType>,
    member: &str,
    item: fn(String, ThingPrincipalType) -> Value,
) -> Result<Value, ApiError> {
    let thing = thing_name(input)?;
    cloud.read(|registry| {
        things::find(registry, thing)?;
        let principals = registry.principals_of(thing).filter(|(_, kind)| is_wanted(wanted, *kind));
        let items = principals.map(|(principal, kind)| {
            (principal.to_string(), item(principal.api_name(cloud.account()), kind))
        });
        Ok(list(page, member, items))
    })
}

fn things_of(
    cloud: &Cloud,
    input: &Input,
    page: &Page,
    wanted: Option<ThingPrincipalType>,
    member: &str,
    item: fn(String, ThingPrincipalType) -> Value,
) -> Result<Value, ApiError> {
    let principal = principal_header(cloud, input, HEADER)?;
    cloud.read(|registry| {
        find(cloud, registry, &principal)?;
        let things = registry.things_of(&principal).filter(|(_, kind)| is_wanted(wanted, *kind));
        let items = things.map(|(thing, kind)| (thing.name.clone(), item(thing.name.clone(), kind)));
        Ok(list(page, member, items))
    })
}

fn list(page: &Page, member: &str, items: impl Iterator<Item = (String, Value)>) -> Value {
    let (items, token) = page.cut(items);
    let mut output = empty();
    if let Some(members) = output.as_object_mut() {
        members.insert(member.to_owned(), Value::Array(items));
    }
    super::with_token(output, "nextToken", token)
}

fn is_wanted(wanted: Option<ThingPrincipalType>, kind: ThingPrincipalType) -> bool {
    wanted.is_none_or(|wanted| wanted == kind)
}

fn principal_type(input: &Input) -> Result<Option<ThingPrincipalType>, ApiError> {
    let read = |name| {
        ThingPrincipalType::from_name(name)
            .ok_or_else(|| expected("thingPrincipalType", "EXCLUSIVE_THING or NON_EXCLUSIVE_THING"))
    };
    input.query("thingPrincipalType").map(read).transpose()
}

fn find(cloud: &Cloud, registry: &Registry, principal: &Principal) -> Result<(), ApiError> {
    let missing = || ApiError::not_found(principal.api_name(cloud.account()));
    registry.has_principal(principal).then_some(()).ok_or_else(missing)
}

/// An exclusive attachment is the only one of its thing and of its certificate.
fn check_exclusive(
    registry: &Registry,
    thing: &str,
    principal: &Principal,
    kind: ThingPrincipalType,
) -> Result<(), String> {
    let is_exclusive = kind == ThingPrincipalType::Exclusive;
    if is_exclusive && matches!(principal, Principal::CognitoIdentity(_)) {
        return Err(format!("thing {thing} takes a certificate exclusively, not an identity"));
    }
    if let Some(present) = registry.thing_principal(thing, principal) {
        return Err(format!("the principal is attached to thing {thing} as {present}"));
    }
    let conflicts = |present| is_exclusive || present == ThingPrincipalType::Exclusive;
    if let Some((_, present)) = registry.principals_of(thing).find(|(_, present)| conflicts(*present)) {
        return Err(format!("thing {thing} has another principal, attached as {present}"));
    }
    if let Some((other, present)) = registry.things_of(principal).find(|(_, present)| conflicts(*present)) {
        return Err(format!("the principal is attached to thing {} as {present}", other.name));
    }
    Ok(())
}
