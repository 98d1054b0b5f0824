//! Whether a device's certificate allows one action on one resource. The answers of the running gateway's API are the
//! facts; the gateway decides by the function that guards its connections.

use std::fmt;

use iot_local_policy::{Action, Arn, NamedResource, NotAnArn};
use serde_json::{Value, json};
use thiserror::Error;

use crate::quote::quoted;

/// Why there is no result.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// TestAuthorization does not know the action.
    #[error(
        "a certificate cannot be tested for {0}; expected one of iot:Connect, iot:Publish, iot:Subscribe, iot:Receive"
    )]
    Action(Action),
    /// The resource is not in the gateway's Region and account.
    #[error("the resource's ARN has another Region or account than the certificate")]
    OtherRegion,
    /// The ARN of the certificate is invalid.
    #[error("the response of the gateway: {0}")]
    Arn(#[from] NotAnArn),
    /// A member is missing or unknown in a response.
    #[error("the response of the gateway has no valid `{0}`")]
    Response(&'static str),
}

/// A registered certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCertificate {
    /// The id.
    pub id: String,
    /// The ARN.
    pub arn: String,
    /// The status, such as `ACTIVE`.
    pub status: String,
}

/// The result.
#[derive(Debug)]
pub struct CertificateCheck {
    /// The certificate.
    pub certificate: RegisteredCertificate,
    /// The action.
    pub action: Action,
    /// The resource, without the prefix of its ARN.
    pub resource: String,
    /// The client id of the connection.
    pub client_id: Option<String>,
    /// Whether the action is allowed.
    pub is_allowed: bool,
    /// The statement that decided, or why none allows the action.
    pub reason: String,
    /// The variables without a value.
    pub missing_variables: Vec<String>,
    /// The command that changes a denial.
    pub help: Option<String>,
}

impl RegisteredCertificate {
    /// Reads the response of DescribeCertificate.
    ///
    /// # Errors
    /// The member that is missing.
    pub fn parse(response: &Value) -> Result<Self, CertificateError> {
        let text = |member: &'static str| {
            let value = response.pointer(&format!("/certificateDescription/{member}"));
            value.and_then(Value::as_str).map(str::to_owned).ok_or(CertificateError::Response(member))
        };
        Ok(Self { id: text("certificateId")?, arn: text("certificateArn")?, status: text("status")? })
    }

    /// The body of TestAuthorization.
    /// <https://docs.aws.amazon.com/iot/latest/apireference/API_TestAuthorization.html>
    ///
    /// # Errors
    /// An action that the operation does not know, a resource elsewhere.
    pub fn question(&self, action: Action, resource: NamedResource<'_>) -> Result<Value, CertificateError> {
        let action_type = match action {
            Action::Connect => "CONNECT",
            Action::Publish => "PUBLISH",
            Action::Subscribe => "SUBSCRIBE",
            Action::Receive => "RECEIVE",
            action => return Err(CertificateError::Action(action)),
        };
        let arn: Arn = self.arn.parse()?;
        if let Some(function) = resource.function_arn()
            && function.parse::<Arn>()? != arn
        {
            return Err(CertificateError::OtherRegion);
        }
        let info = json!({ "actionType": action_type, "resources": [arn.iot(resource.name)] });
        Ok(json!({ "principal": self.arn, "authInfos": [info] }))
    }
}

impl CertificateCheck {
    /// Reads the response of TestAuthorization. A certificate that is not ACTIVE cannot connect, whatever its policies.
    ///
    /// # Errors
    /// The member that is missing or has an unknown value.
    pub fn parse(
        certificate: RegisteredCertificate,
        action: Action,
        resource: &str,
        client_id: Option<String>,
        response: &Value,
    ) -> Result<Self, CertificateError> {
        let result = response.pointer("/authResults/0").ok_or(CertificateError::Response("authResults"))?;
        let decision = result.get("authDecision").and_then(Value::as_str);
        let is_allowed = match decision {
            Some("ALLOWED") => true,
            Some("EXPLICIT_DENY" | "IMPLICIT_DENY") => false,
            _ => return Err(CertificateError::Response("authDecision")),
        };
        let reason = result.get("reason").and_then(Value::as_str).or(decision).unwrap_or_default().to_owned();
        let missing = result.get("missingContextValues").and_then(Value::as_array);
        let missing = missing.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let mut check = Self {
            certificate,
            action,
            resource: resource.to_owned(),
            client_id,
            is_allowed,
            reason,
            missing_variables: missing.collect(),
            help: None,
        };
        check.apply_status();
        Ok(check)
    }

