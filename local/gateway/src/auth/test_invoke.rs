//! TestInvokeAuthorizer: calls an authorizer without a client. The gateway's API and `cargo local invoke` share it.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>

use iot_local_cloud::AuthorizerTest;
use iot_local_policy::Arn;
use iot_local_policy::authorizer_response::{AuthorizerResponse, ResponseError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::{self, Event};
use crate::selection::{AuthorizerDefinition, SelectionError};

/// What the API returns, in its order. Each policy document is a string, as the function wrote it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// Whether the authorizer allows the client.
    pub is_authenticated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_documents: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_after_in_seconds: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_after_in_seconds: Option<i32>,
}

impl TestResult {
    /// Reads the response of a function with this ARN.
    ///
    /// # Errors
    /// AWS IoT cannot use the response: InvalidResponseException.
    pub fn parse(body: &[u8], arn: &Arn) -> Result<Self, ResponseError> {
        let is_authenticated = match AuthorizerResponse::parse(body, arn, None) {
            Ok(_) => true,
            Err(ResponseError::NotAuthenticated) => false,
            Err(error) => return Err(error),
        };
        let members: Members<'_> = serde_json::from_slice(body).unwrap_or_default();
        let documents: Option<Vec<&RawValue>> =
            members.policy_documents.and_then(|list| serde_json::from_str(list.get()).ok());
        let text = |document: &RawValue| {
            serde_json::from_str(document.get()).unwrap_or_else(|_| document.get().to_owned())
        };
        Ok(Self {
            is_authenticated,
            principal_id: typed(members.principal_id),
            policy_documents: documents.map(|list| list.into_iter().map(text).collect()),
            refresh_after_in_seconds: typed(members.refresh_after_in_seconds),
            disconnect_after_in_seconds: typed(members.disconnect_after_in_seconds),
        })
    }
}

/// The members of a response. Those of a denial may have any type.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Members<'a> {
    #[serde(borrow)]
    principal_id: Option<&'a RawValue>,
    #[serde(borrow)]
    policy_documents: Option<&'a RawValue>,
    #[serde(borrow)]
    refresh_after_in_seconds: Option<&'a RawValue>,
    #[serde(borrow)]
    disconnect_after_in_seconds: Option<&'a RawValue>,
}

fn typed<T: DeserializeOwned>(member: Option<&RawValue>) -> Option<T> {
    member.and_then(|value| serde_json::from_str(value.get()).ok())
}

/// Checks the signature of a test, and creates its event.
///
/// # Errors
/// Token signing is on, and the token has no valid signature.
pub fn event(definition: &AuthorizerDefinition, test: &AuthorizerTest) -> Result<Event, SelectionError> {
    let selected = definition.check_signature(test.token.clone(), || test.token_signature.clone())?;
    Ok(event::test_event(selected, test))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

    fn result(body: &str) -> Result<String, String> {
        let parsed = TestResult::parse(body.as_bytes(), &ARN.parse().unwrap());
        parsed.map(|result| serde_json::to_string(&result).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn documents_become_strings_and_unknown_members_are_skipped() {
        let statement = r#"{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}"#;
        let document = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        let text = serde_json::to_string(&document).unwrap();
        let body = format!(
            r#"{{"isAuthenticated":true,"context":{{}},"principalId":"p","policyDocuments":[{document},{text}],"refreshAfterInSeconds":300}}"#
        );
        let expected = format!(
            r#"{{"isAuthenticated":true,"principalId":"p","policyDocuments":[{text},{text}],"refreshAfterInSeconds":300}}"#
        );
        assert_eq!(result(&body), Ok(expected));
    }

    #[test]
    fn of_a_denial_only_members_of_the_api_s_types_are_left() {
        for (members, expected) in [
            ("", ""),
            (r#","principalId":"p","policyDocuments":[]"#, r#","principalId":"p","policyDocuments":[]"#),
            (
                r#","principalId":5,"policyDocuments":"x","refreshAfterInSeconds":1"#,
                r#","refreshAfterInSeconds":1"#,
            ),
            (r#","disconnectAfterInSeconds":"1","refreshAfterInSeconds":1.5"#, ""),
            (r#","disconnectAfterInSeconds":99999999999"#, ""),
            (r#","principalId":null,"policyDocuments":null"#, ""),
            (r#","principalId":"p","principalId":"q""#, ""),
        ] {
            let found = result(&format!(r#"{{"isAuthenticated":false{members}}}"#));
            assert_eq!(found, Ok(format!(r#"{{"isAuthenticated":false{expected}}}"#)), "{members}");
        }
        for body in ["", "null", "[]", "{}", r#"{"isAuthenticated":"true"}"#, r#"{"isAuthenticated":true}"#] {
            assert!(result(body).unwrap_err().starts_with("invalid authorizer response"), "{body}");
        }
    }
}
