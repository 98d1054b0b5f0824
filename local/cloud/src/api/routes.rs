//! The table of all operations: what a request must look like, and the function that carries it out. `docs/api.md` is
//! generated from it.

#[cfg(test)]
mod page;

use crate::api::path;
use crate::api::service::Service;
use crate::operations::{
    EffectOperation, Operation, attachments, authorization, authorizers, bulk, ca_certificates, certificates,
    cognito_identity, domains, endpoint, events, lambda, policies, principals, register_thing, rules, sts,
    tags, templates, thing_groups, thing_types, things,
};

/// A row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    /// The service that a request must be signed for.
    pub(crate) service: Service,
    /// AWS's name of the operation.
    pub(crate) name: &'static str,
    /// The HTTP method.
    pub(crate) method: &'static str,
    /// The path, with labels in braces. `/` for the services that name the operation elsewhere.
    pub(crate) path: &'static str,
    /// The function. Absent: answered with 501.
    pub(crate) run: Option<Run>,
    /// Whether AWS asks for a signature.
    pub(crate) is_signed: bool,
}

/// The function of an operation.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Its result is the answer.
    Answer(Operation),
    /// The gateway does the rest.
    Effect(EffectOperation),
}

/// The operations that AWS documents and this gateway knows. Where two patterns match a path, the first row wins.
pub(crate) const ROUTES: &[Route] = &[
    // CA certificates.
    on("GetRegistrationCode", "GET", "/registrationcode", ca_certificates::get_registration_code),
    on("DeleteRegistrationCode", "DELETE", "/registrationcode", ca_certificates::delete_registration_code),
    on("RegisterCACertificate", "POST", "/cacertificate", ca_certificates::register_ca_certificate),
    on(
        "DescribeCACertificate",
        "GET",
        "/cacertificate/{caCertificateId}",
        ca_certificates::describe_ca_certificate,
    ),
    on(
        "UpdateCACertificate",
        "PUT",
        "/cacertificate/{caCertificateId}",
        ca_certificates::update_ca_certificate,
    ),
    on(
        "DeleteCACertificate",
        "DELETE",
        "/cacertificate/{caCertificateId}",
        ca_certificates::delete_ca_certificate,
    ),
    on("ListCACertificates", "GET", "/cacertificates", ca_certificates::list_ca_certificates),
    on(
        "ListCertificatesByCA",
        "GET",
        "/certificates-by-ca/{caCertificateId}",
        certificates::list_certificates_by_ca,
    ),
    // Certificates.
    on(
        "CreateKeysAndCertificate",
        "POST",
        "/keys-and-certificate",
        certificates::create_keys_and_certificate,
    ),
    on("CreateCertificateFromCsr", "POST", "/certificates", certificates::create_certificate_from_csr),
    on("RegisterCertificate", "POST", "/certificate/register", certificates::register_certificate),
    on(
        "RegisterCertificateWithoutCA",
        "POST",
        "/certificate/register-no-ca",
        certificates::register_certificate_without_ca,
    ),
    on("DescribeCertificate", "GET", "/certificates/{certificateId}", certificates::describe_certificate),
    on("UpdateCertificate", "PUT", "/certificates/{certificateId}", certificates::update_certificate),
    on("DeleteCertificate", "DELETE", "/certificates/{certificateId}", certificates::delete_certificate),
    on("ListCertificates", "GET", "/certificates", certificates::list_certificates),
    planned("TransferCertificate", "PATCH", "/transfer-certificate/{certificateId}"),
    planned("AcceptCertificateTransfer", "PATCH", "/accept-certificate-transfer/{certificateId}"),
    // Policies.
    on("CreatePolicy", "POST", "/policies/{policyName}", policies::create_policy),
    on("GetPolicy", "GET", "/policies/{policyName}", policies::get_policy),
    on("ListPolicies", "GET", "/policies", policies::list_policies),
    on("CreatePolicyVersion", "POST", "/policies/{policyName}/version", policies::create_policy_version),
    on(
        "GetPolicyVersion",
        "GET",
        "/policies/{policyName}/version/{policyVersionId}",
        policies::get_policy_version,
    ),
    on("ListPolicyVersions", "GET", "/policies/{policyName}/version", policies::list_policy_versions),
    on(
        "SetDefaultPolicyVersion",
        "PATCH",
        "/policies/{policyName}/version/{policyVersionId}",
        policies::set_default_policy_version,
    ),
    on(
        "DeletePolicyVersion",
        "DELETE",
        "/policies/{policyName}/version/{policyVersionId}",
        policies::delete_policy_version,
    ),
    on("DeletePolicy", "DELETE", "/policies/{policyName}", policies::delete_policy),
    on("AttachPolicy", "PUT", "/target-policies/{policyName}", attachments::attach_policy),
    on("DetachPolicy", "POST", "/target-policies/{policyName}", attachments::detach_policy),
    on("ListAttachedPolicies", "POST", "/attached-policies/{target}", attachments::list_attached_policies),
    on("ListTargetsForPolicy", "POST", "/policy-targets/{policyName}", attachments::list_targets_for_policy),
    on("GetEffectivePolicies", "POST", "/effective-policies", authorization::get_effective_policies),
    on("TestAuthorization", "POST", "/test-authorization", authorization::test_authorization),
    on(
        "AttachPrincipalPolicy",
        "PUT",
        "/principal-policies/{policyName}",
        attachments::attach_principal_policy,
    ),
    on(
        "DetachPrincipalPolicy",
        "DELETE",
        "/principal-policies/{policyName}",
        attachments::detach_principal_policy,
    ),
    on("ListPrincipalPolicies", "GET", "/principal-policies", attachments::list_principal_policies),
    on("ListPolicyPrincipals", "GET", "/policy-principals", attachments::list_policy_principals),
    // Things.
    on("CreateThing", "POST", "/things/{thingName}", things::create_thing),
    on("DescribeThing", "GET", "/things/{thingName}", things::describe_thing),
    on("UpdateThing", "PATCH", "/things/{thingName}", things::update_thing),
    on("DeleteThing", "DELETE", "/things/{thingName}", things::delete_thing),
    on("ListThings", "GET", "/things", things::list_things),
    on("AttachThingPrincipal", "PUT", "/things/{thingName}/principals", principals::attach_thing_principal),
    on(
        "DetachThingPrincipal",
        "DELETE",
        "/things/{thingName}/principals",
        principals::detach_thing_principal,
    ),
    on("ListThingPrincipals", "GET", "/things/{thingName}/principals", principals::list_thing_principals),
    on(
        "ListThingPrincipalsV2",
        "GET",
        "/things/{thingName}/principals-v2",
        principals::list_thing_principals_v2,
    ),
    on("ListPrincipalThings", "GET", "/principals/things", principals::list_principal_things),
    on("ListPrincipalThingsV2", "GET", "/principals/things-v2", principals::list_principal_things_v2),
    on("RegisterThing", "POST", "/things", register_thing::register_thing),
    // Thing types and groups.
    on("CreateThingType", "POST", "/thing-types/{thingTypeName}", thing_types::create_thing_type),
    on("DescribeThingType", "GET", "/thing-types/{thingTypeName}", thing_types::describe_thing_type),
    on("UpdateThingType", "PATCH", "/thing-types/{thingTypeName}", thing_types::update_thing_type),
    on(
        "DeprecateThingType",
        "POST",
        "/thing-types/{thingTypeName}/deprecate",
        thing_types::deprecate_thing_type,
    ),
    on("DeleteThingType", "DELETE", "/thing-types/{thingTypeName}", thing_types::delete_thing_type),
    on("ListThingTypes", "GET", "/thing-types", thing_types::list_thing_types),
    on("CreateThingGroup", "POST", "/thing-groups/{thingGroupName}", thing_groups::create_thing_group),
    on("DescribeThingGroup", "GET", "/thing-groups/{thingGroupName}", thing_groups::describe_thing_group),
    on("UpdateThingGroup", "PATCH", "/thing-groups/{thingGroupName}", thing_groups::update_thing_group),
    on("DeleteThingGroup", "DELETE", "/thing-groups/{thingGroupName}", thing_groups::delete_thing_group),
    on("ListThingGroups", "GET", "/thing-groups", thing_groups::list_thing_groups),
    on(
        "AddThingToThingGroup",
        "PUT",
        "/thing-groups/addThingToThingGroup",
        thing_groups::add_thing_to_thing_group,
    ),
    on(
        "RemoveThingFromThingGroup",
        "PUT",
        "/thing-groups/removeThingFromThingGroup",
        thing_groups::remove_thing_from_thing_group,
    ),
    on(
        "ListThingsInThingGroup",
        "GET",
        "/thing-groups/{thingGroupName}/things",
        thing_groups::list_things_in_thing_group,
    ),
    on(
        "ListThingGroupsForThing",
        "GET",
        "/things/{thingName}/thing-groups",
        thing_groups::list_thing_groups_for_thing,
    ),
    on(
        "UpdateThingGroupsForThing",
        "PUT",
        "/thing-groups/updateThingGroupsForThing",
        thing_groups::update_thing_groups_for_thing,
    ),
    // Bulk.
    on(
        "StartThingRegistrationTask",
        "POST",
        "/thing-registration-tasks",
        bulk::start_thing_registration_task,
    ),
    on(
        "DescribeThingRegistrationTask",
        "GET",
        "/thing-registration-tasks/{taskId}",
        bulk::describe_thing_registration_task,
    ),
    on("ListThingRegistrationTasks", "GET", "/thing-registration-tasks", bulk::list_thing_registration_tasks),
    on(
        "ListThingRegistrationTaskReports",
        "GET",
        "/thing-registration-tasks/{taskId}/reports",
        bulk::list_thing_registration_task_reports,
    ),
    on(
        "StopThingRegistrationTask",
        "PUT",
        "/thing-registration-tasks/{taskId}/cancel",
        bulk::stop_thing_registration_task,
    ),
    // Provisioning templates.
    on(
        "CreateProvisioningTemplate",
        "POST",
        "/provisioning-templates",
        templates::create_provisioning_template,
    ),
    on(
        "DescribeProvisioningTemplate",
        "GET",
        "/provisioning-templates/{templateName}",
        templates::describe_provisioning_template,
    ),
    on(
        "UpdateProvisioningTemplate",
        "PATCH",
        "/provisioning-templates/{templateName}",
        templates::update_provisioning_template,
    ),
    on(
        "DeleteProvisioningTemplate",
        "DELETE",
        "/provisioning-templates/{templateName}",
        templates::delete_provisioning_template,
    ),
    on("ListProvisioningTemplates", "GET", "/provisioning-templates", templates::list_provisioning_templates),
    on(
        "CreateProvisioningTemplateVersion",
        "POST",
        "/provisioning-templates/{templateName}/versions",
        templates::create_provisioning_template_version,
    ),
    on(
        "DescribeProvisioningTemplateVersion",
        "GET",
        "/provisioning-templates/{templateName}/versions/{versionId}",
        templates::describe_provisioning_template_version,
    ),
    on(
        "ListProvisioningTemplateVersions",
        "GET",
        "/provisioning-templates/{templateName}/versions",
        templates::list_provisioning_template_versions,
    ),
    on(
        "DeleteProvisioningTemplateVersion",
        "DELETE",
        "/provisioning-templates/{templateName}/versions/{versionId}",
        templates::delete_provisioning_template_version,
    ),
    on(
        "CreateProvisioningClaim",
        "POST",
        "/provisioning-templates/{templateName}/provisioning-claim",
        templates::create_provisioning_claim,
    ),
    // Rules.
    on("CreateTopicRule", "POST", "/rules/{ruleName}", rules::create_topic_rule),
    on("GetTopicRule", "GET", "/rules/{ruleName}", rules::get_topic_rule),
    on("ListTopicRules", "GET", "/rules", rules::list_topic_rules),
    on("ReplaceTopicRule", "PATCH", "/rules/{ruleName}", rules::replace_topic_rule),
    on("DeleteTopicRule", "DELETE", "/rules/{ruleName}", rules::delete_topic_rule),
    on("EnableTopicRule", "POST", "/rules/{ruleName}/enable", rules::enable_topic_rule),
    on("DisableTopicRule", "POST", "/rules/{ruleName}/disable", rules::disable_topic_rule),
    // Authorizers.
    on("CreateAuthorizer", "POST", "/authorizer/{authorizerName}", authorizers::create_authorizer),
    on("DescribeAuthorizer", "GET", "/authorizer/{authorizerName}", authorizers::describe_authorizer),
    on("UpdateAuthorizer", "PUT", "/authorizer/{authorizerName}", authorizers::update_authorizer),
    on("DeleteAuthorizer", "DELETE", "/authorizer/{authorizerName}", authorizers::delete_authorizer),
    on("ListAuthorizers", "GET", "/authorizers/", authorizers::list_authorizers),
    on("SetDefaultAuthorizer", "POST", "/default-authorizer", authorizers::set_default_authorizer),
    on("DescribeDefaultAuthorizer", "GET", "/default-authorizer", authorizers::describe_default_authorizer),
    on("ClearDefaultAuthorizer", "DELETE", "/default-authorizer", authorizers::clear_default_authorizer),
    effect(
        "TestInvokeAuthorizer",
        "POST",
        "/authorizer/{authorizerName}/test",
        authorizers::test_invoke_authorizer,
    ),
    // Domains, endpoint, tags, events.
    on("DescribeEndpoint", "GET", "/endpoint", endpoint::describe_endpoint),
    on(
        "CreateDomainConfiguration",
        "POST",
        "/domainConfigurations/{domainConfigurationName}",
        domains::create_domain_configuration,
    ),
    on(
        "DescribeDomainConfiguration",
        "GET",
        "/domainConfigurations/{domainConfigurationName}",
        domains::describe_domain_configuration,
    ),
    on(
        "UpdateDomainConfiguration",
        "PUT",
        "/domainConfigurations/{domainConfigurationName}",
        domains::update_domain_configuration,
    ),
    on(
        "DeleteDomainConfiguration",
        "DELETE",
        "/domainConfigurations/{domainConfigurationName}",
        domains::delete_domain_configuration,
    ),
    on("ListDomainConfigurations", "GET", "/domainConfigurations", domains::list_domain_configurations),
    on("TagResource", "POST", "/tags", tags::tag_resource),
    on("UntagResource", "POST", "/untag", tags::untag_resource),
    on("ListTagsForResource", "GET", "/tags", tags::list_tags_for_resource),
    on("DescribeEventConfigurations", "GET", "/event-configurations", events::describe_event_configurations),
    on("UpdateEventConfigurations", "PATCH", "/event-configurations", events::update_event_configurations),
    // Lambda.
    Route {
        service: Service::Lambda,
        ..effect("Invoke", "POST", "/2015-03-31/functions/{FunctionName}/invocations", lambda::invoke)
    },
    // Security Token Service.
    action(Service::Sts, "GetCallerIdentity", sts::get_caller_identity),
    unsigned(Service::Sts, "AssumeRoleWithWebIdentity", sts::assume_role_with_web_identity),
    // Identity pools.
    unsigned(Service::CognitoIdentity, "GetId", cognito_identity::get_id),
    unsigned(
        Service::CognitoIdentity,
        "GetCredentialsForIdentity",
        cognito_identity::get_credentials_for_identity,
    ),
    unsigned(Service::CognitoIdentity, "GetOpenIdToken", cognito_identity::get_open_id_token),
];