    fn apply_status(&mut self) {
        let RegisteredCertificate { id, status, .. } = &self.certificate;
        if status == "ACTIVE" {
            return;
        }
        self.is_allowed = false;
        self.reason =
            format!("the certificate is {status}, so the gateway closes its connections; {}", self.reason);
        // REVOKED is final for a device, although the API can change it.
        if status != "REVOKED" {
            self.help = Some(format!("aws iot update-certificate --certificate-id {id} --new-status ACTIVE"));
        }
    }

    /// The result for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "allowed": self.is_allowed,
            "action": self.action.name(),
            "resource": self.resource,
            "clientId": self.client_id,
            "reason": self.reason,
            "certificate": self.certificate.id,
            "status": self.certificate.status,
            "missingVariables": self.missing_variables,
            "hint": self.help,
        })
    }
}

impl fmt::Display for CertificateCheck {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_allowed { "ALLOWED" } else { "DENIED" };
        writeln!(out, "{word}: {} {}", self.action, self.resource)?;
        for part in self.reason.split("; ") {
            writeln!(out, "  reason     {part}")?;
        }
        if let Some(help) = &self.help {
            writeln!(out, "  hint       {help}")?;
        }
        let client_id = self.client_id.as_deref().map_or_else(|| "none".to_owned(), quoted);
        writeln!(out, "  client id  {client_id}")?;
        writeln!(out, "  principal  {} ({})", self.certificate.id, self.certificate.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(status: &str) -> RegisteredCertificate {
        RegisteredCertificate {
            id: "c0ffee".to_owned(),
            arn: "arn:aws:iot:eu-west-1:111122223333:cert/c0ffee".to_owned(),
            status: status.to_owned(),
        }
    }

    #[test]
    fn a_question_names_the_resource_in_the_account_of_the_certificate() {
        let question = |action, resource| {
            certificate("ACTIVE").question(action, NamedResource::parse(action, resource).unwrap())
        };
        let full = "arn:aws:iot:eu-west-1:111122223333:topicfilter/a/#";
        for resource in ["topicfilter/a/#", full] {
            let body = question(Action::Subscribe, resource).unwrap();
            assert_eq!(body["authInfos"], json!([{ "actionType": "SUBSCRIBE", "resources": [full] }]));
            assert_eq!(body["principal"], certificate("ACTIVE").arn);
        }
        for (action, resource) in [
            (Action::RetainPublish, "topic/a"),
            (Action::GetThingShadow, "thing/a"),
            (Action::ListRetainedMessages, "*"),
        ] {
            assert!(matches!(question(action, resource), Err(CertificateError::Action(_))), "{action}");
        }
        for arn in
            ["arn:aws:iot:us-east-1:111122223333:topic/a", "arn:aws:iot:eu-west-1:111122223334:topic/a"]
        {
            assert!(matches!(question(Action::Publish, arn), Err(CertificateError::OtherRegion)), "{arn}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_active_may_do_nothing() {
        for (status, decision, expected) in [
            ("ACTIVE", "ALLOWED", true),
            ("ACTIVE", "IMPLICIT_DENY", false),
            ("ACTIVE", "EXPLICIT_DENY", false),
            ("INACTIVE", "ALLOWED", false),
            ("REVOKED", "ALLOWED", false),
            ("PENDING_ACTIVATION", "ALLOWED", false),
        ] {
            let response =
                json!({ "authResults": [{ "authDecision": decision, "reason": "policy p, statement 1" }] });
            let check =
                CertificateCheck::parse(certificate(status), Action::Publish, "topic/a", None, &response)
                    .unwrap();
            assert_eq!(check.is_allowed, expected, "{status} {decision}");
            assert_eq!(check.help.is_some(), matches!(status, "INACTIVE" | "PENDING_ACTIVATION"), "{status}");
            assert!(check.to_string().contains("policy p, statement 1"), "{check}");
        }
    }

    #[test]
    fn unknown_responses_are_errors() {
        for response in
            [json!({}), json!({ "authResults": [] }), json!({ "authResults": [{ "authDecision": "YES" }] })]
        {
            let check =
                CertificateCheck::parse(certificate("ACTIVE"), Action::Publish, "topic/a", None, &response);
            assert!(check.is_err(), "{response}");
            assert!(RegisteredCertificate::parse(&response).is_err());
        }
    }
}
