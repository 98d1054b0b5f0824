//! Retained messages and shared subscriptions, which rmqtt leaves off until it is told how to keep them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::subscribe::SharedSubscription;
use rmqtt::types::{
    ClientId, Id, IsOnline, NodeId, Retain, SharedGroup, SubscriptionIdentifier, SubscriptionOptions,
    TopicFilter, TopicName,
};

/// Retained messages in memory.
#[derive(Default)]
pub(super) struct Retained {
    messages: DefaultRetainStorage,
}

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, expiry: Option<Duration>) -> rmqtt::Result<()> {
        // Zero means that the message does not expire.
        let expiry = expiry.filter(|expiry| !expiry.is_zero());
        self.messages.set_with_timeout(topic, retain, expiry).await
    }

    /// AWS IoT gives a retained message to who subscribes to exactly its topic, and to nobody else.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt-differences>
    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        if filter.contains(['+', '#']) {
            return Ok(Vec::new());
        }
        self.messages.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.messages.count().await
    }

    async fn max(&self) -> isize {
        self.messages.max().await
    }
}

/// Shared subscriptions: each message goes to the next member that is there.
#[derive(Default)]
pub(super) struct SharedGroups {
    turn: AtomicUsize,
}

type Member = (NodeId, ClientId, SubscriptionOptions, Option<Vec<SubscriptionIdentifier>>, Option<IsOnline>);

#[async_trait]
impl SharedSubscription for SharedGroups {
    fn is_supported(&self) -> bool {
        true
    }

    async fn choice(
        &self,
        context: &ServerContext,
        _group: &SharedGroup,
        _publisher: &Id,
        _topic: &TopicName,
        members: &[Member],
    ) -> Option<(usize, IsOnline)> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(members.len())?;
        let in_turn = members.iter().enumerate().cycle().skip(turn).take(members.len());
        let mut away = None;
        for (index, (node, client_id, _, _, online)) in in_turn {
            let online = match online {
                Some(online) => *online,
                None => context.extends.router().await.is_online(*node, client_id).await,
            };
            if online {
                return Some((index, true));
            }
            away.get_or_insert((index, false));
        }
        away
    }
}
