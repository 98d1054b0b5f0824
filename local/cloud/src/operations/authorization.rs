//! What a principal may do, without a connection: the policies that count, and what they decide. By the same functions
//! as for a connection.

use iot_local_policy::{
    Action, Arn, ClientCertificate, CognitoContext, Context, NamedDocument, NamedResource, Policy, Question,
    Verdict,
};
use serde_json::{Value, json};

use super::attachments::find_target;
use super::names::{self, POLICY_NAME, THING_NAME};
use super::{Input, expected, missing, policies, things};
use crate::cloud::Cloud;
use crate::connect;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{PolicyTarget, Principal, Registry};

/// How many questions a call has at most.
const MAX_QUESTIONS: usize = 10;
/// The actions that TestAuthorization knows.
const ACTIONS: [(&str, Action); 4] = [
    ("CONNECT", Action::Connect),
    ("PUBLISH", Action::Publish),
    ("SUBSCRIBE", Action::Subscribe),
    ("RECEIVE", Action::Receive),
];

/// GetEffectivePolicies: the policies of a principal, and with `thingName` those of the thing's groups.
pub(crate) fn get_effective_policies(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let principal = principal(cloud, input)?;
    let thing = input.query("thingName").map(|name| THING_NAME.check("thingName", name)).transpose()?;
    if principal.is_none() && thing.is_none() {
        return Err(missing("principal"));
    }
    cloud.read(|registry| {
        if let Some(principal) = &principal {
            find_target(cloud, registry, &PolicyTarget::Principal(principal.clone()))?;
        }
        thing.map_or(Ok(()), |name| things::find(registry, name).map(|_| ()))
    })?;
    let policies = cloud.effective_policies(principal.as_ref(), thing);
    let policies: Vec<_> = policies
        .iter()
        .map(|policy| {
            json!({
                "policyName": policy.name,
                "policyArn": policies::arn(cloud, &policy.name),
                "policyDocument": policy.default_document(),
            })
        })
        .collect();
    Ok(json!({ "effectivePolicies": policies }))
}

/// TestAuthorization. The state of a certificate does not count, only its policies.
pub(crate) fn test_authorization(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let questions = questions(input)?;
    let principal = principal(cloud, input)?.ok_or_else(|| missing("principal"))?;
    let client_id = input.query("clientId");
    let (added, skipped) = (names(input, "policyNamesToAdd")?, names(input, "policyNamesToSkip")?);
    let pool = input.text("cognitoIdentityPoolId")?.map(str::to_owned);
    let pool = pool.or_else(|| cloud.identity_pool().map(|pool| pool.id.clone())).unwrap_or_default();
    let (documents, context) = cloud.read(|registry| {
        let (mut documents, context) = granted(cloud, registry, &principal, client_id, pool)?;
        documents.retain(|named| !skipped.contains(&named.name.as_str()));
        for name in added {
            if documents.iter().all(|named| named.name != name) {
                documents.push(read_document(registry, name)?);
            }
        }
        Ok::<_, ApiError>((documents, context))
    })?;
    let tester = Tester::new(cloud, documents, context)?;
    let results: Vec<_> =
        questions.iter().map(|question| tester.result(question)).collect::<Result<_, _>>()?;
    Ok(json!({ "authResults": results }))
}

/// Reads the principal. A whole identity pool has no rights here.
fn principal(cloud: &Cloud, input: &Input) -> Result<Option<Principal>, ApiError> {
    let principal = input.text("principal")?;
    if principal.is_none() && input.text("cognitoIdentityPoolId")?.is_some() {
        return Err(ApiError::new(
            ErrorKind::NotImplemented,
            "the rights of a whole identity pool are not implemented by this gateway; name an identity as principal",
        ));
    }
    principal.map(|text| names::principal(cloud.account(), "principal", text)).transpose()
}

/// A row of `authInfos`.
struct AuthInfo<'a> {
    action: Action,
    resources: Vec<&'a str>,
    /// As given, which the response repeats.
    value: &'a Value,
}

fn questions(input: &Input) -> Result<Vec<AuthInfo<'_>>, ApiError> {
    let list = input.list("authInfos")?.ok_or_else(|| missing("authInfos"))?;
    if !(1..=MAX_QUESTIONS).contains(&list.len()) {
        return Err(expected("authInfos", "1 to 10 items"));
    }
    list.iter().map(question).collect()
}

fn question(value: &Value) -> Result<AuthInfo<'_>, ApiError> {
    let text = value.get("actionType").and_then(Value::as_str);
    let action = ACTIONS.iter().find(|(name, _)| Some(*name) == text);
    let (_, action) =
        action.ok_or_else(|| expected("authInfos.actionType", "CONNECT, PUBLISH, SUBSCRIBE or RECEIVE"))?;
    let resources = value.get("resources").and_then(Value::as_array);
    let resources: Option<Vec<&str>> = resources.and_then(|list| list.iter().map(Value::as_str).collect());
    let resources = resources.filter(|resources| !resources.is_empty());
    let resources = resources.ok_or_else(|| expected("authInfos.resources", "a list of ARNs"))?;
    Ok(AuthInfo { action: *action, resources, value })
}

fn names<'a>(input: &'a Input, member: &str) -> Result<Vec<&'a str>, ApiError> {
    let list = input.list(member)?.map(Vec::as_slice).unwrap_or_default();
    let name = |value: &'a Value| value.as_str().ok_or_else(|| expected(member, "a list of names"));
    list.iter().map(|value| POLICY_NAME.check(member, name(value)?)).collect()
}

