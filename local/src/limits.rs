//! AWS IoT Core's limits on what a client sends.
//! <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits>

/// The largest payload of a publish, in bytes.
pub const PAYLOAD: usize = 128 * 1024;

/// The largest MQTT packet, in bytes: what AWS IoT announces in its MQTT 5 CONNACK.
pub const PACKET: u32 = 146 * 1024;

/// The longest client id, in bytes.
pub const CLIENT_ID: usize = 128;

/// The most subscriptions of one connection.
pub const SUBSCRIPTIONS: usize = 50;

const TOPIC: usize = 256;
const SLASHES: usize = 7;

/// Whether a message may be published to `topic`: a topic name as MQTT defines it, within AWS IoT's limits.
///
/// # Errors
/// What is wrong with it.
pub fn topic(topic: &str) -> Result<(), &'static str> {
    if topic.is_empty() {
        return Err("the topic is empty");
    }
    if topic.contains(['+', '#', '\0']) {
        return Err("a topic to publish to cannot hold '+', '#' or a null character");
    }
    levels(topic)
}

/// Whether `filter` is within AWS IoT's limits. Whether it is well-formed is the broker's to say.
///
/// # Errors
/// What is wrong with it.
pub fn filter(filter: &str) -> Result<(), &'static str> {
    levels(filter)
}

fn levels(topic: &str) -> Result<(), &'static str> {
    // The prefix of Basic Ingest, $aws/rules/NAME/, does not count.
    let counted =
        topic.strip_prefix("$aws/rules/").and_then(|rest| rest.split_once('/')).map_or(topic, |(_, t)| t);
    if counted.len() > TOPIC {
        return Err("the topic is longer than 256 bytes");
    }
    if counted.matches('/').count() > SLASHES {
        return Err("the topic has more than 7 slashes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_levels_and_256_bytes_are_the_most() {
        assert_eq!(topic("1/2/3/4/5/6/7/8"), Ok(()));
        assert!(topic("1/2/3/4/5/6/7/8/9").is_err());
        assert_eq!(topic("$aws/rules/name/1/2/3/4/5/6/7/8"), Ok(()));
        assert_eq!(topic(&"x".repeat(256)), Ok(()));
        assert!(topic(&"x".repeat(257)).is_err());
    }

    #[test]
    fn nothing_is_published_to_a_filter() {
        for bad in ["", "a/+/b", "a/#", "a\0"] {
            assert!(topic(bad).is_err(), "{bad:?}");
        }
        assert_eq!(filter("a/+/#"), Ok(()));
    }
}
