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

/// The most topic filters of one SUBSCRIBE.
pub const FILTERS_OF_ONE_SUBSCRIBE: usize = 8;

/// Keep-alive times, in seconds. A shorter one is raised to the first; a longer one, or none, becomes the last.
pub const KEEP_ALIVE: std::ops::RangeInclusive<u16> = 30..=1200;

const TOPIC: usize = 256;
const SLASHES: usize = 7;
const SHARE_NAME: usize = 128;

/// What begins with this is AWS IoT's own, but for what its services define.
const RESERVED: char = '$';

/// Whether a client may call itself so. The length is the broker's to check, and so is an empty one.
///
/// # Errors
/// What is wrong with it.
pub fn client_id(client_id: &str) -> Result<(), &'static str> {
    if client_id.starts_with(RESERVED) {
        return Err("client ids that begin with '$' are reserved for AWS IoT");
    }
    Ok(())
}

/// Whether a message may be published to `topic`: a topic name as MQTT defines it, within AWS IoT's limits, and not one
/// of AWS IoT's own that clients cannot publish to.
///
/// # Errors
/// What is wrong with it.
pub fn topic(topic: &str, retain: bool) -> Result<(), &'static str> {
    if topic.is_empty() {
        return Err("the topic is empty");
    }
    if topic.contains(['+', '#', '\0']) {
        return Err("a topic to publish to cannot hold '+', '#' or a null character");
    }
    if topic.starts_with(RESERVED) {
        if !topic.starts_with("$aws/") {
            return Err("topics that begin with '$' are reserved for AWS IoT");
        }
        if topic.starts_with("$aws/events/") {
            return Err("only AWS IoT publishes to $aws/events/");
        }
        if retain {
            return Err("nothing can be retained on a reserved topic");
        }
    }
    levels(topic)
}

/// Whether `filter` is within AWS IoT's limits. For a shared subscription it is what follows the share name. Whether it
/// is well-formed is the broker's to say.
///
/// # Errors
/// What is wrong with it.
pub fn filter(filter: &str) -> Result<(), &'static str> {
    levels(filter)
}

/// Whether clients may subscribe to `filter` at all: some topics of AWS IoT's own are not for that.
///
/// # Errors
/// What is wrong with it.
pub fn unreserved_filter(filter: &str) -> Result<(), &'static str> {
    if filter.starts_with(RESERVED) && !filter.starts_with("$aws/") {
        return Err("topics that begin with '$' are reserved for AWS IoT");
    }
    if filter.starts_with("$aws/rules/") {
        return Err("Basic Ingest goes to rules only: nobody can subscribe to $aws/rules/");
    }
    Ok(())
}

/// Whether a group of a shared subscription may be called so.
///
/// # Errors
/// What is wrong with it.
pub fn share_name(name: &str) -> Result<(), &'static str> {
    if name.chars().count() > SHARE_NAME {
        return Err("the share name is longer than 128 characters");
    }
    Ok(())
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
    fn topics_to_publish_to() {
        let long = "é".repeat(128);
        for good in [
            "a",
            "/",
            "1/2/3/4/5/6/7/8",
            "$aws/rules/name/1/2/3/4/5/6/7/8",
            "$aws/things/lamp/shadow/update",
            "a/$b",
            &long,
        ] {
            assert_eq!(topic(good, false), Ok(()), "{good}");
        }
        let longer = format!("{long}x");
        for bad in ["", "a/+/b", "a/#", "a\0", "1/2/3/4/5/6/7/8/9", "$aws/rules/name/1/2/3/4/5/6/7/8/9"] {
            assert!(topic(bad, false).is_err(), "{bad:?}");
        }
        for bad in
            ["$SYS/x", "$share/g/a", "$aws", "$AWS/things/x", "$aws/events/presence/connected/c", &longer]
        {
            assert!(topic(bad, false).is_err(), "{bad:?}");
        }
        assert!(topic("$aws/things/lamp/shadow/update", true).is_err());
        assert_eq!(topic("a", true), Ok(()));
    }

    #[test]
    fn filters_to_subscribe_to() {
        for good in ["a/+/#", "#", "$aws/events/#", "$aws/things/lamp/shadow/#", "+/2/3/4/5/6/7/8"] {
            assert_eq!((filter(good), unreserved_filter(good)), (Ok(()), Ok(())), "{good}");
        }
        for bad in ["$SYS/#", "$aws/rules/name/#", "$share/g/a", "$aws"] {
            assert!(unreserved_filter(bad).is_err(), "{bad}");
        }
        assert!(filter("+/2/3/4/5/6/7/8/#").is_err());
        assert_eq!(share_name(&"é".repeat(128)), Ok(()));
        assert!(share_name(&"é".repeat(129)).is_err());
    }

    #[test]
    fn client_ids() {
        assert_eq!(client_id("c$"), Ok(()));
        assert!(client_id("$c").is_err());
    }
}
