//! The pre-provisioning hook of fleet provisioning: whether a device may have the certificate that was made for it.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html>

use std::time::SystemTime;

use iot_jwt_authorizer::arn::FunctionArn;
use iot_jwt_authorizer::json::{Json, Object};

use crate::config::{Config, Template};
use crate::control::{CallError, ControlPlane};
use crate::denial::{Code, Denial};
use crate::engine::{Attempt, Request};
use crate::expected::{Lookup, SecretHash};
use crate::names::{ThingName, is_certificate_id};
use crate::plan::{self, Plan};
use crate::registered::Registered;

/// The parameter that names a device.
const SERIAL_NUMBER: &str = "SerialNumber";

/// The parameter with the secret of a device that has one.
const SECRET: &str = "Secret";

/// A device that asks for the resources of a template.
#[derive(Clone, Debug)]
pub struct HookRequest<'c> {
    template: &'c Template,
    device: ThingName,
    certificate: String,
    secret: Option<SecretHash>,
    now: SystemTime,
}

impl<'c> HookRequest<'c> {
    /// Reads the hook's event.
    ///
    /// # Errors
    /// [`Code::MalformedEvent`], [`Code::ForeignAccount`], [`Code::UnknownTemplate`], [`Code::MissingName`] and
    /// [`Code::UnsafeName`] for the serial number.
    pub fn read(
        event: &Object<'_>,
        config: &'c Config,
        function: FunctionArn<'_>,
        now: SystemTime,
    ) -> Result<Self, Denial> {
        let malformed = |name| Denial::about(Code::MalformedEvent, name);
        let arn = event.get("templateArn").and_then(Json::as_str).and_then(TemplateArn::parse);
        let arn = arn.ok_or_else(|| malformed("templateArn"))?;
        if arn.account != function.account() || arn.region != function.region() {
            return Err(Code::ForeignAccount.into());
        }
        let certificate =
            event.get("certificateId").and_then(Json::as_str).filter(|id| is_certificate_id(id));
        let certificate = certificate.ok_or_else(|| malformed("certificateId"))?;
        let parameters = event.get("parameters").and_then(Json::as_object);
        let parameters = parameters.ok_or_else(|| malformed("parameters"))?;
        let template = config.templates.iter().find(|template| template.name == arn.name);
        let template = template.ok_or(Code::UnknownTemplate)?;
        let serial_number = parameters.get(SERIAL_NUMBER);
        let serial_number = serial_number.ok_or_else(|| Denial::about(Code::MissingName, SERIAL_NUMBER))?;
        let device = serial_number.as_str().and_then(ThingName::parse);
        Ok(Self {
            template,
            device: device.ok_or_else(|| Denial::about(Code::UnsafeName, SERIAL_NUMBER))?,
            certificate: certificate.to_owned(),
            secret: parameters.get(SECRET).and_then(Json::as_str).map(SecretHash::of),
            now,
        })
    }

    /// The device's serial number.
    #[must_use]
    pub fn device(&self) -> &ThingName {
        &self.device
    }

    /// The template's table.
    #[must_use]
    pub fn template(&self) -> &'c Template {
        self.template
    }

    /// The id of the certificate that was made for the device.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl Request for HookRequest<'_> {
    async fn plan(&self, control: &impl ControlPlane, _: &Attempt) -> Result<Plan, CallError> {
        let device = self.template.expected.look_up(control, &self.device).await?;
        let recorded = match &device {
            Lookup::InTable(_, record) => record.certificate.as_deref().filter(|id| *id != self.certificate),
            _ => None,
        };
        let mut registered = Registered::default();
        if let Some(id) = recorded {
            registered.certificates.extend(control.certificate(id).await?);
        }
        registered.device = device;
        let Self { device, certificate, secret, template, now } = self;
        Ok(plan::admit(device, certificate, secret.as_ref(), template.replace, &registered, *now))
    }
}

/// `arn:PARTITION:iot:REGION:ACCOUNT:provisioningtemplate/NAME`.
struct TemplateArn<'a> {
    region: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> TemplateArn<'a> {
    fn parse(arn: &'a str) -> Option<Self> {
        let mut fields = arn.splitn(6, ':');
        let mut next = || fields.next();
        let (scheme, _, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let name = resource.strip_prefix("provisioningtemplate/")?;
        (scheme == "arn" && service == "iot").then_some(Self { region, account, name })
    }
}
