//! `invoke`: calls the authorizer as TestInvokeAuthorizer of AWS IoT does, without a client and without a gateway.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use iot_local_gateway::event::{self, TestContexts};
use iot_local_gateway::facts::{HttpFacts, MqttFacts};
use iot_local_gateway::selection::SelectionError;
use iot_local_lambda::{InvokeError, Lambda, LineSource, SandboxLine, StartError};
use iot_local_policy::NotAnArn;
use iot_local_policy::authorizer_response::{AuthorizerResponse, ResponseError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::arguments::{AuthorizerArgs, SigningKeyError};
use crate::launch::{self, FunctionArgs, LaunchError, LaunchSettings};

/// The limits of the API. Real connections have larger ones.
const MAX_TOKEN_BYTES: usize = 6144;
const MAX_QUERY_BYTES: usize = 4096;
const MAX_MQTT_BYTES: usize = 65_535;

/// The arguments of the command: the parameters of `aws iot test-invoke-authorizer`.
#[derive(Clone, Args)]
pub struct InvokeArgs {
    /// Token, as a client sends it under the token key
    #[arg(long)]
    token: Option<String>,
    /// Signature of the token in standard base64; required if token signing is enabled
    #[arg(long, alias = "signature", value_name = "BASE64")]
    token_signature: Option<String>,
    /// '{"headers":{"NAME":"VALUE"},"queryString":"?A=B"}', or queryString=?A=B
    #[arg(long, alias = "http", value_name = "JSON|NAME=VALUE,...")]
    http_context: Option<Context<HttpContext>>,
    /// '{"username":"U","password":"P","clientId":"C"}', or username=U,password=P,clientId=C; the password as plain
    /// text
    #[arg(long, alias = "mqtt", value_name = "JSON|NAME=VALUE,...")]
    mqtt_context: Option<Context<MqttContext>>,
    /// '{"serverName":"HOST"}', or serverName=HOST
    #[arg(long, alias = "tls", value_name = "JSON|NAME=VALUE,...")]
    tls_context: Option<Context<TlsContext>>,
    /// Print policy documents as JSON objects; the API returns them as strings
    #[arg(long)]
    pretty: bool,
    /// Print JSON, which is the default
    #[arg(long)]
    json: bool,
    /// Print the function's own log lines on standard error
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    authorizer: AuthorizerArgs,
    #[command(flatten)]
    function: FunctionArgs,
}

/// An error of the call, or an invalid response.
#[derive(Debug, Error)]
pub enum InvokeAuthorizerError {
    /// A parameter exceeds a limit of the API.
    #[error(
        "{0} has more than {1} bytes, the limit of TestInvokeAuthorizer; real connections have a larger limit"
    )]
    TooLong(&'static str, usize),
    /// A signing key is invalid.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The token has no valid signature.
    #[error("{0}; the function was not called")]
    Selection(#[from] SelectionError),
    /// The function cannot be prepared.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The function's ARN is invalid.
    #[error("--function-arn: {0}")]
    Arn(#[from] NotAnArn),
    /// The function does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The function does not respond.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// The response is invalid: InvalidResponseException.
    #[error(transparent)]
    Response(ResponseError),
    /// The response cannot be written.
    #[error("cannot write the response: {0}")]
    Write(#[from] io::Error),
}

/// Calls the function once and writes its response as the API returns it. Returns whether it allows the client.
///
/// # Errors
/// See [`InvokeAuthorizerError`].
pub async fn run(
    args: &InvokeArgs,
    settings: &LaunchSettings,
    out: &mut dyn Write,
) -> Result<bool, InvokeAuthorizerError> {
    let contexts = args.contexts()?;
    let authorizer = args.authorizer.authorizer()?;
    let selected = authorizer.check_signature(args.token.clone(), || args.token_signature.clone())?;
    let (_workspace, function) = launch::launch(&args.function, settings).await?;
    let arn = function.arn().parse()?;
    let is_verbose = args.verbose;
    let lambda = Lambda::start(function, Arc::new(move |line| log(line, is_verbose))).await?;
    let body = lambda.invoke(event::test_event(selected, &contexts).json).await?;
    let is_allowed = match AuthorizerResponse::parse(&body, &arn, None) {
        Ok(_) => true,
        Err(ResponseError::NotAuthenticated) => false,
        Err(error) => return Err(InvokeAuthorizerError::Response(error)),
    };
    match serde_json::from_slice::<ApiResponse<'_>>(&body) {
        Ok(response) if args.pretty => write!(out, "{:#}", response.with_objects())?,
        Ok(response) => serde_json::to_writer_pretty(&mut *out, &response).map_err(io::Error::from)?,
        // The other members of a denial may have any type.
        Err(_) => write!(out, "{{\n  \"isAuthenticated\": {is_allowed}\n}}")?,
    }
    writeln!(out)?;
    Ok(is_allowed)
}

impl InvokeArgs {
    fn contexts(&self) -> Result<TestContexts, InvokeAuthorizerError> {
        let check = |name, text: Option<&str>, max| match text {
            Some(text) if text.len() > max => Err(InvokeAuthorizerError::TooLong(name, max)),
            _ => Ok(()),
        };
        let (http, mqtt) = (self.http_context.as_ref(), self.mqtt_context.as_ref());
        check("the token", self.token.as_deref(), MAX_TOKEN_BYTES)?;
        check("queryString", http.and_then(|http| http.0.query_string.as_deref()), MAX_QUERY_BYTES)?;
        check("username", mqtt.and_then(|mqtt| mqtt.0.username.as_deref()), MAX_MQTT_BYTES)?;
        check("password", mqtt.and_then(|mqtt| mqtt.0.password.as_deref()), MAX_MQTT_BYTES)?;
        check("clientId", mqtt.and_then(|mqtt| mqtt.0.client_id.as_deref()), MAX_MQTT_BYTES)?;
        Ok(TestContexts {
            tls: self.tls_context.as_ref().map(|tls| tls.0.server_name.clone()),
            http: http.map(|Context(http)| HttpFacts {
                headers: http.headers.clone().into_iter().collect(),
                query: http.query_string.as_deref().map(|query| query.trim_start_matches('?').to_owned()),
            }),
            mqtt: mqtt.map(|Context(mqtt)| MqttFacts {
                username: mqtt.username.clone(),
                password: mqtt.password.clone().map(Bytes::from),
                client_id: mqtt.client_id.clone(),
            }),
        })
    }
}

/// The members that the API returns, in its order. Each policy document becomes a string.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiResponse<'a> {
    #[serde(borrow)]
    is_authenticated: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", serialize_with = "as_strings")]
    policy_documents: Option<Vec<&'a RawValue>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    refresh_after_in_seconds: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    disconnect_after_in_seconds: Option<&'a RawValue>,
}

impl ApiResponse<'_> {
    /// The response with each policy document as an object.
    fn with_objects(&self) -> Value {
        let mut json = serde_json::to_value(self).unwrap_or_default();
        let documents = json.get_mut("policyDocuments").and_then(Value::as_array_mut);
        for document in documents.into_iter().flatten() {
            if let Some(object) = document.as_str().and_then(|text| serde_json::from_str(text).ok()) {
                *document = object;
            }
        }
        json
    }
}

