//! The REST operations of AWS IoT's data plane, which clients call with a signature or a certificate. The gateway
//! carries them out; `docs/api.md` lists them.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_Operations_AWS_IoT_Data_Plane.html>

use crate::api::path;
use crate::error::ApiError;

/// An operation of AWS IoT's data plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataOperation {
    /// Publishes a message.
    Publish,
    /// Returns a shadow's document.
    GetThingShadow,
    /// Changes a shadow's document.
    UpdateThingShadow,
    /// Deletes a shadow.
    DeleteThingShadow,
    /// Lists the named shadows of a thing.
    ListNamedShadowsForThing,
    /// Returns the retained message of a topic.
    GetRetainedMessage,
    /// Lists the topics with retained messages.
    ListRetainedMessages,
    /// Describes the connection of an MQTT client.
    GetConnection,
    /// Disconnects an MQTT client.
    DeleteConnection,
    /// Lists the subscriptions of an MQTT client.
    ListSubscriptions,
    /// Sends a message to one MQTT client. Not implemented.
    SendDirectMessage,
}

impl DataOperation {
    /// All operations.
    pub const ALL: [Self; 11] = [
        Self::Publish,
        Self::GetThingShadow,
        Self::UpdateThingShadow,
        Self::DeleteThingShadow,
        Self::ListNamedShadowsForThing,
        Self::GetRetainedMessage,
        Self::ListRetainedMessages,
        Self::GetConnection,
        Self::DeleteConnection,
        Self::ListSubscriptions,
        Self::SendDirectMessage,
    ];

    /// Returns AWS's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "Publish",
            Self::GetThingShadow => "GetThingShadow",
            Self::UpdateThingShadow => "UpdateThingShadow",
            Self::DeleteThingShadow => "DeleteThingShadow",
            Self::ListNamedShadowsForThing => "ListNamedShadowsForThing",
            Self::GetRetainedMessage => "GetRetainedMessage",
            Self::ListRetainedMessages => "ListRetainedMessages",
            Self::GetConnection => "GetConnection",
            Self::DeleteConnection => "DeleteConnection",
            Self::ListSubscriptions => "ListSubscriptions",
            Self::SendDirectMessage => "SendDirectMessage",
        }
    }

    /// Returns the HTTP method.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Publish | Self::UpdateThingShadow | Self::SendDirectMessage => "POST",
            Self::DeleteThingShadow | Self::DeleteConnection => "DELETE",
            Self::GetThingShadow
            | Self::ListNamedShadowsForThing
            | Self::GetRetainedMessage
            | Self::ListRetainedMessages
            | Self::GetConnection
            | Self::ListSubscriptions => "GET",
        }
    }

    /// Returns the path, with its label in braces.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Publish => "/topics/{topic}",
            Self::GetThingShadow | Self::UpdateThingShadow | Self::DeleteThingShadow => {
                "/things/{thingName}/shadow"
            }
            Self::ListNamedShadowsForThing => "/api/things/shadow/ListNamedShadowsForThing/{thingName}",
            Self::GetRetainedMessage => "/retainedMessage/{topic}",
            Self::ListRetainedMessages => "/retainedMessage",
            Self::GetConnection | Self::DeleteConnection => "/connections/{clientId}",
            Self::ListSubscriptions => "/connections/{clientId}/subscriptions",
            Self::SendDirectMessage => "/connections/{clientId}/messages",
        }
    }

    /// Returns the label of a path, still percent-encoded, or an empty text if the operation has none.
    fn label(self, path: &str) -> Option<&str> {
        // A topic may have slashes, encoded or not.
        let topics = match self {
            Self::Publish => Some("/topics/"),
            Self::GetRetainedMessage => Some("/retainedMessage/"),
            _ => None,
        };
        if let Some(prefix) = topics {
            return path.strip_prefix(prefix).filter(|topic| !topic.is_empty());
        }
        let labels = path::labels(self.path(), path)?;
        Some(labels.first().map_or("", |(_, label)| label))
    }
}

/// A request, as its target names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRequest {
    /// The operation.
    pub operation: DataOperation,
    /// The label of the path, decoded: a thing's name, a topic or a client id. Empty if the operation has none.
    pub label: String,
    parameters: Vec<(String, String)>,
}

