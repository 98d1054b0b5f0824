//! Policies and their versions. <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::names::POLICY_NAME;
use super::paging::Page;
use super::{Input, document, empty, tags, timestamp, versions};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, Policy, PolicyVersion, Record, Registry};

/// CreatePolicy: the document becomes version 1.
pub(crate) fn create_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = policy_name(input)?.to_owned();
    let document = document::policy(cloud.account(), input.required_text("policyDocument")?)?.to_owned();
    let tags = tags::read(input)?;
    let now = cloud.now();
    let arn = cloud.account().arn(format_args!("policy/{name}"));
    let response = json!({
        "policyName": name, "policyArn": arn, "policyDocument": document, "policyVersionId": "1",
    });
    let policy = new_policy(name.clone(), document, now);
    cloud.write(|registry| {
        if registry.policy(&name).is_some() {
            let mut error = ApiError::new(
                ErrorKind::ResourceAlreadyExists,
                format!("policy {name} exists; help: create a version of it, or delete it"),
            );
            error.existing = Some((name.clone(), arn));
            return Err(error);
        }
        let mut changes = vec![Change::PutPolicy(policy.into())];
        changes.extend(tags::change(format!("policy/{name}"), tags));
        Ok((changes, response))
    })
}

/// GetPolicy: the version that counts.
pub(crate) fn get_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = policy_name(input)?;
    cloud.read(|registry| {
        let policy = find(registry, name)?;
        Ok(json!({
            "policyName": name,
            "policyArn": arn(cloud, name),
            "policyDocument": policy.default_document(),
            "defaultVersionId": policy.default_version.to_string(),
            "creationDate": timestamp(policy.created),
            "lastModifiedDate": timestamp(policy.modified),
            "generationId": policy.generation_id,
        }))
    })
}

/// ListPolicies.
pub(crate) fn list_policies(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_marker("policies", input)?;
    Ok(cloud.read(|registry| {
        let policies = registry.policies().map(|policy| {
            let key = super::paging::key_by_time(policy.created, &policy.name);
            (key, policy)
        });
        list(cloud, &page, policies)
    }))
}

/// Returns a page of policies as the lists of policies have them.
pub(super) fn list<'a>(
    cloud: &Cloud,
    page: &Page,
    policies: impl Iterator<Item = (String, &'a Record<Policy>)>,
) -> Value {
    let (policies, marker) = page.cut(policies);
    let policies: Vec<_> = policies
        .iter()
        .map(|policy| json!({ "policyName": policy.name, "policyArn": arn(cloud, &policy.name) }))
        .collect();
    super::with_token(json!({ "policies": policies }), "nextMarker", marker)
}

/// DeletePolicy: only one version may be left, and no target.
pub(crate) fn delete_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = policy_name(input)?;
    cloud.write(|registry| {
        let policy = find(registry, name)?;
        let conflict = |what: String| Err(ApiError::new(ErrorKind::DeleteConflict, what));
        if let Some(target) = registry.targets_of(name).next() {
            let target = target.api_name(cloud.account());
            return conflict(format!("policy {name} is attached to {target}; help: detach it first"));
        }
        if policy.versions.len() > 1 {
            return conflict(format!(
                "policy {name} has {} versions; help: delete all but the default one first",
                policy.versions.len()
            ));
        }
        Ok((vec![Change::RemovePolicy { name: name.to_owned() }], empty()))
    })
}

/// CreatePolicyVersion: at most five versions at once.
pub(crate) fn create_policy_version(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = policy_name(input)?;
    let document = document::policy(cloud.account(), input.required_text("policyDocument")?)?;
    let is_default = input.query_flag("setAsDefault")?.unwrap_or(false);
    let now = cloud.now();
    cloud.write(|registry| {
        let mut policy = changed(find(registry, name)?, now);
        let version = PolicyVersion { document: document.to_owned(), created: now };
        let owner = format_args!("policy {name}");
        let number = versions::add(owner, &mut policy.versions, &mut policy.last_version, version)?;
        if is_default {
            policy.default_version = number;
        }
        let response = json!({
            "policyArn": arn(cloud, name),
            "policyDocument": document,
            "policyVersionId": number.to_string(),
            "isDefaultVersion": is_default,
        });
        Ok((vec![Change::PutPolicy(policy.into())], response))
    })
}

