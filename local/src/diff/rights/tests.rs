//! Patterns that widen, narrow and do neither.

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

fn right(text: &str) -> Right {
    let (right, condition) = text.split_once(" if ").map_or((text, None), |(right, ip)| (right, Some(ip)));
    let (action, resource) = right.split_once(' ').unwrap();
    let condition = condition.map(|ip| json!({ "IpAddress": { "aws:SourceIp": ip } }));
    Right { action: action.to_owned(), resource: resource.to_owned(), condition }
}

fn gains(old: &[&str], new: &[&str]) -> Vec<String> {
    let arn: Arn = ARN.parse().unwrap();
    let side = |rights: &[&str]| {
        let (denies, allows): (Vec<&str>, Vec<&str>) =
            rights.iter().partition(|right| right.starts_with('!'));
        Side {
            allows: allows.into_iter().map(right).collect(),
            denies: denies.into_iter().map(|deny| right(deny.trim_start_matches('!'))).collect(),
            arn: &arn,
        }
    };
    side(new).beyond(&side(old), "no longer denied")
}

#[test]
fn what_is_gained() {
    let nothing: &[&str] = &[];
    for (old, new, expected) in [
        // Nothing new.
        (&["P topic/a"][..], &["P topic/a"][..], nothing),
        (&["P topic/a/*"], &["P topic/a/b"], nothing),
        (&["P topic/a/*"], &["P topic/a/b*"], nothing),
        (&["P topic/a/*"], &["P topic/a/*/c"], nothing),
        (&["P topic/*"], &["P topic/?*"], nothing),
        (&["P topic/?*"], &["P topic/*"], nothing),
        (&["P topic/a", "P topic/a?*"], &["P topic/a*"], nothing),
        (&["P topic/a?c"], &["P topic/a?c", "P topic/abc"], nothing),
        (&["P topic/${iot:ClientId}/*"], &["P topic/${iot:ClientId}/a"], nothing),
        (&["P topic/a"], &["P topic/a if 10.0.0.0/8"], nothing),
        (&["P topic/a/*"], &["P topic/a/*", "!P topic/a/b"], nothing),
        (&["P topic/a", "!P topic/b"], &["P topic/a"], nothing),
        (&["P topic/a", "!P topic/a"], &["P topic/a", "!P topic/*"], nothing),
        (&["P topic/a"], &["P topic/a", "P topic/b", "!P topic/b"], nothing),
        (&["J thing/*"], &["J thing/a"], nothing),
        (&["L *"], &["L *"], nothing),
        (&["client-id ana/*"], &["client-id ana/1", "client-id ana/*"], nothing),
        (&["P topic/a"], &[], nothing),
        // Something new.
        (&[], &["P topic/a"], &["P topic/a"]),
        (&["P topic/a/b"], &["P topic/a/*"], &["P topic/a/*"]),
        (&["P topic/a/?"], &["P topic/a/*"], &["P topic/a/*"]),
        (&["P topic/a/???"], &["P topic/a/*"], &["P topic/a/*"]),
        (&["P topic/a/?*"], &["P topic/a/*"], &["P topic/a/*"]),
        (&["P topic/a/*/c"], &["P topic/a/*"], &["P topic/a/*"]),
        (&["P topic/a/*", "P topic/b/*"], &["P topic/*"], &["P topic/*"]),
        (&["P topic/ab"], &["P topic/a?"], &["P topic/a?"]),
        (&["R topic/a"], &["P topic/a"], &["P topic/a"]),
        (&["P topic/a if 10.0.0.0/8"], &["P topic/a"], &["P topic/a"]),
        (
            &["P topic/a if 10.0.0.0/8"],
            &["P topic/a if 0.0.0.0/0"],
            &[r#"P topic/a if {"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#],
        ),
        (&["P topic/a/*", "!P topic/a/b"], &["P topic/a/*"], &["P topic/a/b (no longer denied)"]),
        (&["P topic/a/*", "!P topic/*/b"], &["P topic/a/*"], &["P topic/*/b (no longer denied)"]),
        (
            &["P topic/a/*", "!P topic/a/b*"],
            &["P topic/a/*", "!P topic/a/b"],
            &["P topic/a/b* (no longer denied)"],
        ),
        (
            &["P topic/a", "!P topic/a"],
            &["P topic/a", "!P topic/a if 10.0.0.0/8"],
            &["P topic/a", "P topic/a (no longer denied)"],
        ),
        (&["J thing/a"], &["J thing/*"], &["J thing/*"]),
        (&[], &["L *"], &["L *"]),
        (&["client-id ana"], &["client-id *"], &["client-id *"]),
        (&["client-id ana/*"], &["client-id ana/1/2"], &["client-id ana/1/2"]),
        (&["client-id ana/1"], &["client-id ana/*"], &["client-id ana/*"]),
    ] {
        assert_eq!(gains(old, new), expected, "{old:?} to {new:?}");
    }
}

#[test]
fn patterns_overlap_or_do_not() {
    for (one, other, expected) in [
        ("a", "a", true),
        ("a*", "*b", true),
        ("a/*/c", "a/b/*", true),
        ("a?", "ab", true),
        ("*", "", true),
        ("a", "b", false),
        ("a*", "b*", false),
        ("a?", "a", false),
        ("*a", "*b", false),
        ("", "?", false),
    ] {
        assert_eq!(overlap(one, other), expected, "{one} {other}");
        assert_eq!(overlap(other, one), expected, "{other} {one}");
    }
}
