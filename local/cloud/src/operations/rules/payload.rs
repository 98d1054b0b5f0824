//! The member `topicRulePayload`.

use serde_json::{Map, Value};

use super::super::templates::read_arn;
use super::super::{Input, expected, missing, names};
use crate::error::{ApiError, ErrorKind};
use crate::registry::TopicRule;
use crate::rules::sql::Statement;
use crate::rules::{InvalidTopic, TopicTemplate};

const MAX_ACTIONS: usize = 10;
const SQL_VERSIONS: [&str; 3] = ["2015-10-08", "2016-03-23", "beta"];

/// The actions of AWS that do nothing here. A rule with one is refused, so that no rule seems to work.
const UNSUPPORTED: [&str; 21] = [
    "cloudwatchAlarm",
    "cloudwatchLogs",
    "cloudwatchMetric",
    "dynamoDB",
    "dynamoDBv2",
    "elasticsearch",
    "firehose",
    "http",
    "iotAnalytics",
    "iotEvents",
    "iotSiteWise",
    "kafka",
    "kinesis",
    "location",
    "openSearch",
    "s3",
    "salesforce",
    "sns",
    "sqs",
    "stepFunctions",
    "timestream",
];

/// A checked payload.
pub(super) struct Payload {
    sql: String,
    sql_version: String,
    description: Option<String>,
    actions: Vec<Map<String, Value>>,
    error_action: Option<Map<String, Value>>,
    is_disabled: bool,
}

impl Payload {
    /// Reads the payload, which AWS's SDKs send as the body itself. A body with the member `topicRulePayload` is read,
    /// too.
    ///
    /// # Errors
    /// `SqlParse` that names the word, 501 for an action that this gateway does not carry out, else `InvalidRequest`.
    pub(super) fn read(input: &Input) -> Result<Self, ApiError> {
        let body = match input.object("topicRulePayload")? {
            Some(payload) => Input { body: payload.clone(), ..Input::default() },
            None => Input { body: input.body.clone(), ..Input::default() },
        };
        let sql = body.required_text("sql")?.to_owned();
        Statement::parse(&sql).map_err(|error| ApiError::new(ErrorKind::SqlParse, error.to_string()))?;
        let actions = body.list("actions")?.ok_or_else(|| missing("actions"))?;
        if actions.len() > MAX_ACTIONS {
            return Err(expected("actions", "up to 10 actions"));
        }
        let sql_version = body.text("awsIotSqlVersion")?.unwrap_or(SQL_VERSIONS[0]);
        if !SQL_VERSIONS.contains(&sql_version) {
            return Err(expected("awsIotSqlVersion", &SQL_VERSIONS.join(", ")));
        }
        let description = body.body.get("description").filter(|value| !value.is_null());
        let description = description.map(|value| names::description("description", value)).transpose()?;
        Ok(Self {
            sql,
            sql_version: sql_version.to_owned(),
            description: description.map(str::to_owned),
            actions: actions.iter().map(|action| read_action("actions", action)).collect::<Result<_, _>>()?,
            error_action: match body.object("errorAction")? {
                Some(action) => Some(read_action("errorAction", &Value::Object(action.clone()))?),
                None => None,
            },
            is_disabled: body.flag("ruleDisabled")?.unwrap_or(false),
        })
    }

    /// Returns the rule of this payload.
    pub(super) fn into_rule(self, name: String, created: i64) -> TopicRule {
        TopicRule {
            name,
            sql: self.sql,
            sql_version: self.sql_version,
            description: self.description,
            actions: self.actions,
            error_action: self.error_action,
            is_disabled: self.is_disabled,
            created,
        }
    }
}

fn read_action(member: &str, action: &Value) -> Result<Map<String, Value>, ApiError> {
    let object = action.as_object().ok_or_else(|| expected(member, "objects with one member"))?;
    let mut present = object.iter().filter(|(_, value)| !value.is_null());
    let (Some((name, value)), None) = (present.next(), present.next()) else {
        return Err(expected(member, "objects with one member, such as lambda or republish"));
    };
    let place = format!("{member}.{name}");
    let members = value.as_object().ok_or_else(|| expected(&place, "an object"))?;
    match name.as_str() {
        "lambda" => {
            read_arn(&format!("{place}.functionArn"), text(members, &place, "functionArn")?)?;
        }
        "republish" => check_republish(members, &place)?,
        name if UNSUPPORTED.contains(&name) => {
            return Err(ApiError::new(
                ErrorKind::NotImplemented,
                format!("{place} is not implemented here; the actions are lambda and republish"),
            ));
        }
        _ => return Err(expected(member, "the action lambda or republish")),
    }
    Ok(Map::from_iter([(name.clone(), value.clone())]))
}

fn check_republish(members: &Map<String, Value>, place: &str) -> Result<(), ApiError> {
    read_arn(&format!("{place}.roleArn"), text(members, place, "roleArn")?)?;
    let topic = text(members, place, "topic")?;
    if topic.is_empty() {
        return Err(expected(&format!("{place}.topic"), "a topic"));
    }
    TopicTemplate::parse(topic).map_err(|error| {
        let kind = match error {
            InvalidTopic::Expression { .. } => ErrorKind::SqlParse,
            InvalidTopic::Open | InvalidTopic::Reserved => ErrorKind::InvalidRequest,
        };
        ApiError::new(kind, format!("{place}.topic: {error}"))
    })?;
    match members.get("qos").filter(|value| !value.is_null()) {
        None => Ok(()),
        Some(qos) if qos.as_i64().is_some_and(|qos| (0..=1).contains(&qos)) => Ok(()),
        Some(_) => Err(expected(&format!("{place}.qos"), "0 or 1")),
    }
}

fn text<'a>(members: &'a Map<String, Value>, place: &str, name: &str) -> Result<&'a str, ApiError> {
    let place = format!("{place}.{name}");
    let value = members.get(name).ok_or_else(|| missing(&place))?;
    value.as_str().ok_or_else(|| expected(&place, "a string"))
}
