//! The event and the answer of a pre-provisioning hook.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Caller, Rejection};
use crate::registry::Certificate;

/// Returns the event of payload version 2020-04-01. A client without a certificate has no `claimCertificateId`.
pub(super) fn event(
    caller: &Caller,
    certificate: &Certificate,
    template_arn: &str,
    parameters: &BTreeMap<String, String>,
) -> Value {
    let mut event = json!({
        "certificateId": certificate.id,
        "certificatePem": certificate.pem,
        "templateArn": template_arn,
        "clientId": caller.client_id,
        "parameters": parameters,
    });
    if let (Some(members), Some(id)) = (event.as_object_mut(), &caller.certificate_id) {
        members.insert("claimCertificateId".to_owned(), id.as_str().into());
    }
    event
}

/// Reads the answer: the parameters that the hook adds or replaces.
///
/// # Errors
/// The hook denies the device, or its answer is invalid. `allowProvisioning` must be a boolean.
pub(super) fn overrides(answer: &[u8]) -> Result<BTreeMap<String, String>, Rejection> {
    let answer: Value = serde_json::from_slice(answer)
        .map_err(|error| Rejection::hook_answer(format!("the hook's answer is not JSON: {error}")))?;
    match answer.get("allowProvisioning") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => {
            return Err(Rejection::denied("the pre-provisioning hook denies the device"));
        }
        _ => {
            let reason = "the hook's answer: allowProvisioning is missing or not a boolean";
            return Err(Rejection::hook_answer(reason));
        }
    }
    let Some(overrides) = answer.get("parameterOverrides").filter(|value| !value.is_null()) else {
        return Ok(BTreeMap::new());
    };
    let overrides = overrides
        .as_object()
        .ok_or_else(|| Rejection::hook_answer("the hook's answer: parameterOverrides is not an object"))?;
    let texts = overrides.iter().map(|(name, value)| {
        let text = value.as_str().ok_or_else(|| {
            Rejection::hook_answer(format!("the hook's answer: parameterOverrides.{name} is not a text"))
        })?;
        Ok((name.clone(), text.to_owned()))
    });
    texts.collect()
}
