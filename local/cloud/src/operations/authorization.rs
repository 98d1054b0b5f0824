//! What a principal may do: the policies that count, and their decision, by the function that guards connections.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_TestAuthorization.html>,
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_GetEffectivePolicies.html>

use std::collections::BTreeSet;

use iot_local_policy::{Action, Arn, ClientCertificate, Context, NamedDocument, Policy, Question, Verdict};
use serde_json::{Value, json};

use super::names::{self, POLICY_NAME, THING_NAME};
use super::{Input, expected, missing, policies, things};
use crate::account::Account;
use crate::cloud::Cloud;
use crate::connect::granted;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{PolicyTarget, Principal, Registry};

/// How many questions one call has at most.
const MAX_QUESTIONS: usize = 10;

/// GetEffectivePolicies: those of the principal itself, and those of the groups of the thing.
///
/// # Errors
/// 404 for an unknown principal or thing, 400 without both.
pub(crate) fn get_effective_policies(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let principal = principal(cloud, input)?;
    let thing = input.query("thingName");
    let thing = thing.map(|thing| THING_NAME.check("thingName", thing)).transpose()?;
    if principal.is_none() && thing.is_none() {
        return Err(missing("principal"));
    }
    cloud.read(|registry| {
        let mut targets: Vec<PolicyTarget> = Vec::new();
        if let Some(principal) = principal {
            check_principal(cloud, registry, &principal)?;
            targets.push(PolicyTarget::Principal(principal));
        }
        if let Some(thing) = thing {
            things::find(registry, thing)?;
            let groups = registry.groups_of(thing).flat_map(|group| registry.group_and_parents(&group.name));
            let names: BTreeSet<&str> = groups.map(|group| group.name.as_str()).collect();
            targets.extend(names.into_iter().map(|name| PolicyTarget::ThingGroup(name.to_owned())));
        }
        let mut names = BTreeSet::new();
        let found = targets.iter().flat_map(|target| registry.policies_of(target));
        let found: Vec<Value> = found
            .filter(|policy| names.insert(policy.name.clone()))
            .map(|policy| {
                json!({
                    "policyName": policy.name,
                    "policyArn": policy_arn(cloud.account(), &policy.name),
                    "policyDocument": policy.default_document(),
                })
            })
            .collect();
        Ok(json!({ "effectivePolicies": found }))
    })
}

/// TestAuthorization: one result for each question. The status of the certificate has no influence.
///
/// # Errors
/// 404 for an unknown principal or policy, 400 for an invalid question.
pub(crate) fn test_authorization(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let principal = principal(cloud, input)?;
    let client_id = input.query("clientId").filter(|id| !id.is_empty());
    let questions = questions(cloud.account(), input)?;
    let added = policy_names(input, "policyNamesToAdd")?;
    let skipped = policy_names(input, "policyNamesToSkip")?;
    let (documents, certificate) = cloud.read(|registry| {
        let (mut documents, certificate) = match &principal {
            None => (Vec::new(), ClientCertificate::Absent),
            Some(principal) => {
                check_principal(cloud, registry, principal)?;
                granted(registry, principal, client_id).map_err(internal)?
            }
        };
        documents.retain(|document| !skipped.contains(&document.name.as_str()));
        for name in added {
            let policy = policies::find(registry, name)?;
            let document = policy.default_document().unwrap_or_default();
            let document = serde_json::from_str(document).map_err(|error| internal(error.to_string()))?;
            documents.push(NamedDocument { name: name.to_owned(), document });
        }
        Ok::<_, ApiError>((documents, certificate))
    })?;
    let arn: Arn =
        cloud.account().arn("policy").parse().map_err(|_| internal("invalid account".to_owned()))?;
    let policy = Policy::parse_named(&documents, &arn).map_err(|errors| internal(errors.join("; ")))?;
    let context = Context { client_id: client_id.map(str::to_owned), certificate, ..Context::default() };
    let test = Test { account: cloud.account(), documents: &documents, policy: &policy, context: &context };
    let results: Vec<Value> = questions.iter().map(|question| test.result(question)).collect();
    Ok(json!({ "authResults": results }))
}

/// An `authInfo`.
struct AuthInfo {
    action: Action,
    /// The action as AWS's API names it, such as `PUBLISH`.
    action_type: String,
    /// The resources after the account, such as `topic/a`.
    resources: Vec<String>,
}

struct Test<'a> {
    account: &'a Account,
    documents: &'a [NamedDocument],
    policy: &'a Policy,
    context: &'a Context,
}

