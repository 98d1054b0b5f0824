//! What the broker holds, for the REST operations: sessions with their subscriptions, and retained messages.

use bytes::Bytes;
use rmqtt::shared::Entry;
use rmqtt::types::{ConnectInfo, Id, QoS, Retain};

use super::{Broker, BrokerError};

/// A session of a client, connected or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientSession {
    /// Whether the client is connected.
    pub(crate) is_connected: bool,
    /// Whether the session ends with the connection.
    pub(crate) is_clean: bool,
    /// The keep-alive that the client has sent, in seconds.
    pub(crate) keep_alive: u16,
    /// How long the session outlives its connection, in seconds.
    pub(crate) expiry: u64,
    /// When the client connected, or disconnected, milliseconds since 1970.
    pub(crate) since: i64,
}

/// A retained message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetainedMessage {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) is_qos1: bool,
    /// When it was stored, milliseconds since 1970.
    pub(crate) modified: i64,
    /// The user properties of MQTT 5.
    pub(crate) user_properties: Vec<(String, String)>,
}

impl Broker {
    /// Returns the session of a client.
    pub(crate) async fn session(&self, client_id: &str) -> Option<ClientSession> {
        let session = self.entry(client_id).await.session()?;
        let connect = session.connect_info().await.ok()?;
        let expiry = session.fitter.session_expiry_interval(None).as_secs();
        let is_clean = match &*connect {
            ConnectInfo::V3(_, connect) => connect.clean_session,
            ConnectInfo::V5(..) => expiry == 0,
        };
        let is_connected = session.connected().await.unwrap_or(false);
        let since = if is_connected { session.connected_at().await } else { session.disconnected_at().await };
        Some(ClientSession {
            is_connected,
            is_clean,
            keep_alive: connect.keep_alive(),
            expiry: if is_clean { 0 } else { expiry },
            since: since.unwrap_or_default(),
        })
    }

    /// Returns the topic filters of a client's session, in order, and whether their quality of service is 1.
    pub(crate) async fn subscriptions(&self, client_id: &str) -> Option<Vec<(String, bool)>> {
        let found = self.entry(client_id).await.subscriptions().await?;
        let mut filters: Vec<_> = found
            .into_iter()
            .map(|found| {
                let filter = match found.opts.shared_group() {
                    Some(group) => format!("$share/{group}/{}", found.topic),
                    None => found.topic.to_string(),
                };
                (filter, found.opts.qos() != QoS::AtMostOnce)
            })
            .collect();
        filters.sort_unstable();
        Some(filters)
    }

    /// Removes the session of a client, and ends its connection if it still has one.
    ///
    /// # Errors
    /// The session is in use at this moment.
    pub(crate) async fn remove_session(&self, client_id: &str) -> Result<(), BrokerError> {
        let mut entry = self.entry(client_id).await.try_lock().await.map_err(BrokerError::new)?;
        entry.kick(true, true, true).await.map(drop).map_err(BrokerError::new)
    }

    /// Returns the retained message of a topic.
    pub(crate) async fn retained_message(&self, topic: &str) -> Option<RetainedMessage> {
        let found = self.context.extends.retain().await.get(&topic.into()).await.ok()?;
        let mut found = found.into_iter().filter(|(found, _)| &**found == topic);
        found.next().map(|(topic, retained)| RetainedMessage::new(&topic, &retained))
    }

    /// Returns all retained messages, by topic.
    pub(crate) async fn retained_messages(&self) -> Vec<RetainedMessage> {
        let found = self.context.extends.retain().await.get_all_paginated(0, usize::MAX / 2).await;
        let (found, _) = found.unwrap_or_default();
        let found = found.iter().map(|(topic, retained, _)| RetainedMessage::new(topic, retained));
        let mut messages: Vec<_> = found.collect();
        messages.sort_unstable_by(|left, right| left.topic.cmp(&right.topic));
        messages
    }

    async fn entry(&self, client_id: &str) -> Box<dyn Entry> {
        let id = Id::new(self.context.node.id(), 0, None, None, client_id.into(), None);
        self.context.extends.shared().await.entry(id)
    }
}

impl RetainedMessage {
    fn new(topic: &str, retained: &Retain) -> Self {
        let publish = &retained.publish;
        let properties = publish.properties.iter().flat_map(|properties| &properties.user_properties);
        Self {
            topic: topic.to_owned(),
            payload: publish.payload.clone(),
            is_qos1: publish.qos != QoS::AtMostOnce,
            modified: publish.create_time.unwrap_or_default(),
            user_properties: properties.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        }
    }
}
