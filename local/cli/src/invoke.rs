//! `invoke`: calls the authorizer as TestInvokeAuthorizer of AWS IoT does, without a client and without a gateway.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use iot_local_cloud::{AuthorizerTest, HttpContext, InvalidLength, MqttContext};
use iot_local_gateway::auth::test_invoke::{self, TestResult};
use iot_local_gateway::selection::SelectionError;
use iot_local_lambda::{InvokeError, Lambda, LineSource, SandboxLine, StartError};
use iot_local_policy::NotAnArn;
use iot_local_policy::authorizer_response::ResponseError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::arguments::{AuthorizerArgs, SigningKeyError};
use crate::launch::{self, FunctionArgs, LaunchError, LaunchSettings};

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
    http_context: Option<Context<HttpArgument>>,
    /// '{"username":"U","password":"P","clientId":"C"}', or username=U,password=P,clientId=C; the password as plain
    /// text
    #[arg(long, alias = "mqtt", value_name = "JSON|NAME=VALUE,...")]
    mqtt_context: Option<Context<MqttArgument>>,
    /// '{"serverName":"HOST"}', or serverName=HOST
    #[arg(long, alias = "tls", value_name = "JSON|NAME=VALUE,...")]
    tls_context: Option<Context<TlsArgument>>,
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
    /// A parameter has a length that the API does not accept.
    #[error("{0}; real connections have larger limits")]
    Length(#[from] InvalidLength),
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
    let test = args.test()?;
    let authorizer = args.authorizer.authorizer()?;
    let event = test_invoke::event(&authorizer, &test)?;
    let (_workspace, function) = launch::launch(&args.function, settings).await?;
    let arn = function.arn().parse()?;
    let is_verbose = args.verbose;
    let lambda = Lambda::start(function, Arc::new(move |line| log(line, is_verbose))).await?;
    let body = lambda.invoke(event.json).await?;
    let result = TestResult::parse(&body, &arn).map_err(InvokeAuthorizerError::Response)?;
    match args.pretty {
        true => write!(out, "{:#}", with_objects(&result))?,
        false => serde_json::to_writer_pretty(&mut *out, &result).map_err(io::Error::from)?,
    }
    writeln!(out)?;
    Ok(result.is_authenticated)
}

impl InvokeArgs {
    fn test(&self) -> Result<AuthorizerTest, InvalidLength> {
        let test = AuthorizerTest {
            token: self.token.clone(),
            token_signature: self.token_signature.clone(),
            http: self.http_context.as_ref().map(|Context(http)| HttpContext {
                headers: http.headers.clone().into_iter().collect(),
                query: http.query_string.clone(),
            }),
            mqtt: self.mqtt_context.as_ref().map(|Context(mqtt)| MqttContext {
                username: mqtt.username.clone(),
                password: mqtt.password.clone().map(String::into_bytes),
                client_id: mqtt.client_id.clone(),
            }),
            server_name: self.tls_context.as_ref().map(|Context(tls)| tls.server_name.clone()),
            ..AuthorizerTest::default()
        };
        test.check()?;
        Ok(test)
    }
}

/// The result with each policy document as an object.
fn with_objects(result: &TestResult) -> Value {
    let mut json = serde_json::to_value(result).unwrap_or_default();
    let documents = json.get_mut("policyDocuments").and_then(Value::as_array_mut);
    for document in documents.into_iter().flatten() {
        if let Some(object) = document.as_str().and_then(|text| serde_json::from_str(text).ok()) {
            *document = object;
        }
    }
    json
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
struct HttpArgument {
    headers: BTreeMap<String, String>,
    query_string: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct MqttArgument {
    username: Option<String>,
    password: Option<String>,
    client_id: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TlsArgument {
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

    fn test(line: &[&str]) -> Result<AuthorizerTest, String> {
        let line = Line::try_parse_from(["invoke"].iter().chain(line)).map_err(|error| error.to_string())?;
        line.args.test().map_err(|error| error.to_string())
    }

    #[test]
    fn contexts_are_json_or_pairs() {
        for mqtt in
            [r#"{"username":"u?a=b","password":"p","clientId":"c"}"#, "clientId=c,username=u?a=b,password=p"]
        {
            let mqtt = test(&["--mqtt-context", mqtt]).unwrap().mqtt.unwrap();
            assert_eq!(mqtt.username.as_deref(), Some("u?a=b"));
            assert_eq!((mqtt.password.as_deref(), mqtt.client_id.as_deref()), (Some(&b"p"[..]), Some("c")));
        }
        let http = r#"{"headers":{"A":"b"},"queryString":"?q=1"}"#;
        let all = test(&["--http", http, "--tls", "serverName=s", "--token", "t"]).unwrap();
        let http = all.http.unwrap();
        assert_eq!((http.headers, http.query.as_deref()), (vec![("A".into(), "b".into())], Some("?q=1")));
        assert_eq!((all.server_name.as_deref(), all.mqtt.is_none()), (Some("s"), true));
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
            let error = test(&[option, &value]).err().unwrap();
            assert!(error.contains(expected), "{option}: {error}");
        }
    }
}
