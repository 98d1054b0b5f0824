//! The request of TestInvokeAuthorizer. The gateway runs the function.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::super::{Input, expected};
use super::{find, name};
use crate::authorizer_test::{AuthorizerTest, HttpContext, MqttContext};
use crate::cloud::Cloud;
use crate::effect::Effect;
use crate::error::ApiError;

/// TestInvokeAuthorizer, also of the built-in one, and of an INACTIVE one: AWS documents no restriction.
///
/// # Errors
/// 400 for an invalid member, 404.
pub(crate) fn test_invoke_authorizer(cloud: &Cloud, input: &Input) -> Result<Effect, ApiError> {
    let test = read(input)?;
    let built_in = cloud.built_in_authorizer();
    cloud.read(|registry| find(registry, built_in.as_ref(), &test.authorizer).map(|_| ()))?;
    Ok(Effect::TestAuthorizer(Box::new(test)))
}

fn read(input: &Input) -> Result<AuthorizerTest, ApiError> {
    let test = AuthorizerTest {
        authorizer: name(input)?.to_owned(),
        token: input.text("token")?.map(str::to_owned),
        token_signature: input.text("tokenSignature")?.map(signature).transpose()?,
        http: input.object("httpContext")?.map(http).transpose()?,
        mqtt: input.object("mqttContext")?.map(mqtt).transpose()?,
        server_name: input.object("tlsContext")?.map(|tls| text(tls, "serverName")).transpose()?.flatten(),
    };
    test.check().map_err(|error| ApiError::invalid(error.to_string()))?;
    Ok(test)
}

/// Reads `[A-Za-z0-9+/]+={0,2}`.
fn signature(text: &str) -> Result<String, ApiError> {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let is_base64 = digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    is_base64.then(|| text.to_owned()).ok_or_else(|| expected("tokenSignature", "standard base64"))
}

fn http(context: &Map<String, Value>) -> Result<HttpContext, ApiError> {
    let headers = match context.get("headers") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(headers)) => {
            let header = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
            let headers: Option<_> = headers.iter().map(header).collect();
            headers.ok_or_else(|| expected("headers", "a map to strings"))?
        }
        Some(_) => return Err(expected("headers", "a map to strings")),
    };
    Ok(HttpContext { headers, query: text(context, "queryString")? })
}

fn mqtt(context: &Map<String, Value>) -> Result<MqttContext, ApiError> {
    let decode = |text: String| STANDARD.decode(text).map_err(|_| expected("password", "base64"));
    Ok(MqttContext {
        username: text(context, "username")?,
        password: text(context, "password")?.map(decode).transpose()?,
        client_id: text(context, "clientId")?,
    })
}

fn text(context: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match context.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(expected(name, "a string")),
    }
}
