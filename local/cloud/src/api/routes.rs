//! The table of all operations: what a request must look like, and the function that carries it out. `docs/api.md` is
//! generated from it.

#[cfg(test)]
mod page;

use crate::api::path;
use crate::api::service::Service;
use crate::operations::{Operation, endpoint, sts};

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
    pub(crate) run: Option<Operation>,
    /// Whether AWS asks for a signature.
    pub(crate) is_signed: bool,
}

/// The operations that AWS documents and this gateway knows. Where two patterns match a path, the first row wins.
pub(crate) const ROUTES: &[Route] = &[
    // CA certificates.
    planned("GetRegistrationCode", "GET", "/registrationcode"),
    planned("DeleteRegistrationCode", "DELETE", "/registrationcode"),
    planned("RegisterCACertificate", "POST", "/cacertificate"),
    planned("DescribeCACertificate", "GET", "/cacertificate/{caCertificateId}"),
    planned("UpdateCACertificate", "PUT", "/cacertificate/{caCertificateId}"),
    planned("DeleteCACertificate", "DELETE", "/cacertificate/{caCertificateId}"),
    planned("ListCACertificates", "GET", "/cacertificates"),
    planned("ListCertificatesByCA", "GET", "/certificates-by-ca/{caCertificateId}"),
    // Certificates.
    planned("CreateKeysAndCertificate", "POST", "/keys-and-certificate"),
    planned("CreateCertificateFromCsr", "POST", "/certificates"),
    planned("RegisterCertificate", "POST", "/certificate/register"),
    planned("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca"),
    planned("DescribeCertificate", "GET", "/certificates/{certificateId}"),
    planned("UpdateCertificate", "PUT", "/certificates/{certificateId}"),
    planned("DeleteCertificate", "DELETE", "/certificates/{certificateId}"),
    planned("ListCertificates", "GET", "/certificates"),
    planned("TransferCertificate", "PATCH", "/transfer-certificate/{certificateId}"),
    planned("AcceptCertificateTransfer", "PATCH", "/accept-certificate-transfer/{certificateId}"),
    // Policies.
    planned("CreatePolicy", "POST", "/policies/{policyName}"),
    planned("GetPolicy", "GET", "/policies/{policyName}"),
    planned("ListPolicies", "GET", "/policies"),
    planned("CreatePolicyVersion", "POST", "/policies/{policyName}/version"),
    planned("GetPolicyVersion", "GET", "/policies/{policyName}/version/{policyVersionId}"),
    planned("ListPolicyVersions", "GET", "/policies/{policyName}/version"),
    planned("SetDefaultPolicyVersion", "PATCH", "/policies/{policyName}/version/{policyVersionId}"),
    planned("DeletePolicyVersion", "DELETE", "/policies/{policyName}/version/{policyVersionId}"),
    planned("DeletePolicy", "DELETE", "/policies/{policyName}"),
    planned("AttachPolicy", "PUT", "/target-policies/{policyName}"),
    planned("DetachPolicy", "POST", "/target-policies/{policyName}"),
    planned("ListAttachedPolicies", "POST", "/attached-policies/{target}"),
    planned("ListTargetsForPolicy", "POST", "/policy-targets/{policyName}"),
    planned("GetEffectivePolicies", "POST", "/effective-policies"),
    planned("TestAuthorization", "POST", "/test-authorization"),
    planned("AttachPrincipalPolicy", "PUT", "/principal-policies/{policyName}"),
    planned("DetachPrincipalPolicy", "DELETE", "/principal-policies/{policyName}"),
    planned("ListPrincipalPolicies", "GET", "/principal-policies"),
    planned("ListPolicyPrincipals", "GET", "/policy-principals"),
    // Things.
    planned("CreateThing", "POST", "/things/{thingName}"),
    planned("DescribeThing", "GET", "/things/{thingName}"),
    planned("UpdateThing", "PATCH", "/things/{thingName}"),
    planned("DeleteThing", "DELETE", "/things/{thingName}"),
    planned("ListThings", "GET", "/things"),
    planned("AttachThingPrincipal", "PUT", "/things/{thingName}/principals"),
    planned("DetachThingPrincipal", "DELETE", "/things/{thingName}/principals"),
    planned("ListThingPrincipals", "GET", "/things/{thingName}/principals"),
    planned("ListThingPrincipalsV2", "GET", "/things/{thingName}/principals-v2"),
    planned("ListPrincipalThings", "GET", "/principals/things"),
    planned("ListPrincipalThingsV2", "GET", "/principals/things-v2"),
    planned("RegisterThing", "POST", "/things"),
    // Thing types and groups.
    planned("CreateThingType", "POST", "/thing-types/{thingTypeName}"),
    planned("DescribeThingType", "GET", "/thing-types/{thingTypeName}"),
    planned("UpdateThingType", "PATCH", "/thing-types/{thingTypeName}"),
    planned("DeprecateThingType", "POST", "/thing-types/{thingTypeName}/deprecate"),
    planned("DeleteThingType", "DELETE", "/thing-types/{thingTypeName}"),
    planned("ListThingTypes", "GET", "/thing-types"),
    planned("CreateThingGroup", "POST", "/thing-groups/{thingGroupName}"),
    planned("DescribeThingGroup", "GET", "/thing-groups/{thingGroupName}"),
    planned("UpdateThingGroup", "PATCH", "/thing-groups/{thingGroupName}"),
    planned("DeleteThingGroup", "DELETE", "/thing-groups/{thingGroupName}"),
    planned("ListThingGroups", "GET", "/thing-groups"),
    planned("AddThingToThingGroup", "PUT", "/thing-groups/addThingToThingGroup"),
    planned("RemoveThingFromThingGroup", "PUT", "/thing-groups/removeThingFromThingGroup"),
    planned("ListThingsInThingGroup", "GET", "/thing-groups/{thingGroupName}/things"),
    planned("ListThingGroupsForThing", "GET", "/things/{thingName}/thing-groups"),
    planned("UpdateThingGroupsForThing", "PUT", "/thing-groups/updateThingGroupsForThing"),
    // Bulk.
    planned("StartThingRegistrationTask", "POST", "/thing-registration-tasks"),
    planned("DescribeThingRegistrationTask", "GET", "/thing-registration-tasks/{taskId}"),
    planned("ListThingRegistrationTasks", "GET", "/thing-registration-tasks"),
    planned("ListThingRegistrationTaskReports", "GET", "/thing-registration-tasks/{taskId}/reports"),
    planned("StopThingRegistrationTask", "PUT", "/thing-registration-tasks/{taskId}/cancel"),
    // Provisioning templates.
    planned("CreateProvisioningTemplate", "POST", "/provisioning-templates"),
    planned("DescribeProvisioningTemplate", "GET", "/provisioning-templates/{templateName}"),
    planned("UpdateProvisioningTemplate", "PATCH", "/provisioning-templates/{templateName}"),
    planned("DeleteProvisioningTemplate", "DELETE", "/provisioning-templates/{templateName}"),
    planned("ListProvisioningTemplates", "GET", "/provisioning-templates"),
    planned("CreateProvisioningTemplateVersion", "POST", "/provisioning-templates/{templateName}/versions"),
    planned(
        "DescribeProvisioningTemplateVersion",
        "GET",
        "/provisioning-templates/{templateName}/versions/{versionId}",
    ),
    planned("ListProvisioningTemplateVersions", "GET", "/provisioning-templates/{templateName}/versions"),
    planned(
        "DeleteProvisioningTemplateVersion",
        "DELETE",
        "/provisioning-templates/{templateName}/versions/{versionId}",
    ),
    planned("CreateProvisioningClaim", "POST", "/provisioning-templates/{templateName}/provisioning-claim"),
    // Rules.
    planned("CreateTopicRule", "POST", "/rules/{ruleName}"),
    planned("GetTopicRule", "GET", "/rules/{ruleName}"),
    planned("ListTopicRules", "GET", "/rules"),
    planned("ReplaceTopicRule", "PATCH", "/rules/{ruleName}"),
    planned("DeleteTopicRule", "DELETE", "/rules/{ruleName}"),
    planned("EnableTopicRule", "POST", "/rules/{ruleName}/enable"),
    planned("DisableTopicRule", "POST", "/rules/{ruleName}/disable"),
    // Authorizers.
    planned("CreateAuthorizer", "POST", "/authorizer/{authorizerName}"),
    planned("DescribeAuthorizer", "GET", "/authorizer/{authorizerName}"),
    planned("UpdateAuthorizer", "PUT", "/authorizer/{authorizerName}"),
    planned("DeleteAuthorizer", "DELETE", "/authorizer/{authorizerName}"),
    planned("ListAuthorizers", "GET", "/authorizers/"),
    planned("SetDefaultAuthorizer", "POST", "/default-authorizer"),
    planned("DescribeDefaultAuthorizer", "GET", "/default-authorizer"),
    planned("ClearDefaultAuthorizer", "DELETE", "/default-authorizer"),
    planned("TestInvokeAuthorizer", "POST", "/authorizer/{authorizerName}/test"),
    // Domains, endpoint, tags, events.
    on("DescribeEndpoint", "GET", "/endpoint", endpoint::describe_endpoint),
    planned("CreateDomainConfiguration", "POST", "/domainConfigurations/{domainConfigurationName}"),
    planned("DescribeDomainConfiguration", "GET", "/domainConfigurations/{domainConfigurationName}"),
    planned("UpdateDomainConfiguration", "PUT", "/domainConfigurations/{domainConfigurationName}"),
    planned("DeleteDomainConfiguration", "DELETE", "/domainConfigurations/{domainConfigurationName}"),
    planned("ListDomainConfigurations", "GET", "/domainConfigurations"),
    planned("TagResource", "POST", "/tags"),
    planned("UntagResource", "POST", "/untag"),
    planned("ListTagsForResource", "GET", "/tags"),
    planned("DescribeEventConfigurations", "GET", "/event-configurations"),
    planned("UpdateEventConfigurations", "PATCH", "/event-configurations"),
    // Security Token Service.
    action(Service::Sts, "GetCallerIdentity", sts::get_caller_identity),
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
    Route { run: Some(run), ..planned(name, method, path) }
}

const fn planned(name: &'static str, method: &'static str, path: &'static str) -> Route {
    Route { service: Service::Iot, name, method, path, run: None, is_signed: true }
}

const fn action(service: Service, name: &'static str, run: Operation) -> Route {
    Route { service, ..on(name, "POST", "/", run) }
}
