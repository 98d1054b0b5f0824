//! AWS IoT Core's limits on what a client sends.
//! <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits>

use crate::shadow_topic::{ShadowTopic, is_shadow_topic};

/// The largest payload of a publish, 128 KiB.
pub const MAX_PAYLOAD_BYTES: usize = 128 * 1024;

/// The largest MQTT packet, 146 KiB. AWS IoT announces it in the MQTT 5 CONNACK.
pub const MAX_PACKET_BYTES: u32 = 146 * 1024;

/// The longest client id.
pub const MAX_CLIENT_ID_BYTES: usize = 128;

/// The largest number of subscriptions of one connection.
pub const MAX_SUBSCRIPTIONS: usize = 50;

/// The largest number of topic filters in one SUBSCRIBE packet.
pub const MAX_FILTERS_PER_SUBSCRIBE: usize = 8;

/// The range of keep-alive times. A shorter time is raised to the minimum; a longer time, or 0, becomes the maximum.
pub const KEEP_ALIVE_SECONDS: std::ops::RangeInclusive<u16> = 30..=1200;

const MAX_TOPIC_BYTES: usize = 256;
const MAX_TOPIC_SLASHES: usize = 7;
const MAX_SHARE_NAME_CHARS: usize = 128;

/// The first character of client ids and topics that are reserved for AWS IoT.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/reserved-topics.html>
const RESERVED: char = '$';

/// Checks that a client id is not reserved. The broker checks its length.
///
/// # Errors
/// Why the client id is invalid.
pub fn client_id(client_id: &str) -> Result<(), &'static str> {
    if client_id.starts_with(RESERVED) {
        return Err("the client id begins with '$', which is reserved for AWS IoT");
    }
    Ok(())
}

/// Checks the topic of a publish: it must be a topic name (MQTT 5, section 4.7.1), within AWS IoT's limits, and not
/// reserved.
///
/// # Errors
/// Why the topic is invalid.
pub fn topic(topic: &str, retain: bool) -> Result<(), &'static str> {
    if topic.is_empty() {
        return Err("the topic is empty");
    }
    if topic.contains(['+', '#', '\0']) {
        return Err("the topic contains '+', '#' or a null character");
    }
    if topic.starts_with(RESERVED) {
        if !topic.starts_with("$aws/") {
            return Err("the topic begins with '$', which is reserved for AWS IoT");
        }
        if topic.starts_with("$aws/events/") {
            return Err("only AWS IoT publishes to $aws/events/");
        }
        if is_fleet_provisioning(topic) && (topic.ends_with("/accepted") || topic.ends_with("/rejected")) {
            return Err("only AWS IoT publishes answers of fleet provisioning");
        }
        if is_shadow_topic(topic) && ShadowTopic::parse(topic).is_none() {
            return Err(
                "the topic is not one of requests of device shadows; expected …/shadow/get, …/shadow/update, \
                 …/shadow/delete, or these after …/shadow/name/SHADOW",
            );
        }
        if retain {
            return Err("the topic is reserved and cannot have a retained message");
        }
    }
    levels(topic)
}

/// Returns whether a topic is one of fleet provisioning. A message on it is a request, or an answer to one client.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/fleet-provision-api.html>
#[must_use]
pub fn is_fleet_provisioning(topic: &str) -> bool {
    ["$aws/certificates/", "$aws/provisioning-templates/"].iter().any(|prefix| topic.starts_with(prefix))
}

/// Checks a topic filter against AWS IoT's limits. For a shared subscription, `filter` is the part after the share
/// name. The broker checks that it is well-formed.
///
/// # Errors
/// Why the filter is invalid.
pub fn filter(filter: &str) -> Result<(), &'static str> {
    levels(filter)
}

