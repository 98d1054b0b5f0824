//! Patterns that are wider, narrower, or neither.

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

fn permission(text: &str) -> Permission {
    let (permission, condition) =
        text.split_once(" if ").map_or((text, None), |(permission, ip)| (permission, Some(ip)));
    let (action, resource) = permission.split_once(' ').unwrap();
    let condition = condition.map(|ip| json!({ "IpAddress": { "aws:SourceIp": ip } }));
    Permission { action: action.to_owned(), resource: resource.to_owned(), condition }
}

fn gains(old: &[&str], new: &[&str]) -> Vec<String> {
    let arn: Arn = ARN.parse().unwrap();
    let granted = |permissions: &[&str]| {
        let (denies, allows): (Vec<&str>, Vec<&str>) =
            permissions.iter().partition(|permission| permission.starts_with('!'));
        GrantedPermissions {
            allows: allows.into_iter().map(permission).collect(),
            denies: denies.into_iter().map(|deny| permission(deny.trim_start_matches('!'))).collect(),
            arn: &arn,
        }
    };
    granted(new).missing_in(&granted(old), "no longer denied")
}

#[test]
fn a_permission_that_is_not_covered_is_gained() {
    let none: &[&str] = &[];
    for (old, new, expected) in [
        // Covered.
        (&["P topic/a"][..], &["P topic/a"][..], none),
        (&["P topic/a/*"], &["P topic/a/b"], none),
        (&["P topic/a/*"], &["P topic/a/b*"], none),
        (&["P topic/a/*"], &["P topic/a/*/c"], none),
        (&["P topic/*"], &["P topic/?*"], none),
        (&["P topic/?*"], &["P topic/*"], none),
        (&["P topic/a", "P topic/a?*"], &["P topic/a*"], none),
        (&["P topic/a?c"], &["P topic/a?c", "P topic/abc"], none),
        (&["P topic/${iot:ClientId}/*"], &["P topic/${iot:ClientId}/a"], none),
        (&["P topic/a"], &["P topic/a if 10.0.0.0/8"], none),
        (&["P topic/a/*"], &["P topic/a/*", "!P topic/a/b"], none),
        (&["P topic/a", "!P topic/b"], &["P topic/a"], none),
        (&["P topic/a", "!P topic/a"], &["P topic/a", "!P topic/*"], none),
        (&["P topic/a"], &["P topic/a", "P topic/b", "!P topic/b"], none),
        (&["J thing/*"], &["J thing/a"], none),
        (&["L *"], &["L *"], none),
        (&["client-id ana/*"], &["client-id ana/1", "client-id ana/*"], none),
        (&["P topic/a"], &[], none),
        // Gained.
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
fn patterns_overlap_if_a_text_matches_both() {
    for (left, right, expected) in [
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
        assert_eq!(overlap(left, right), expected, "{left} {right}");
        assert_eq!(overlap(right, left), expected, "{right} {left}");
    }
}
