//! The delivery of messages where AWS IoT differs from MQTT.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt-differences>

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use iot_local_policy::limits;
use rmqtt::context::ServerContext;
use rmqtt::router::{DefaultRouter, Router};
use rmqtt::types::{
    AllRelationsMap, HashMap, Id, NodeId, Route, SubRelationsMap, SubsSearchParams, SubsSearchResult,
    SubscriptionOptions, TopicName,
};
use rmqtt::utils::Counter;

use super::backlog::Backlog;

/// The topics of Basic Ingest. Their messages go to rules, not to subscribers.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/iot-basic-ingest.html>
const BASIC_INGEST: &str = "$aws/rules/";

/// The broker's router, except that `sensor/#` does not match `sensor`, Basic Ingest and fleet provisioning have no
/// subscribers, and QoS 0 messages are dropped for a client that does not read.
pub(super) struct Routes(DefaultRouter, Arc<Backlog>);

impl Routes {
    pub(super) fn new(context: &ServerContext, backlog: Arc<Backlog>) -> Self {
        Self(DefaultRouter::new(Some(context.clone())), backlog)
    }
}

/// Returns the MQTT filter that matches what `filter` matches on AWS IoT: `a/#` requires a further level, which may be
/// empty.
fn mqtt_filter(filter: &str) -> Cow<'_, str> {
    match filter.strip_suffix("/#") {
        Some(parent) => Cow::Owned(format!("{parent}/+/#")),
        None => Cow::Borrowed(filter),
    }
}

#[async_trait]
impl Router for Routes {
    async fn add(&self, filter: &str, id: Id, options: SubscriptionOptions) -> rmqtt::Result<()> {
        self.0.add(&mqtt_filter(filter), id, options).await
    }

    async fn remove(&self, filter: &str, id: Id) -> rmqtt::Result<bool> {
        self.0.remove(&mqtt_filter(filter), id).await
    }

    async fn matches(&self, id: Id, topic: &TopicName) -> rmqtt::Result<SubRelationsMap> {
        let mut receivers = match topic.starts_with(BASIC_INGEST) || limits::is_fleet_provisioning(topic) {
            true => SubRelationsMap::default(),
            false => self.0.matches(id.clone(), topic).await?,
        };
        self.1.route(&id.client_id, topic, &mut receivers);
        Ok(receivers)
    }

    async fn is_online(&self, node: NodeId, client_id: &str) -> bool {
        self.0.is_online(node, client_id).await
    }

    async fn gets(&self, limit: usize) -> Vec<Route> {
        self.0.gets(limit).await
    }

    async fn get(&self, topic: &str) -> rmqtt::Result<Vec<Route>> {
        self.0.get(topic).await
    }

    async fn query_subscriptions(&self, params: &SubsSearchParams) -> Vec<SubsSearchResult> {
        self.0.query_subscriptions(params).await
    }

    async fn topics_tree(&self) -> usize {
        self.0.topics_tree().await
    }

    fn topics(&self) -> Counter {
        self.0.topics()
    }

    fn routes(&self) -> Counter {
        self.0.routes()
    }

    fn merge_topics(&self, topics: &HashMap<NodeId, Counter>) -> Counter {
        self.0.merge_topics(topics)
    }

    fn merge_routes(&self, routes: &HashMap<NodeId, Counter>) -> Counter {
        self.0.merge_routes(routes)
    }

    async fn list_topics(&self, limit: usize) -> Vec<String> {
        self.0.list_topics(limit).await
    }

    async fn list_relations(&self, limit: usize) -> Vec<serde_json::Value> {
        self.0.list_relations(limit).await
    }

    fn relations(&self) -> &AllRelationsMap {
        self.0.relations()
    }
}

#[cfg(test)]
mod tests {
    use super::mqtt_filter;

    #[test]
    fn only_a_hash_after_a_level_changes_the_filter() {
        for (filter, expected) in [
            ("sensor/#", "sensor/+/#"),
            ("/#", "/+/#"),
            ("+/#", "+/+/#"),
            ("#", "#"),
            ("a/+", "a/+"),
            ("a/b#", "a/b#"),
        ] {
            assert_eq!(mqtt_filter(filter), expected);
        }
    }
}