impl DataRequest {
    /// Reads the target of a request. `None` if it names no operation.
    ///
    /// # Errors
    /// InvalidRequest: an incomplete percent-encoding, or a parameter that occurs twice.
    #[must_use]
    pub fn parse(method: &str, path: &str, query: &str) -> Option<Result<Self, ApiError>> {
        let mut operations = DataOperation::ALL.into_iter().filter(|operation| operation.method() == method);
        let found = operations.find_map(|operation| Some((operation, operation.label(path)?)));
        let (operation, label) = found?;
        let decoded = path::decode(label)
            .and_then(|label| Ok(Self { operation, label, parameters: path::query(query)? }));
        Some(decoded)
    }

    /// Returns a parameter of the query.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query that is a boolean; `false` if it is absent.
    ///
    /// # Errors
    /// InvalidRequest: neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.parameter(name) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(ApiError::invalid(format!("{name}: expected true or false"))),
        }
    }

    /// Returns a parameter of the query that is the size of a page.
    ///
    /// # Errors
    /// InvalidRequest: not an integer from 1 to `max`.
    pub fn page_size(&self, name: &str, default: usize, max: usize) -> Result<usize, ApiError> {
        let Some(value) = self.parameter(name) else { return Ok(default) };
        let size = value.parse().ok().filter(|size| (1..=max).contains(size));
        size.ok_or_else(|| ApiError::invalid(format!("{name}: expected an integer from 1 to {max}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_name_operations_and_labels() {
        use DataOperation::{
            DeleteConnection, DeleteThingShadow, GetConnection, GetRetainedMessage, GetThingShadow,
            ListNamedShadowsForThing, ListRetainedMessages, ListSubscriptions, Publish, SendDirectMessage,
            UpdateThingShadow,
        };
        for (line, expected) in [
            ("GET /things/lamp/shadow", Some((GetThingShadow, "lamp"))),
            ("POST /things/a%3Ab/shadow", Some((UpdateThingShadow, "a:b"))),
            ("DELETE /things/lamp/shadow", Some((DeleteThingShadow, "lamp"))),
            (
                "GET /api/things/shadow/ListNamedShadowsForThing/lamp",
                Some((ListNamedShadowsForThing, "lamp")),
            ),
            ("GET /retainedMessage", Some((ListRetainedMessages, ""))),
            ("GET /retainedMessage/a%2Fb", Some((GetRetainedMessage, "a/b"))),
            ("GET /retainedMessage/a/b", Some((GetRetainedMessage, "a/b"))),
            ("GET /connections/a%2F%C3%A9", Some((GetConnection, "a/é"))),
            ("DELETE /connections/c", Some((DeleteConnection, "c"))),
            ("GET /connections/c/subscriptions", Some((ListSubscriptions, "c"))),
            ("POST /connections/c/messages", Some((SendDirectMessage, "c"))),
            ("POST /topics/a/b", Some((Publish, "a/b"))),
            ("PUT /things/lamp/shadow", None),
            ("GET /things/lamp/shadow/", None),
            ("GET /things//shadow", None),
            ("GET /things/lamp", None),
            ("GET /things/lamp/shadows", None),
            ("GET /retainedMessage/", None),
            ("POST /retainedMessage/a", None),
            ("GET /connections", None),
            ("GET /connections/", None),
            ("GET /connections/a/b", None),
            ("get /connections/a", None),
            ("POST /topics/", None),
            ("GET /topics/a", None),
        ] {
            let (method, path) = line.split_once(' ').unwrap();
            let found = DataRequest::parse(method, path, "").map(Result::unwrap);
            let found = found.as_ref().map(|request| (request.operation, request.label.as_str()));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn invalid_labels_and_parameters_are_rejected() {
        for (path, query) in [
            ("/things/%/shadow", ""),
            ("/things/%FF/shadow", ""),
            ("/things/lamp/shadow", "name=%G0"),
            ("/things/lamp/shadow", "name=a&name=b"),
        ] {
            assert!(DataRequest::parse("GET", path, query).unwrap().is_err(), "{path}?{query}");
        }
        let request = DataRequest::parse("GET", "/connections/c", "a=TRUE&b=false&c=yes&d&n=5&z=0&x=+1");
        let request = request.unwrap().unwrap();
        assert_eq!(
            (request.flag("a"), request.flag("b"), request.flag("none")),
            (Ok(true), Ok(false), Ok(false))
        );
        assert!(request.flag("c").is_err() && request.flag("d").is_err());
        assert_eq!((request.page_size("n", 20, 5), request.page_size("none", 20, 5)), (Ok(5), Ok(20)));
        assert!(request.page_size("z", 20, 5).is_err() && request.page_size("n", 20, 4).is_err());
        assert!(request.page_size("d", 20, 5).is_err() && request.page_size("a", 20, 5).is_err());
        assert_eq!(request.parameter("d"), Some(""));
    }
}
