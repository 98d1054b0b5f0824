//! Custom authorizers.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/config-custom-auth.html>

mod default;
mod read;

use serde_json::{Value, json};

pub(crate) use self::default::{
    clear_default_authorizer, describe_default_authorizer, set_default_authorizer,
};

use super::paging::{Page, key_by_time};
use super::{Input, empty, expected, tags, timestamp, with_token};
use crate::built_in::BuiltInAuthorizer;
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Authorizer, AuthorizerStatus, Change, DefaultAuthorizer, Record, Registry};

/// How many authorizers an account has at most.
const MAX_AUTHORIZERS: usize = 10;

/// CreateAuthorizer. Without `status` it is INACTIVE.
///
/// # Errors
/// 409 if there is one of this name, 410 if there are ten.
pub(crate) fn create_authorizer(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?.to_owned();
    let now = cloud.now();
    let created = Authorizer {
        function_arn: read::function_arn(input)?.ok_or_else(|| super::missing("authorizerFunctionArn"))?,
        token_key: read::token_key(input)?,
        signing_keys: read::signing_keys(input)?.unwrap_or_default(),
        status: status(input)?.unwrap_or(AuthorizerStatus::Inactive),
        signing_disabled: input.flag("signingDisabled")?.unwrap_or(false),
        caching_for_http: input.flag("enableCachingForHttp")?.unwrap_or(false),
        created: now,
        modified: now,
        name: name.clone(),
    };
    read::check_signing(&created)?;
    let tags = tags::read(input)?;
    cloud.write(|registry| {
        if registry.authorizer(&name).is_some() {
            let existing = Some((name.clone(), arn(cloud, &name)));
            let error =
                ApiError::new(ErrorKind::ResourceAlreadyExists, format!("authorizer {name} exists already"));
            return Err(ApiError { existing, ..error });
        }
        if registry.authorizers().count() >= MAX_AUTHORIZERS {
            return Err(ApiError::new(
                ErrorKind::LimitExceeded,
                format!("the account has {MAX_AUTHORIZERS} authorizers; help: delete one"),
            ));
        }
        let mut changes = vec![Change::PutAuthorizer(created.into())];
        changes.extend(tags::change(format!("authorizer/{name}"), tags));
        Ok((changes, named(cloud, &name)))
    })
}

/// DescribeAuthorizer, also of the built-in one.
///
/// # Errors
/// 404.
pub(crate) fn describe_authorizer(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let built_in = cloud.built_in_authorizer();
    cloud.read(|registry| Ok(description(cloud, find(registry, built_in.as_ref(), name)?)))
}

/// UpdateAuthorizer. Members that the request does not have stay. Token signing is fixed.
///
/// # Errors
/// 404, 400 for the built-in one.
pub(crate) fn update_authorizer(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let function_arn = read::function_arn(input)?;
    let token_key = read::token_key(input)?;
    let signing_keys = read::signing_keys(input)?;
    let (status, caching) = (status(input)?, input.flag("enableCachingForHttp")?);
    let built_in = cloud.built_in_authorizer();
    cloud.write(|registry| {
        let old = find_registered(registry, built_in.as_ref(), name)?;
        let mut changed = Authorizer::clone(old);
        changed.function_arn = function_arn.unwrap_or(changed.function_arn);
        changed.token_key = token_key.or(changed.token_key);
        changed.signing_keys = signing_keys.unwrap_or(changed.signing_keys);
        changed.status = status.unwrap_or(changed.status);
        changed.caching_for_http = caching.unwrap_or(changed.caching_for_http);
        read::check_signing(&changed)?;
        let changes = if changed == **old {
            Vec::new()
        } else {
            changed.modified = cloud.now();
            vec![Change::PutAuthorizer(changed.into())]
        };
        Ok((changes, named(cloud, name)))
    })
}