/// GetPolicyVersion.
pub(crate) fn get_policy_version(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (name, number) = (policy_name(input)?, version_number(input)?);
    cloud.read(|registry| {
        let policy = find(registry, name)?;
        let version = find_version(policy, number)?;
        Ok(json!({
            "policyArn": arn(cloud, name),
            "policyName": name,
            "policyDocument": version.document,
            "policyVersionId": number.to_string(),
            "isDefaultVersion": number == policy.default_version,
            "creationDate": timestamp(version.created),
            "lastModifiedDate": timestamp(version.created),
            "generationId": policy.generation_id,
        }))
    })
}

/// ListPolicyVersions, the newest first.
pub(crate) fn list_policy_versions(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = policy_name(input)?;
    cloud.read(|registry| {
        let policy = find(registry, name)?;
        let versions: Vec<_> = policy
            .versions
            .iter()
            .rev()
            .map(|(number, version)| {
                json!({
                    "versionId": number.to_string(),
                    "isDefaultVersion": *number == policy.default_version,
                    "createDate": timestamp(version.created),
                })
            })
            .collect();
        Ok(json!({ "policyVersions": versions }))
    })
}

/// SetDefaultPolicyVersion.
pub(crate) fn set_default_policy_version(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (name, number) = (policy_name(input)?, version_number(input)?);
    let now = cloud.now();
    cloud.write(|registry| {
        let policy = find(registry, name)?;
        find_version(policy, number)?;
        if policy.default_version == number {
            return Ok((Vec::new(), empty()));
        }
        let changed = Policy { default_version: number, ..changed(policy, now) };
        Ok((vec![Change::PutPolicy(changed.into())], empty()))
    })
}

/// DeletePolicyVersion: not the one that counts.
pub(crate) fn delete_policy_version(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (name, number) = (policy_name(input)?, version_number(input)?);
    let now = cloud.now();
    cloud.write(|registry| {
        let policy = find(registry, name)?;
        find_version(policy, number)?;
        if policy.default_version == number {
            return Err(ApiError::new(
                ErrorKind::DeleteConflict,
                format!("version {number} is the default of policy {name}; help: set another default first"),
            ));
        }
        let mut policy = changed(policy, now);
        policy.versions.remove(&number);
        Ok((vec![Change::PutPolicy(policy.into())], empty()))
    })
}

/// Returns a policy with its first version.
pub(super) fn new_policy(name: String, document: String, now: i64) -> Policy {
    Policy {
        name,
        versions: BTreeMap::from([(1, PolicyVersion { document, created: now })]),
        default_version: 1,
        last_version: 1,
        created: now,
        modified: now,
        generation_id: Uuid::new_v4().to_string(),
    }
}

/// Returns a policy.
///
/// # Errors
/// ResourceNotFound.
pub(super) fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Record<Policy>, ApiError> {
    registry.policy(name).ok_or_else(|| ApiError::not_found(format_args!("policy {name}")))
}

/// Returns the label `policyName`.
pub(super) fn policy_name(input: &Input) -> Result<&str, ApiError> {
    POLICY_NAME.check("policyName", input.label("policyName")?)
}

fn find_version(policy: &Policy, number: u32) -> Result<&PolicyVersion, ApiError> {
    let missing = || ApiError::not_found(format_args!("version {number} of policy {}", policy.name));
    policy.versions.get(&number).ok_or_else(missing)
}

/// The label `policyVersionId`: `[0-9]+`, without a sign.
fn version_number(input: &Input) -> Result<u32, ApiError> {
    let text = input.label("policyVersionId")?;
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| super::expected("policyVersionId", "the number of a version"))
}

fn changed(policy: &Policy, now: i64) -> Policy {
    Policy { modified: now, generation_id: Uuid::new_v4().to_string(), ..policy.clone() }
}

pub(super) fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.account().arn(format_args!("policy/{name}"))
}
