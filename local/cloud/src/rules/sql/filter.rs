//! Topic filters (MQTT 5, section 4.7).

/// Checks the topic filter of a FROM clause.
///
/// # Errors
/// What is wrong.
pub(super) fn check(filter: &str) -> Result<(), String> {
    if filter.is_empty() {
        return Err("empty topic filter".to_owned());
    }
    let levels: Vec<_> = filter.split('/').collect();
    for (level, is_last) in levels.iter().rev().zip(std::iter::once(true).chain(std::iter::repeat(false))) {
        let is_wildcard = *level == "+" || (*level == "#" && is_last);
        if !is_wildcard && level.contains(['+', '#']) {
            return Err(format!("invalid topic filter {filter:?}; + is a level, # the last one"));
        }
    }
    iot_local_policy::limits::filter(filter).map_err(str::to_owned)
}

/// Returns whether a topic matches a filter.
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for expected in filter.split('/') {
        match (expected, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (expected, Some(level)) if expected == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn filters_match_topics() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
            ("a/+", "a/b", true),
            ("a/+", "a/", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "b", false),
            ("#", "a/b", true),
            ("+", "a", true),
            ("#", "$aws/events/x", false),
            ("+/events/x", "$aws/events/x", false),
            ("$aws/events/+", "$aws/events/x", true),
            ("$aws/#", "$aws/events/x", true),
            ("a//b", "a//b", true),
            ("a/b", "a/b/", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }
}