/// Returns the policies of a principal, and the values of their variables. The role of an identity does not count.
fn granted(
    cloud: &Cloud,
    registry: &Registry,
    principal: &Principal,
    client_id: Option<&str>,
    pool_id: String,
) -> Result<(Vec<NamedDocument>, Context), ApiError> {
    let context = Context { client_id: client_id.map(str::to_owned), ..Context::default() };
    let target = PolicyTarget::Principal(principal.clone());
    find_target(cloud, registry, &target)?;
    let unusable = |reason: String| ApiError::new(ErrorKind::InternalFailure, reason);
    match principal {
        Principal::Certificate(id) => {
            let registered =
                registry.certificate(id).ok_or_else(|| ApiError::not_found("the certificate"))?;
            let rights = connect::granted_to(registry, registered, client_id).map_err(unusable)?;
            Ok((
                rights.policies,
                Context { certificate: ClientCertificate::Known(rights.context), ..context },
            ))
        }
        Principal::CognitoIdentity(id) => {
            let granted = connect::identity::granted(registry, id, client_id).map_err(unusable)?;
            let amr = vec!["authenticated".to_owned()];
            let cognito = Some(CognitoContext { identity_id: id.clone(), pool_id, amr });
            let certificate = ClientCertificate::Known(granted.context.into());
            Ok((granted.policies, Context { certificate, cognito, ..context }))
        }
    }
}

fn read_document(registry: &Registry, name: &str) -> Result<NamedDocument, ApiError> {
    let policy = policies::find(registry, name)?;
    connect::document(policy).map_err(|reason| ApiError::new(ErrorKind::InternalFailure, reason))
}

/// Decides questions about one principal.
struct Tester<'a> {
    cloud: &'a Cloud,
    /// The names of the policies, in order.
    names: Vec<String>,
    policy: Policy,
    context: Context,
}

impl<'a> Tester<'a> {
    fn new(cloud: &'a Cloud, documents: Vec<NamedDocument>, context: Context) -> Result<Self, ApiError> {
        let failure = |reason: String| ApiError::new(ErrorKind::InternalFailure, reason);
        let arn: Arn =
            cloud.account().arn("policy/any").parse().map_err(|_| failure("the account".to_owned()))?;
        let policy = Policy::parse_named(&documents, &arn).map_err(|errors| failure(errors.join("; ")))?;
        Ok(Self { cloud, names: documents.into_iter().map(|named| named.name).collect(), policy, context })
    }

    /// Decides one row: it is allowed if each of its resources is.
    fn result(&self, info: &AuthInfo<'_>) -> Result<Value, ApiError> {
        let mut verdicts = Vec::new();
        let mut missing = Vec::new();
        for resource in &info.resources {
            let named = NamedResource::parse(info.action, resource)
                .map_err(|error| ApiError::invalid(error.to_string()))?;
            let question = Question { action: info.action, resource: named.name, context: &self.context };
            missing.extend(self.policy.missing_variables(&question));
            verdicts.push(self.verdict(resource, &question));
        }
        missing.sort_unstable();
        missing.dedup();
        let is_explicit = |verdict: &&Verdict| !verdict.allowed && verdict.decided_by.is_some();
        let explicit = verdicts.iter().find(is_explicit);
        let implicit = verdicts.iter().find(|verdict| !verdict.allowed);
        let (decision, decisive) = match (explicit, implicit) {
            (Some(verdict), _) => ("EXPLICIT_DENY", Some(verdict)),
            (None, Some(verdict)) => ("IMPLICIT_DENY", Some(verdict)),
            (None, None) => ("ALLOWED", verdicts.first()),
        };
        let policies_where = |wanted: &str| {
            let verdicts: Vec<_> = verdicts.iter().filter(|verdict| kind(verdict) == wanted).collect();
            self.policies(&verdicts)
        };
        Ok(json!({
            "authInfo": info.value,
            "allowed": { "policies": policies_where("ALLOWED") },
            "denied": {
                "implicitDeny": { "policies": policies_where("IMPLICIT_DENY") },
                "explicitDeny": { "policies": policies_where("EXPLICIT_DENY") },
            },
            "authDecision": decision,
            "missingContextValues": missing,
            // Not in AWS's response. Its clients skip unknown members.
            "reason": decisive.map(|verdict| &verdict.reason),
        }))
    }

    fn verdict(&self, resource: &str, question: &Question<'_>) -> Verdict {
        if resource.starts_with("arn:") && names::resource(self.cloud.account(), resource).is_none() {
            let reason = "the resource is not in this Region and account".to_owned();
            return Verdict { allowed: false, reason, decided_by: None };
        }
        if self.names.is_empty() {
            let reason = "the principal has no policy; help: aws iot attach-policy".to_owned();
            return Verdict { allowed: false, reason, decided_by: None };
        }
        self.policy.decide(question)
    }

    /// Returns the policies that decided. If none did, all that were asked.
    fn policies(&self, verdicts: &[&Verdict]) -> Vec<Value> {
        let is_decisive = |index: usize| {
            verdicts.iter().any(|verdict| {
                verdict.decided_by.is_none_or(|place| place.document.checked_sub(1) == Some(index))
            })
        };
        let named = self.names.iter().enumerate().filter(|(index, _)| is_decisive(*index));
        named
            .map(|(_, name)| json!({ "policyName": name, "policyArn": policies::arn(self.cloud, name) }))
            .collect()
    }
}

const fn kind(verdict: &Verdict) -> &'static str {
    match (verdict.allowed, verdict.decided_by) {
        (true, _) => "ALLOWED",
        (false, Some(_)) => "EXPLICIT_DENY",
        (false, None) => "IMPLICIT_DENY",
    }
}