/// Checks that a topic filter is not reserved.
///
/// # Errors
/// Why clients cannot subscribe to it.
pub fn unreserved_filter(filter: &str) -> Result<(), &'static str> {
    if filter.starts_with(RESERVED) && !filter.starts_with("$aws/") {
        return Err("the topic filter begins with '$', which is reserved for AWS IoT");
    }
    if filter.starts_with("$aws/rules/") {
        return Err("$aws/rules/ is for Basic Ingest and has no subscribers");
    }
    Ok(())
}

/// Checks the share name of a shared subscription.
///
/// # Errors
/// Why the share name is invalid.
pub fn share_name(name: &str) -> Result<(), &'static str> {
    if name.chars().count() > MAX_SHARE_NAME_CHARS {
        return Err("the share name is longer than 128 characters");
    }
    Ok(())
}

fn levels(topic: &str) -> Result<(), &'static str> {
    // The prefix of Basic Ingest, $aws/rules/NAME/, does not count:
    // <https://docs.aws.amazon.com/iot/latest/developerguide/iot-basic-ingest.html>.
    let counted =
        topic.strip_prefix("$aws/rules/").and_then(|rest| rest.split_once('/')).map_or(topic, |(_, t)| t);
    if counted.len() > MAX_TOPIC_BYTES {
        return Err("the topic or filter is longer than 256 bytes");
    }
    if counted.matches('/').count() > MAX_TOPIC_SLASHES {
        return Err("the topic or filter has more than 7 slashes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_topics_of_publishes() {
        let long = "é".repeat(128);
        for valid in [
            "a",
            "/",
            "1/2/3/4/5/6/7/8",
            "$aws/rules/name/1/2/3/4/5/6/7/8",
            "$aws/things/lamp/shadow/update",
            "$aws/certificates/create/json",
            "$aws/things/lamp/shadow/name/$config/get",
            "$aws/things/lamp/jobs/get",
            "a/$b",
            &long,
        ] {
            assert_eq!(topic(valid, false), Ok(()), "{valid}");
        }
        let too_long = format!("{long}x");
        for invalid in ["", "a/+/b", "a/#", "a\0", "1/2/3/4/5/6/7/8/9", "$aws/rules/name/1/2/3/4/5/6/7/8/9"] {
            assert!(topic(invalid, false).is_err(), "{invalid:?}");
        }
        for invalid in
            ["$SYS/x", "$share/g/a", "$aws", "$AWS/things/x", "$aws/events/presence/connected/c", &too_long]
        {
            assert!(topic(invalid, false).is_err(), "{invalid:?}");
        }
        for answer in [
            "$aws/things/lamp/shadow/update/accepted",
            "$aws/things/lamp/shadow/update/delta",
            "$aws/things/lamp/shadow/name/config/get/rejected",
            "$aws/things/lamp/shadow/other",
            "$aws/things/la mp/shadow/update",
            "$aws/certificates/create/json/accepted",
            "$aws/certificates/create-from-csr/cbor/rejected",
            "$aws/provisioning-templates/fleet/provision/json/accepted",
        ] {
            assert!(topic(answer, false).is_err(), "{answer}");
        }
        assert!(topic("$aws/things/lamp/shadow/update", true).is_err());
        assert_eq!(topic("a", true), Ok(()));
    }

    #[test]
    fn checks_topic_filters() {
        for valid in ["a/+/#", "#", "$aws/events/#", "$aws/things/lamp/shadow/#", "+/2/3/4/5/6/7/8"] {
            assert_eq!((filter(valid), unreserved_filter(valid)), (Ok(()), Ok(())), "{valid}");
        }
        for invalid in ["$SYS/#", "$aws/rules/name/#", "$share/g/a", "$aws"] {
            assert!(unreserved_filter(invalid).is_err(), "{invalid}");
        }
        assert!(filter("+/2/3/4/5/6/7/8/#").is_err());
        assert_eq!(share_name(&"é".repeat(128)), Ok(()));
        assert!(share_name(&"é".repeat(129)).is_err());
    }

    #[test]
    fn checks_client_ids() {
        assert_eq!(client_id("c$"), Ok(()));
        assert!(client_id("$c").is_err());
    }
}
