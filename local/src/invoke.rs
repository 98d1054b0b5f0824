//! `invoke`: what TestInvokeAuthorizer of AWS IoT would answer, without a client and without a door.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::answer::{Answer, Refusal};
use crate::event::{self, HttpFacts, MqttFacts, TestContexts};
use crate::lambda::{InvokeError, Lambda, SandboxLine, StartError};
use crate::launch::{self, FunctionArgs, LaunchError, Surroundings};
use crate::policy::NotAnArn;
use crate::selection::{AuthorizerArgs, SigningKeyError, Unselected};

/// The most of the API model, in characters and bytes. A real connection may carry more.
const TOKEN_MAX: usize = 6144;
const QUERY_MAX: usize = 4096;
const MQTT_MAX: usize = 65_535;

/// What the command takes: the parameters of `aws iot test-invoke-authorizer`.
#[derive(Clone, Args)]
pub struct InvokeArgs {
    /// The token, as a client would send it under the token key
    #[arg(long)]
    token: Option<String>,
    /// Its signature, standard base64; needed where token signing is on
    #[arg(long, alias = "signature", value_name = "BASE64")]
    token_signature: Option<String>,
    /// '{"headers":{"NAME":"VALUE"},"queryString":"?A=B"}', or queryString=?A=B
    #[arg(long, alias = "http", value_name = "JSON|NAME=VALUE,...")]
    http_context: Option<Context<HttpContext>>,
    /// '{"username":"U","password":"P","clientId":"C"}', or username=U,password=P,clientId=C; the password in plain text
    #[arg(long, alias = "mqtt", value_name = "JSON|NAME=VALUE,...")]
    mqtt_context: Option<Context<MqttContext>>,
    /// '{"serverName":"HOST"}', or serverName=HOST
    #[arg(long, alias = "tls", value_name = "JSON|NAME=VALUE,...")]
    tls_context: Option<Context<TlsContext>>,
    #[command(flatten)]
    authorizer: AuthorizerArgs,
    #[command(flatten)]
    function: FunctionArgs,
}

/// Why there is no answer, or none that AWS IoT would give.
#[derive(Debug, Error)]
pub enum InvokeAuthorizerError {
    /// A parameter is longer than the API takes.
    #[error("{0} is longer than the {1} that TestInvokeAuthorizer takes; a connection may carry more")]
    TooLong(&'static str, usize),
    /// There is no key to check the token with.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The token is not signed as the authorizer demands.
    #[error("{0}; the function was not asked")]
    Unselected(#[from] Unselected),
    /// There is no function.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// Its ARN is none.
    #[error("--function-arn: {0}")]
    Arn(#[from] NotAnArn),
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It does not answer.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// Its answer is illegal: InvalidResponseException.
    #[error(transparent)]
    Answer(Refusal),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Invokes the function once and writes its answer as the API returns it. True if that lets a client in.
///
/// # Errors
/// Whatever AWS IoT would answer with an error, and what keeps the function from being asked.
pub async fn run(
    args: &InvokeArgs,
    around: &Surroundings,
    out: &mut dyn Write,
) -> Result<bool, InvokeAuthorizerError> {
    let contexts = args.contexts()?;
    let authorizer = args.authorizer.authorizer()?;
    let selected = authorizer.check(args.token.clone(), || args.token_signature.clone())?;
    let (_workspace, function) = launch::launch(&args.function, around).await?;
    let arn = function.arn().parse()?;
    let lambda = Lambda::start(function, Arc::new(log)).await?;
    let body = lambda.invoke(event::test_event(selected, &contexts).json).await?;
    let let_in = match Answer::read(&body, &arn, None) {
        Ok(_) => true,
        Err(Refusal::NotAuthenticated) => false,
        Err(illegal) => return Err(InvokeAuthorizerError::Answer(illegal)),
    };
    match serde_json::from_slice::<Returned<'_>>(&body) {
        Ok(returned) => serde_json::to_writer_pretty(&mut *out, &returned).map_err(io::Error::from)?,
        // A refusal may hold anything beside isAuthenticated.
        Err(_) => write!(out, "{{\n  \"isAuthenticated\": {let_in}\n}}")?,
    }
    writeln!(out)?;
    Ok(let_in)
}

impl InvokeArgs {
    fn contexts(&self) -> Result<TestContexts, InvokeAuthorizerError> {
        let within = |name, text: Option<&str>, most| match text {
            Some(text) if text.len() > most => Err(InvokeAuthorizerError::TooLong(name, most)),
            _ => Ok(()),
        };
        let (http, mqtt) = (self.http_context.as_ref(), self.mqtt_context.as_ref());
        within("the token", self.token.as_deref(), TOKEN_MAX)?;
        within("queryString", http.and_then(|http| http.0.query_string.as_deref()), QUERY_MAX)?;
        within("username", mqtt.and_then(|mqtt| mqtt.0.username.as_deref()), MQTT_MAX)?;
        within("password", mqtt.and_then(|mqtt| mqtt.0.password.as_deref()), MQTT_MAX)?;
        within("clientId", mqtt.and_then(|mqtt| mqtt.0.client_id.as_deref()), MQTT_MAX)?;
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

/// The members that the API returns, in its order; each policy document becomes a string.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Returned<'a> {
    #[serde(borrow)]
    is_authenticated: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", serialize_with = "as_texts")]
    policy_documents: Option<Vec<&'a RawValue>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    refresh_after_in_seconds: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    disconnect_after_in_seconds: Option<&'a RawValue>,
}

fn as_texts<S: Serializer>(documents: &Option<Vec<&RawValue>>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = |document: &&RawValue| -> String {
        serde_json::from_str(document.get()).unwrap_or_else(|_| document.get().to_owned())
    };
    serializer.collect_seq(documents.iter().flatten().map(text))
}

/// What the function writes is for the operator.
#[expect(clippy::print_stderr, clippy::needless_pass_by_value, reason = "the terminal shell of the command")]
fn log(line: SandboxLine) {
    eprintln!("[function] {}", line.text);
}

/// A context on the command line: JSON, or pairs in short.
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
        let read = if text.trim_start().starts_with('{') {
            serde_json::from_str(text)
        } else {
            let pairs = text.split(',').map(|pair| pair.split_once('='));
            let pairs: Option<Map<String, Value>> =
                pairs.map(|pair| pair.map(|(name, value)| (name.to_owned(), value.into()))).collect();
            serde_json::from_value(pairs.ok_or("write it as JSON, or as NAME=VALUE,NAME=VALUE")?.into())
        };
        read.map(Self).map_err(|error| format!("{error}; only JSON can hold what is no text"))
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
    fn what_the_api_would_not_take_is_refused() {
        let long = |name: &str, length: usize| format!("{name}={}", "x".repeat(length));
        for (option, value, expected) in [
            ("--mqtt", "user=u".to_owned(), "unknown field"),
            ("--mqtt", "u".to_owned(), "NAME=VALUE"),
            ("--mqtt", "{\"username\":1}".to_owned(), "invalid type"),
            ("--http", "headers=a".to_owned(), "only JSON can hold"),
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
    fn documents_are_returned_as_strings_and_strangers_left_out() {
        let body =
            r#"{"isAuthenticated":true,"context":{},"policyDocuments":[{"b":1,"a":2},"{ \"b\": 2 }"]}"#;
        let returned: Returned<'_> = serde_json::from_str(body).unwrap();
        let expected = r#"{"isAuthenticated":true,"policyDocuments":["{\"b\":1,\"a\":2}","{ \"b\": 2 }"]}"#;
        assert_eq!(serde_json::to_string(&returned).unwrap(), expected);
    }
}
