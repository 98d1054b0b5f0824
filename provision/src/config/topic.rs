//! The topics of `[[bootstrap]]`.

use std::fmt;

/// The longest topic of AWS IoT, in bytes.
/// <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits>
pub(super) const MAX_TOPIC_BYTES: usize = 256;

/// What the levels of topics may have apart from letters and digits, with the slashes between them.
pub(super) const TOPIC_PUNCTUATION: &str = "-_.:@=,/";

/// The same with the wildcard of a filter.
pub(super) const FILTER_PUNCTUATION: &str = "-_.:@=,/+";

/// A topic filter with one `+`, whose level is the id of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFilter(Vec<Box<str>>);

impl TopicFilter {
    /// Parses a filter. Returns `None` unless it has exactly one `+`, no `#`, no variable, no empty level, and is not
    /// below `$`, where AWS's own topics are.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let levels: Vec<Box<str>> = text.split('/').map(Into::into).collect();
        let is_level = |level: &str| level == "+" || is_plain(level);
        let wildcards = levels.iter().filter(|level| &***level == "+").count();
        let is_valid = wildcards == 1 && levels.len() > 1 && levels.iter().all(|level| is_level(level));
        is_valid.then_some(Self(levels))
    }

    /// The level of the `+` in a topic, if the filter matches the topic.
    #[must_use]
    pub fn level_of<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let levels: Vec<&str> = topic.split('/').collect();
        let filter: Vec<&str> = self.levels().collect();
        if levels.len() != filter.len()
            || !filter.iter().zip(&levels).all(|(own, level)| *own == "+" || own == level)
        {
            return None;
        }
        let index = filter.iter().position(|level| *level == "+")?;
        levels.get(index).copied().filter(|level| !level.is_empty())
    }

    /// Whether a topic can match both filters.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let both = |(left, right)| left == right || left == "+" || right == "+";
        self.0.len() == other.0.len() && self.levels().zip(other.levels()).all(both)
    }

    fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|level| &**level)
    }
}

/// The filter, as it is written.
impl fmt::Display for TopicFilter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("/"))
    }
}

/// Whether a text is a level of a topic that stands for itself.
fn is_plain(level: &str) -> bool {
    !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:@=,".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_have_one_level_for_the_id() {
        for text in ["bootstrap/+/request", "+/a", "a/+", "a.b/c:d/+/e_f-g@h=i,j"] {
            assert!(TopicFilter::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "+",
            "a",
            "a/b",
            "a/+/+",
            "a/#",
            "+/#",
            "a/+/",
            "/+/a",
            "a//+",
            "a+/b",
            "$aws/+",
            "a b/+",
            "a/${id}/+",
            "a/+b",
        ] {
            assert!(TopicFilter::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_level_of_the_wildcard_is_the_id() {
        let filter = TopicFilter::parse("bootstrap/+/request").unwrap();
        for (topic, expected) in [
            ("bootstrap/a/request", Some("a")),
            ("bootstrap/+/request", Some("+")),
            ("bootstrap//request", None),
            ("bootstrap/a/b/request", None),
            ("bootstrap/a/response", None),
            ("bootstrap/a", None),
            ("bootstrap/a/request/", None),
            ("Bootstrap/a/request", None),
            ("", None),
        ] {
            assert_eq!(filter.level_of(topic), expected, "{topic}");
        }
        assert_eq!(TopicFilter::parse("+/a").unwrap().level_of("/a"), None);
    }

    #[test]
    fn filters_overlap_if_a_topic_matches_both() {
        for (left, right, expected) in [
            ("a/+", "a/+", true),
            ("a/+", "+/b", true),
            ("+/b", "+/c", false),
            ("a/+", "b/+", false),
            ("a/+/c", "a/+", false),
            ("a/+/c", "a/b/+", true),
            ("a/+/c", "d/b/+", false),
        ] {
            let filter = |text| TopicFilter::parse(text).unwrap();
            assert_eq!(filter(left).overlaps(&filter(right)), expected, "{left} {right}");
            assert_eq!(filter(right).overlaps(&filter(left)), expected, "{right} {left}");
        }
    }
}