impl Test<'_> {
    /// With several resources, all must be allowed.
    fn result(&self, info: &AuthInfo) -> Value {
        let questions: Vec<Question<'_>> = info
            .resources
            .iter()
            .map(|resource| Question { action: info.action, resource, context: self.context })
            .collect();
        let verdicts: Vec<Verdict> = questions.iter().map(|question| self.policy.decide(question)).collect();
        let missing: BTreeSet<String> =
            questions.iter().flat_map(|question| self.policy.missing_variables(question)).collect();
        let explicit: Vec<&Verdict> =
            verdicts.iter().filter(|verdict| !verdict.allowed && verdict.decided_by.is_some()).collect();
        let allowing: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.allowed).collect();
        let is_allowed = allowing.len() == verdicts.len();
        let decision = match (is_allowed, explicit.is_empty()) {
            (true, _) => "ALLOWED",
            (false, true) => "IMPLICIT_DENY",
            (false, false) => "EXPLICIT_DENY",
        };
        let all: Vec<Value> = self.documents.iter().map(|document| self.named(&document.name)).collect();
        let implicit = if decision == "IMPLICIT_DENY" { all } else { Vec::new() };
        let arns: Vec<String> = info.resources.iter().map(|resource| self.account.arn(resource)).collect();
        json!({
            "authInfo": { "actionType": info.action_type, "resources": arns },
            "allowed": { "policies": self.deciding(&allowing) },
            "denied": {
                "implicitDeny": { "policies": implicit },
                "explicitDeny": { "policies": self.deciding(&explicit) },
            },
            "authDecision": decision,
            "missingContextValues": missing,
        })
    }

    /// The policies whose statements decided.
    fn deciding(&self, verdicts: &[&Verdict]) -> Vec<Value> {
        let numbers: BTreeSet<usize> =
            verdicts.iter().filter_map(|verdict| verdict.decided_by).map(|place| place.document).collect();
        let names = numbers.into_iter().filter_map(|number| self.documents.get(number.checked_sub(1)?));
        names.map(|document| self.named(&document.name)).collect()
    }

    fn named(&self, name: &str) -> Value {
        json!({ "policyName": name, "policyArn": policy_arn(self.account, name) })
    }
}

/// Reads `principal`. `cognitoIdentityPoolId` says nothing more here: an identity's id names its pool's Region.
fn principal(cloud: &Cloud, input: &Input) -> Result<Option<Principal>, ApiError> {
    input.text("cognitoIdentityPoolId")?;
    let text = input.text("principal")?;
    text.map(|text| names::principal(cloud.account(), "principal", text)).transpose()
}

fn check_principal(cloud: &Cloud, registry: &Registry, principal: &Principal) -> Result<(), ApiError> {
    let missing = || ApiError::not_found(principal.api_name(cloud.account()));
    registry.has_principal(principal).then_some(()).ok_or_else(missing)
}

fn questions(account: &Account, input: &Input) -> Result<Vec<AuthInfo>, ApiError> {
    let list = input.list("authInfos")?.ok_or_else(|| missing("authInfos"))?;
    if !(1..=MAX_QUESTIONS).contains(&list.len()) {
        return Err(expected("authInfos", "1 to 10 questions"));
    }
    list.iter().map(|info| question(account, info)).collect()
}

fn question(account: &Account, info: &Value) -> Result<AuthInfo, ApiError> {
    let action_type = info.get("actionType").and_then(Value::as_str).unwrap_or_default();
    let action = match action_type {
        "CONNECT" => Action::Connect,
        "PUBLISH" => Action::Publish,
        "SUBSCRIBE" => Action::Subscribe,
        "RECEIVE" => Action::Receive,
        _ => return Err(expected("authInfos.actionType", "CONNECT, PUBLISH, SUBSCRIBE or RECEIVE")),
    };
    let invalid = || expected("authInfos.resources", "a list of ARNs of this account and Region");
    let list = info.get("resources").and_then(Value::as_array).filter(|list| !list.is_empty());
    let read = |arn: &Value| {
        let resource = arn.as_str().and_then(|arn| names::resource(account, arn));
        resource.map(str::to_owned).ok_or_else(invalid)
    };
    let resources = list.ok_or_else(invalid)?.iter().map(read).collect::<Result<_, _>>()?;
    Ok(AuthInfo { action, action_type: action_type.to_owned(), resources })
}

fn policy_names<'a>(input: &'a Input, member: &str) -> Result<Vec<&'a str>, ApiError> {
    let names = input.list(member)?.into_iter().flatten();
    let read = |name: &'a Value| {
        let name = name.as_str().ok_or_else(|| expected(member, "a list of strings"))?;
        POLICY_NAME.check(member, name)
    };
    names.map(read).collect()
}

fn policy_arn(account: &Account, name: &str) -> String {
    account.arn(format_args!("policy/{name}"))
}

fn internal(what: String) -> ApiError {
    ApiError::new(ErrorKind::InternalFailure, what)
}
