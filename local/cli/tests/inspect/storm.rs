//! Output, exit codes and errors of `storm`.

use serde_json::{Value, json};

use super::run;

#[test]
fn arguments_that_contradict_or_are_outside_their_limits_are_errors() {
    for (line, expected) in [
        (&["--devices", "0"][..], "0 is not in 1..=10000000"),
        (&["--devices", "-1"], "unexpected argument '-1'"),
        (&["--spread", "inf"], "inf is outside 0 to 86400 seconds"),
        (&["--spread", "NaN"], "NaN is outside 0 to 86400 seconds"),
        (&["--spread", "soon"], "invalid number \"soon\""),
        (&["--failover=-1"], "-1 is outside 0 to 86400 seconds"),
        (
            &["--back-off-first", "5", "--back-off-max", "4"],
            "--back-off-max is 4 s, less than --back-off-first, 5 s",
        ),
        (&["--with", "password"], "invalid value 'password'"),
        (&["--keys", "http"], "invalid value 'http'"),
        (&["--memory", "64"], "64 is not in 128..=10240"),
        (&["--rehearse", "--failover", "9"], "cannot be used with"),
        (&["--rehearse", "--with", "certificate"], "--rehearse works with --with token alone"),
        (&["--devices", "1", "--plot", "no/such/folder/storm.svg"], "no/such/folder/storm.svg: No such file"),
    ] {
        let (code, text) = run(&[&["storm"], line].concat());
        assert!(code != 0 && text.contains(expected), "{line:?}: {code} {text}");
    }
}

#[test]
fn the_result_is_text_json_and_a_chart() {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("storm.svg");
    let fleet = [
        "storm",
        "--devices",
        "3000",
        "--spread",
        "1",
        "--connects-per-second",
        "500",
        "--back-off-max",
        "8",
    ];
    let (code, text) = run(&[&fleet[..], &["--plot", chart.to_str().unwrap()]].concat());
    assert_eq!(code, 0, "{text}");
    for part in [
        "3,000 devices with tokens, first attempts within 1 s, back-off 1 to 8 s",
        "limits: 500 connects a second, 1,000 sandboxes; a first call takes 280 ms, a warm one 2.43 ms",
        "all            connected after ",
        "above AWS IoT's connects (THROTTLED)",
        "sandboxes, 0 requests for keys",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let svg = std::fs::read_to_string(chart).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("3,000 devices with tokens"), "{svg}");
    let read = |seed: &str| -> Value {
        let (code, text) = run(&[&fleet[..], &["--json", "--seed", seed]].concat());
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let [first, again, other] = ["7", "7", "8"].map(read);
    assert_eq!(first, again, "the same seed has the same result");
    assert!(first["connectedAfter"] != other["connectedAfter"]);
    let failed: u64 = first["failed"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(first["attempts"].as_u64().unwrap(), 3_000 + failed);
    assert_eq!((&first["unconnected"], &first["real"]), (&json!(0), &Value::Null));
}

#[test]
fn a_fleet_that_is_never_connected_exits_with_1() {
    let (code, text) = run(&["storm", "--devices", "10", "--concurrency", "0", "--back-off-max", "3600"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("not connected within 86400 s") && text.contains("above Lambda's concurrency"),
        "{text}"
    );
}