/// DeleteAuthorizer.
///
/// # Errors
/// 404, 400 for the built-in one, 409 if it is ACTIVE, the default, or the default of a domain.
pub(crate) fn delete_authorizer(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let built_in = cloud.built_in_authorizer();
    cloud.write(|registry| {
        let found = find_registered(registry, built_in.as_ref(), name)?;
        let conflict = |what: String| Err(ApiError::new(ErrorKind::DeleteConflict, what));
        if found.status == AuthorizerStatus::Active {
            return conflict(format!("authorizer {name} is ACTIVE; help: update it to INACTIVE first"));
        }
        if matches!(registry.default_authorizer(), DefaultAuthorizer::Named(default) if default == name) {
            return conflict(format!("authorizer {name} is the default; help: set another one, or clear it"));
        }
        let is_default =
            |config: &crate::registry::AuthorizerConfig| config.default_authorizer.as_deref() == Some(name);
        let mut domains = registry.domain_configurations();
        if let Some(domain) = domains.find(|domain| domain.authorizer_config.as_ref().is_some_and(is_default))
        {
            return conflict(format!(
                "authorizer {name} is the default of domain configuration {}; help: update that first",
                domain.name
            ));
        }
        Ok((vec![Change::RemoveAuthorizer { name: name.to_owned() }], empty()))
    })
}

/// ListAuthorizers, all or those of a status, with the built-in one.
pub(crate) fn list_authorizers(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_marker("authorizers", input)?;
    let wanted = input.query("status").map(read_status).transpose()?;
    let built_in = cloud.built_in_authorizer();
    Ok(cloud.read(|registry| {
        let all = registry.all_authorizers(built_in.as_ref());
        let of_status = all.iter().filter(|found| wanted.is_none_or(|wanted| found.status == wanted));
        let items =
            of_status.map(|found| (key_by_time(found.created, &found.name), named(cloud, &found.name)));
        let (authorizers, marker) = page.cut(items);
        with_token(json!({ "authorizers": authorizers }), "nextMarker", marker)
    }))
}

/// Returns an authorizer of the registry, or else the built-in one.
fn find<'a>(
    registry: &'a Registry,
    built_in: Option<&'a BuiltInAuthorizer>,
    name: &str,
) -> Result<&'a Record<Authorizer>, ApiError> {
    let own = || built_in.map(|own| &own.authorizer).filter(|own| own.name == name);
    let found = registry.authorizer(name).or_else(own);
    found.ok_or_else(|| ApiError::not_found(format_args!("authorizer {name}")))
}

/// Returns an authorizer that can be changed.
fn find_registered<'a>(
    registry: &'a Registry,
    built_in: Option<&BuiltInAuthorizer>,
    name: &str,
) -> Result<&'a Record<Authorizer>, ApiError> {
    if let Some(found) = registry.authorizer(name) {
        return Ok(found);
    }
    match built_in {
        Some(own) if own.authorizer.name == name => Err(ApiError::invalid(format!(
            "authorizer {name} is made by the options of cargo local at each start; help: --function, --token-key, \
             --signing-key, --cache-http and --no-default-authorizer change it, --authorizer renames it, and \
             CreateAuthorizer with this name replaces it"
        ))),
        _ => Err(ApiError::not_found(format_args!("authorizer {name}"))),
    }
}

fn description(cloud: &Cloud, found: &Authorizer) -> Value {
    let mut description = json!({
        "authorizerName": found.name,
        "authorizerArn": arn(cloud, &found.name),
        "authorizerFunctionArn": found.function_arn,
        "tokenSigningPublicKeys": found.signing_keys,
        "status": found.status,
        "creationDate": timestamp(found.created),
        "lastModifiedDate": timestamp(found.modified),
        "signingDisabled": found.signing_disabled,
        "enableCachingForHttp": found.caching_for_http,
    });
    if let (Some(key), Some(members)) = (&found.token_key, description.as_object_mut()) {
        members.insert("tokenKeyName".to_owned(), key.as_str().into());
    }
    json!({ "authorizerDescription": description })
}

fn named(cloud: &Cloud, name: &str) -> Value {
    json!({ "authorizerName": name, "authorizerArn": arn(cloud, name) })
}

fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.account().arn(format_args!("authorizer/{name}"))
}

fn name(input: &Input) -> Result<&str, ApiError> {
    super::names::AUTHORIZER_NAME.check("authorizerName", input.label("authorizerName")?)
}

fn status(input: &Input) -> Result<Option<AuthorizerStatus>, ApiError> {
    input.text("status")?.map(read_status).transpose()
}

fn read_status(text: &str) -> Result<AuthorizerStatus, ApiError> {
    AuthorizerStatus::from_name(text).ok_or_else(|| expected("status", "ACTIVE or INACTIVE"))
}
