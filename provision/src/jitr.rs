//! Just-in-time registration: a device's first connect has registered its certificate, and the function gives it a
//! thing and a policy and activates it.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/auto-register-device-cert.html>

use std::collections::BTreeMap;
use std::time::SystemTime;

use iot_jwt_authorizer::arn::FunctionArn;
use iot_jwt_authorizer::json::{Json, Object};

use crate::certificate::Subject;
use crate::config::{Authority, Config};
use crate::control::{CallError, ControlPlane};
use crate::denial::{Code, Denial};
use crate::engine::{Attempt, Request};
use crate::names::{ThingName, is_attribute_value, is_certificate_id};
use crate::plan::{self, Applicant, Plan, Proof};
use crate::registered::{Certificate, Registered, Status};

/// A registered certificate that waits for its activation.
#[derive(Clone, Debug)]
pub struct JitrRequest<'c> {
    certificate: String,
    authority: &'c Authority,
    now: SystemTime,
}

/// What a certificate's subject says about its thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The name of the thing.
    pub thing: ThingName,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

impl<'c> JitrRequest<'c> {
    /// Reads the event of `$aws/events/certificates/registered/CA`.
    ///
    /// Its members have been seen to differ from the documentation: the account as a number, and a registration time
    /// that is null. Members that decide nothing may have any type.
    ///
    /// # Errors
    /// [`Code::MalformedEvent`], [`Code::ForeignAccount`], [`Code::UnknownAuthority`].
    pub fn read(
        event: &Object<'_>,
        config: &'c Config,
        function: FunctionArn<'_>,
        now: SystemTime,
    ) -> Result<Self, Denial> {
        let id = |name: &'static str| {
            let id = event.get(name).and_then(Json::as_str).filter(|id| is_certificate_id(id));
            id.ok_or_else(|| Denial::about(Code::MalformedEvent, name))
        };
        let (certificate, authority) = (id("certificateId")?, id("caCertificateId")?);
        if event.get("certificateStatus").and_then(Json::as_str) != Some("PENDING_ACTIVATION") {
            return Err(Denial::about(Code::MalformedEvent, "certificateStatus"));
        }
        let account = match event.get("awsAccountId") {
            Some(Json::String(account)) => account.to_string(),
            // A number has lost its leading zeros.
            Some(Json::Unsigned(account)) => format!("{account:012}"),
            _ => return Err(Denial::about(Code::MalformedEvent, "awsAccountId")),
        };
        if account != function.account() {
            return Err(Code::ForeignAccount.into());
        }
        let authority = config.authorities.iter().find(|known| known.ca_certificate_id == authority);
        let authority = authority.ok_or(Code::UnknownAuthority)?;
        Ok(Self { certificate: certificate.to_owned(), authority, now })
    }

    /// The id of the certificate.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The CA certificate's table.
    #[must_use]
    pub fn authority(&self) -> &'c Authority {
        self.authority
    }

    /// Checks the certificate as it is registered now. `None` if there is nothing to do.
    ///
    /// # Errors
    /// [`Code::UnknownCertificate`], [`Code::WrongAuthority`], [`Code::Revoked`], [`Code::Inactive`],
    /// [`Code::UnexpectedStatus`].
    pub fn pending<'o>(&self, own: Option<&'o Certificate>) -> Result<Option<&'o Certificate>, Denial> {
        let own = own.ok_or(Code::UnknownCertificate)?;
        if own.authority.as_deref() != Some(&self.authority.ca_certificate_id) {
            return Err(Code::WrongAuthority.into());
        }
        match own.status {
            Status::PendingActivation => Ok(Some(own)),
            Status::Active => Ok(None),
            Status::Revoked => Err(Code::Revoked.into()),
            Status::Inactive => Err(Code::Inactive.into()),
            Status::Other => Err(Code::UnexpectedStatus.into()),
        }
    }

    /// Fills the patterns of the configuration from the certificate's subject.
    ///
    /// # Errors
    /// [`Code::MissingName`], [`Code::AmbiguousName`], [`Code::UnsafeName`], each with the part of the subject or the
    /// attribute.
    pub fn describe(&self, own: &Certificate) -> Result<Described, Denial> {
        let subject = Subject::parse(&own.pem).ok_or(Code::UnknownCertificate)?;
        let value = |name: &'static str| match name {
            "Id" => Ok(own.id.as_str()),
            part => subject.value(part),
        };
        let name = self.authority.thing.fill(value)?;
        let thing = ThingName::parse(&name).ok_or_else(|| Denial::about(Code::UnsafeName, "thing"))?;
        let mut attributes = BTreeMap::new();
        for (name, pattern) in &self.authority.attributes {
            let value = pattern.fill(value)?;
            if !is_attribute_value(&value) {
                return Err(Denial::about(Code::UnsafeName, name));
            }
            // AWS IoT removes attributes with empty values.
            if !value.is_empty() {
                attributes.insert(name.clone(), value);
            }
        }
        Ok(Described { thing, attributes })
    }

    async fn plan_for(&self, control: &impl ControlPlane, own: Certificate) -> Result<Plan, CallError> {
        let Described { thing, attributes } = match self.describe(&own) {
            Ok(described) => described,
            Err(denial) => return Ok(Plan::denied(denial)),
        };
        let authority = self.authority;
        let registered = Registered::read(control, &thing, &authority.expected, vec![own], None).await?;
        let applicant = Applicant {
            thing: &thing,
            attributes: &attributes,
            policy: &authority.policy,
            replace: authority.replace,
            proof: Proof::Certificate(&self.certificate),
        };
        Ok(plan::provision(&applicant, &registered, self.now))
    }
}

impl Request for JitrRequest<'_> {
    async fn plan(&self, control: &impl ControlPlane, _: &Attempt) -> Result<Plan, CallError> {
        let own = control.certificate(&self.certificate).await?;
        match self.pending(own.as_ref()).map(|own| own.cloned()) {
            Ok(Some(own)) => self.plan_for(control, own).await,
            Ok(None) => Ok(Plan::unchanged(Some(self.certificate.clone()))),
            Err(denial) => Ok(Plan::denied(denial)),
        }
    }
}
