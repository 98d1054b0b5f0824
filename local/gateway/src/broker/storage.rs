//! Retained messages and shared subscriptions. rmqtt supports them only with an implementation of their storage.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use iot_local_base::clock;
use rmqtt::context::ServerContext;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::subscribe::SharedSubscription;
use rmqtt::types::{
    ClientId, Id, IsOnline, NodeId, Retain, SharedGroup, SubscriptionIdentifier, SubscriptionOptions,
    TopicFilter, TopicName,
};

/// Retained messages in memory.
#[derive(Default)]
pub(super) struct RetainedMessages {
    messages: DefaultRetainStorage,
}

#[async_trait]
impl RetainStorage for RetainedMessages {
    fn enable(&self) -> bool {
        true
    }

    async fn set(
        &self,
        topic: &TopicName,
        mut retain: Retain,
        expiry: Option<Duration>,
    ) -> rmqtt::Result<()> {
        let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        retain.publish.create_time = i64::try_from(now).ok();
        // rmqtt passes zero for a message that does not expire.
        let expiry = expiry.filter(|expiry| !expiry.is_zero());
        self.messages.set_with_timeout(topic, retain, expiry).await
    }

    /// Returns the retained message of exactly this topic. AWS IoT delivers none for a filter with wildcards.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt-differences>
    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        if filter.contains(['+', '#']) {
            return Ok(Vec::new());
        }
        self.messages.get_message(filter).await
    }

    async fn get_all_paginated(
        &self,
        offset: usize,
        limit: usize,
    ) -> rmqtt::Result<(Vec<(TopicName, Retain, Option<Duration>)>, bool)> {
        self.messages.get_all_paginated(offset, limit).await
    }

    async fn count(&self) -> isize {
        self.messages.count().await
    }

    async fn max(&self) -> isize {
        self.messages.max().await
    }
}

/// Shared subscriptions: messages go to the connected members in turn.
#[derive(Default)]
pub(super) struct SharedGroups {
    next_turn: AtomicUsize,
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
        let turn = self.next_turn.fetch_add(1, Ordering::Relaxed).checked_rem(members.len())?;
        let in_turn = members.iter().enumerate().cycle().skip(turn).take(members.len());
        let mut first_offline = None;
        for (index, (node, client_id, _, _, is_online)) in in_turn {
            let is_online = match is_online {
                Some(is_online) => *is_online,
                None => context.extends.router().await.is_online(*node, client_id).await,
            };
            if is_online {
                return Some((index, true));
            }
            first_offline.get_or_insert((index, false));
        }
        first_offline
    }
}
