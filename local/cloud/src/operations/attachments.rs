//! What policies are attached to.
//!
//! AttachPrincipalPolicy, DetachPrincipalPolicy, ListPrincipalPolicies and ListPolicyPrincipals are deprecated. Old
//! programs still call them.

use serde_json::{Value, json};

use super::names::{self, POLICY_NAME};
use super::paging::{Page, key_by_time};
use super::policies::{self, policy_name};
use super::{Input, empty, principal_header};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, PolicyTarget, Registry};

/// How many policies a certificate or an identity has at most.
const MAX_OF_PRINCIPAL: usize = 10;
/// How many policies a thing group has at most.
const MAX_OF_GROUP: usize = 2;

/// AttachPolicy. Attached twice is the same as once.
pub(crate) fn attach_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let target = names::policy_target(cloud.account(), "target", input.required_text("target")?)?;
    attach(cloud, policy_name(input)?, target)
}

/// DetachPolicy. What is not attached stays so.
pub(crate) fn detach_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let target = names::policy_target(cloud.account(), "target", input.required_text("target")?)?;
    let policy = policy_name(input)?.to_owned();
    cloud.write(|registry| {
        let is_attached = registry.is_attached(&policy, &target);
        Ok((Vec::from_iter(is_attached.then_some(Change::DetachPolicy { policy, target })), empty()))
    })
}

/// AttachPrincipalPolicy.
pub(crate) fn attach_principal_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let principal = principal_header(cloud, input, "x-amzn-iot-principal")?;
    attach(cloud, policy_name(input)?, PolicyTarget::Principal(principal))
}

/// DetachPrincipalPolicy. What is not attached is not found.
pub(crate) fn detach_principal_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let target = PolicyTarget::Principal(principal_header(cloud, input, "x-amzn-iot-principal")?);
    let policy = policy_name(input)?.to_owned();
    cloud.write(|registry| {
        policies::find(registry, &policy)?;
        find_target(cloud, registry, &target)?;
        if !registry.is_attached(&policy, &target) {
            let target = target.api_name(cloud.account());
            return Err(ApiError::not_found(format_args!("attachment of policy {policy} to {target}")));
        }
        Ok((vec![Change::DetachPolicy { policy, target }], empty()))
    })
}

/// ListAttachedPolicies. `recursive` includes the policies of the groups that a thing group is in.
pub(crate) fn list_attached_policies(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let target = names::policy_target(cloud.account(), "target", input.label("target")?)?;
    let is_recursive = input.query_flag("recursive")?.unwrap_or(false);
    let page = Page::by_marker("attached-policies", input)?.ascending();
    cloud.read(|registry| {
        find_target(cloud, registry, &target)?;
        let targets = match &target {
            PolicyTarget::ThingGroup(name) if is_recursive => registry
                .group_and_parents(name)
                .map(|group| PolicyTarget::ThingGroup(group.name.clone()))
                .collect(),
            single => vec![single.clone()],
        };
        let mut policies: Vec<_> = targets.iter().flat_map(|target| registry.policies_of(target)).collect();
        policies.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        policies.dedup_by(|left, right| left.name == right.name);
        Ok(policies::list(cloud, &page, policies.into_iter().map(|policy| (policy.name.clone(), policy))))
    })
}

/// ListPrincipalPolicies.
pub(crate) fn list_principal_policies(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let target = PolicyTarget::Principal(principal_header(cloud, input, "x-amzn-iot-principal")?);
    let page = Page::by_marker("principal-policies", input)?;
    cloud.read(|registry| {
        find_target(cloud, registry, &target)?;
        let policies = registry.policies_of(&target);
        let policies = policies.map(|policy| (key_by_time(policy.created, &policy.name), policy));
        Ok(policies::list(cloud, &page, policies))
    })
}

/// ListTargetsForPolicy.
pub(crate) fn list_targets_for_policy(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_marker("policy-targets", input)?.ascending();
    let name = policy_name(input)?;
    cloud.read(|registry| {
        policies::find(registry, name)?;
        let targets = registry.targets_of(name).map(|target| (target.to_string(), target));
        let (targets, marker) = page.cut(targets);
        let targets: Vec<_> = targets.iter().map(|target| target.api_name(cloud.account())).collect();
        Ok(super::with_token(json!({ "targets": targets }), "nextMarker", marker))
    })
}

/// ListPolicyPrincipals. Thing groups are not principals.
pub(crate) fn list_policy_principals(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_marker("policy-principals", input)?;
    let name = POLICY_NAME.check("policyName", input.required_header("x-amzn-iot-policy")?)?;
    cloud.read(|registry| {
        policies::find(registry, name)?;
        let principals = registry.targets_of(name).filter_map(|target| match target {
            PolicyTarget::Principal(principal) => Some((principal.to_string(), principal)),
            PolicyTarget::ThingGroup(_) => None,
        });
        let (principals, marker) = page.cut(principals);
        let principals: Vec<_> =
            principals.iter().map(|principal| principal.api_name(cloud.account())).collect();
        Ok(super::with_token(json!({ "principals": principals }), "nextMarker", marker))
    })
}

fn attach(cloud: &Cloud, policy: &str, target: PolicyTarget) -> Result<Value, ApiError> {
    let policy = policy.to_owned();
    cloud.write(|registry| {
        policies::find(registry, &policy)?;
        find_target(cloud, registry, &target)?;
        if registry.is_attached(&policy, &target) {
            return Ok((Vec::new(), empty()));
        }
        let max = match target {
            PolicyTarget::Principal(_) => MAX_OF_PRINCIPAL,
            PolicyTarget::ThingGroup(_) => MAX_OF_GROUP,
        };
        if registry.policies_of(&target).count() >= max {
            let target = target.api_name(cloud.account());
            return Err(ApiError::new(
                ErrorKind::LimitExceeded,
                format!("{target} has {max} policies; help: detach one of them first"),
            ));
        }
        Ok((vec![Change::AttachPolicy { policy, target }], empty()))
    })
}

pub(super) fn find_target(cloud: &Cloud, registry: &Registry, target: &PolicyTarget) -> Result<(), ApiError> {
    let missing = || ApiError::not_found(target.api_name(cloud.account()));
    registry.has_target(target).then_some(()).ok_or_else(missing)
}
