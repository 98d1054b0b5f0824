//! The trust policy of a role: which Cognito identities may have its rights.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html>

use serde_json::{Map, Value, json};

use crate::arn::Arn;
use crate::policy::Policy;
use crate::question::{Access, CognitoContext, Context, NamedDocument, Verdict};

/// The federated principal of identity pools.
const COGNITO: &str = "cognito-identity.amazonaws.com";

/// The action that a trust policy allows.
const ASSUME: &str = "sts:AssumeRoleWithWebIdentity";

/// A parsed trust policy.
#[derive(Debug, Clone)]
pub struct TrustPolicy(Policy);

/// Whom a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Principal {
    /// Identities of pools, among others.
    Cognito,
    /// Others only, such as a service.
    Others,
    /// Unknown: not evaluated here.
    Unknown,
}

impl TrustPolicy {
    /// Parses the trust policy of a role. `arn` has the Region and the account.
    ///
    /// # Errors
    /// All errors of the document, each with its place.
    pub fn parse(role: &str, document: &Value, arn: &Arn) -> Result<Self, Vec<String>> {
        let source = format!("trust policy of role {role}");
        let Some(members) = document.as_object() else {
            return Err(vec![format!("{source}: not a JSON object")]);
        };
        let statements = match members.get("Statement") {
            Some(Value::Array(list)) => list.as_slice(),
            Some(single) => std::slice::from_ref(single),
            None => &[],
        };
        let mut errors = Vec::new();
        let mut kept = Vec::new();
        for (number, statement) in (1..).zip(statements) {
            match statement.as_object().map(without_principal) {
                Some(Ok(statement)) => kept.push(statement),
                Some(Err(error)) => errors.push(format!("{source}, statement {number}: {error}")),
                // The parser reports it.
                None => kept.push(statement.clone()),
            }
        }
        let mut document = members.clone();
        document.insert("Statement".to_owned(), Value::Array(kept));
        let named = NamedDocument { name: format!("of the trust of role {role}"), document: document.into() };
        match Policy::parse_named(&[named], arn) {
            Ok(policy) if errors.is_empty() => Ok(Self(policy)),
            Ok(_) => Err(errors),
            Err(more) => {
                errors.extend(more);
                Err(errors)
            }
        }
    }

    /// Decides whether an identity may have the role.
    #[must_use]
    pub fn decide(&self, identity: &CognitoContext) -> Verdict {
        let context = Context { cognito: Some(identity.clone()), ..Context::default() };
        self.0.decide_access(&Access { action: ASSUME, resource: "*", context: &context })
    }
}

/// Returns a statement as one of a policy without principals: it applies to identities, or to nothing.
fn without_principal(statement: &Map<String, Value>) -> Result<Value, String> {
    let mut statement = statement.clone();
    for name in ["Resource", "NotResource"] {
        if statement.contains_key(name) {
            return Err(format!("unknown member {name}; a trust policy has none"));
        }
    }
    let principal = match (statement.remove("Principal"), statement.remove("NotPrincipal")) {
        (Some(value), None) => principal(&value)?,
        (None, Some(_)) => Principal::Unknown,
        (None, None) => return Err("Principal is missing".to_owned()),
        (Some(_), Some(_)) => return Err("Principal and NotPrincipal cannot both be present".to_owned()),
    };
    let is_deny = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    // What is unknown allows nothing, and denies.
    let applies = principal == Principal::Cognito || (principal == Principal::Unknown && is_deny);
    let resource = if applies { "*" } else { "nothing" };
    statement.insert("Resource".to_owned(), json!(resource));
    Ok(statement.into())
}

fn principal(value: &Value) -> Result<Principal, String> {
    const FORM: &str = "Principal must have the form {\"Federated\": \"cognito-identity.amazonaws.com\"}";
    // Everyone: IAM accepts this only with conditions, and then not for a federated principal.
    if value == "*" {
        return Ok(Principal::Unknown);
    }
    let kinds = value.as_object().ok_or(FORM)?;
    let mut found = Principal::Others;
    for (kind, names) in kinds {
        let names = match names {
            Value::Array(names) => names.as_slice(),
            single => std::slice::from_ref(single),
        };
        for name in names {
            let name = name.as_str().ok_or(FORM)?;
            match (kind.as_str(), name) {
                ("Federated", COGNITO) => found = Principal::Cognito,
                (_, "*") if found == Principal::Others => found = Principal::Unknown,
                _ => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