fn as_strings<S: Serializer>(documents: &Option<Vec<&RawValue>>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = |document: &&RawValue| -> String {
        serde_json::from_str(document.get()).unwrap_or_else(|_| document.get().to_owned())
    };
    serializer.collect_seq(documents.iter().flatten().map(text))
}

/// Prints a line of the function's output. Without `--verbose` only what is not a log line, such as a panic.
#[expect(clippy::print_stderr, clippy::needless_pass_by_value, reason = "the terminal shell of the command")]
fn log(line: SandboxLine, is_verbose: bool) {
    if !is_verbose && line.source == LineSource::Stdout {
        return;
    }
    eprintln!("[function] {}", line.text);
}

/// A context argument: JSON, or the short form with pairs.
#[derive(Clone)]
struct Context<T>(T);

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct HttpContext {
    headers: BTreeMap<String, String>,
    query_string: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct MqttContext {
    username: Option<String>,
    password: Option<String>,
    client_id: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TlsContext {
    server_name: String,
}

impl<T: DeserializeOwned> FromStr for Context<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let context = if text.trim_start().starts_with('{') {
            serde_json::from_str(text)
        } else {
            let pairs = text.split(',').map(|pair| pair.split_once('='));
            let pairs: Option<Map<String, Value>> =
                pairs.map(|pair| pair.map(|(name, value)| (name.to_owned(), value.into()))).collect();
            serde_json::from_value(pairs.ok_or("expected JSON, or NAME=VALUE,NAME=VALUE")?.into())
        };
        context.map(Self).map_err(|error| format!("{error}; values other than text need JSON"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: InvokeArgs,
    }

    fn contexts(line: &[&str]) -> Result<TestContexts, String> {
        let line = Line::try_parse_from(["invoke"].iter().chain(line)).map_err(|error| error.to_string())?;
        line.args.contexts().map_err(|error| error.to_string())
    }

    #[test]
    fn contexts_are_json_or_pairs() {
        for mqtt in
            [r#"{"username":"u?a=b","password":"p","clientId":"c"}"#, "clientId=c,username=u?a=b,password=p"]
        {
            let mqtt = contexts(&["--mqtt-context", mqtt]).unwrap().mqtt.unwrap();
            assert_eq!(mqtt.username.as_deref(), Some("u?a=b"));
            assert_eq!((mqtt.password.as_deref(), mqtt.client_id.as_deref()), (Some(&b"p"[..]), Some("c")));
        }
        let http = r#"{"headers":{"A":"b"},"queryString":"?q=1"}"#;
        let all = contexts(&["--http", http, "--tls", "serverName=s", "--token", "t"]).unwrap();
        let http = all.http.unwrap();
        assert_eq!((http.headers, http.query.as_deref()), (vec![("A".into(), "b".into())], Some("q=1")));
        assert_eq!((all.tls.as_deref(), all.mqtt.is_none()), (Some("s"), true));
    }

    #[test]
    fn parameters_that_the_api_rejects_are_errors() {
        let long = |name: &str, length: usize| format!("{name}={}", "x".repeat(length));
        for (option, value, expected) in [
            ("--mqtt", "user=u".to_owned(), "unknown field"),
            ("--mqtt", "u".to_owned(), "NAME=VALUE"),
            ("--mqtt", "{\"username\":1}".to_owned(), "invalid type"),
            ("--http", "headers=a".to_owned(), "need JSON"),
            ("--http", "{".to_owned(), "EOF"),
            ("--tls", "{}".to_owned(), "serverName"),
            ("--token", "x".repeat(6145), "6144"),
            ("--http", long("queryString", 4097), "4096"),
            ("--mqtt", long("username", 65_536), "65535"),
            ("--mqtt", long("clientId", 65_536), "65535"),
        ] {
            let error = contexts(&[option, &value]).err().unwrap();
            assert!(error.contains(expected), "{option}: {error}");
        }
    }

    #[test]
    fn documents_become_strings_and_unknown_members_are_skipped() {
        let body =
            r#"{"isAuthenticated":true,"context":{},"policyDocuments":[{"b":1,"a":2},"{ \"b\": 2 }"]}"#;
        let response: ApiResponse<'_> = serde_json::from_str(body).unwrap();
        let expected = r#"{"isAuthenticated":true,"policyDocuments":["{\"b\":1,\"a\":2}","{ \"b\": 2 }"]}"#;
        assert_eq!(serde_json::to_string(&response).unwrap(), expected);
    }
}