/// Finds the row of a REST request, with the labels of its path, still percent-encoded.
pub(crate) fn by_path<'a>(
    method: &str,
    path: &'a str,
) -> Option<(&'static Route, Vec<(&'static str, &'a str)>)> {
    let rest = ROUTES.iter().filter(|route| route.path != "/" && route.method == method);
    rest.filter_map(|route| Some((route, path::labels(route.path, path)?))).next()
}

/// Finds the row of an operation that the header `X-Amz-Target` or the form member `Action` names.
pub(crate) fn by_name(service: Service, name: &str) -> Option<&'static Route> {
    let mut named = ROUTES.iter().filter(|route| route.path == "/" && route.service == service);
    named.find(|route| route.name == name)
}

const fn on(name: &'static str, method: &'static str, path: &'static str, run: Operation) -> Route {
    Route { run: Some(Run::Answer(run)), ..planned(name, method, path) }
}

const fn effect(name: &'static str, method: &'static str, path: &'static str, run: EffectOperation) -> Route {
    Route { run: Some(Run::Effect(run)), ..planned(name, method, path) }
}

const fn planned(name: &'static str, method: &'static str, path: &'static str) -> Route {
    Route { service: Service::Iot, name, method, path, run: None, is_signed: true }
}

const fn unsigned(service: Service, name: &'static str, run: Operation) -> Route {
    Route { is_signed: false, ..action(service, name, run) }
}

const fn action(service: Service, name: &'static str, run: Operation) -> Route {
    Route { service, ..on(name, "POST", "/", run) }
}
