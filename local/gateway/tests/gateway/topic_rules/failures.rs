//! Failures: retries, error actions, loops.

use super::*;

/// The message of an error action, without its trace id.
fn without_trace(mut message: Value) -> Value {
    let trace = message.as_object_mut().unwrap().remove("cloudwatchTraceId").unwrap();
    assert_eq!(trace.as_str().unwrap().len(), 36);
    message
}

#[tokio::test]
async fn a_function_is_invoked_again_twice_and_then_the_error_action_runs() {
    let rules = Rules::open().await;
    let mut subscriber = rules.subscriber().await;
    let mut sender = rules.client("sender").await;
    let payload = json!({
        "sql": "SELECT * FROM 'in'", "actions": [lambda("collect")], "errorAction": republish("out/error"),
    });
    rules.create("r", &payload).await;
    let failed = "the function failed: RuntimeError: failing as asked";
    for (body, attempts, error) in [
        (json!({ "name": "a", "failures": 0 }), 1, None),
        (json!({ "name": "b", "failures": 1 }), 2, None),
        (json!({ "name": "c", "failures": 2 }), 3, None),
        (json!({ "name": "d", "failures": 3 }), 3, Some(failed)),
        (json!({ "name": "e", "failures": 99 }), 3, Some(failed)),
        (json!({ "name": "f", "exit": true }), 3, Some("the function's process ended during the invocation")),
    ] {
        let mut event_log = rules.gateway.event_log.subscribe();
        sender.send("in", body.to_string()).await;
        let mut outcomes = vec![entry_of(&mut event_log, "r").await.1];
        while outcomes.last().unwrap().as_ref().is_err_and(|error| error.contains("invoked again in")) {
            outcomes.push(entry_of(&mut event_log, "r").await.1);
        }
        let failures = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        let expected = if error.is_some() { attempts } else { attempts - 1 };
        assert_eq!((outcomes.len(), failures), (attempts, expected), "{body}");
        let Some(error) = error else { continue };
        let (topic, message) = subscriber.message().await;
        let text = message["failures"][0]["errorMessage"].as_str().unwrap().to_owned();
        assert!(text.starts_with(error), "{text}");
        let expected = json!({
            "ruleName": "r", "topic": "in", "clientId": "sender",
            "base64OriginalPayload": STANDARD.encode(body.to_string()),
            "failures": [{
                "failedAction": "LambdaAction", "failedResource": format!("{FUNCTION}collect"), "errorMessage": text,
            }],
        });
        assert_eq!((topic.as_str(), without_trace(message)), ("out/error", expected));
        assert_eq!(entry_of(&mut event_log, "r").await.0, "error action republish out/error");
    }
    // The attempts as the function has seen them.
    let (entries, _) = rules.gateway.event_log.since(0);
    let of = |name: &str| {
        let is_of = |entry: &&LogEntry| match &entry.kind {
            EntryKind::Function(line) => line.text.contains(&format!("\"name\": \"{name}\"")),
            _ => false,
        };
        entries.iter().filter(is_of).count()
    };
    assert_eq!(["a", "b", "c", "d", "e"].map(of), [1, 2, 3, 3, 3]);
}

#[tokio::test]
async fn all_failures_of_a_message_are_one_error_message() {
    let rules = Rules::open().await;
    let mut subscriber = rules.subscriber().await;
    let mut sender = rules.client("sender").await;
    let mut event_log = rules.gateway.event_log.subscribe();
    let unknown =
        format!("no function runs for {FUNCTION}nothing; help: start with --lambda nothing=COMMAND");
    let payload = json!({
        "sql": "SELECT * FROM 'in/+'",
        "actions": [republish("out/${missing}"), lambda("nothing"), republish("out/ok"), lambda("collect")],
        "errorAction": lambda("collect"),
    });
    rules.create("r", &payload).await;
    sender.send("in/x", "{\"name\":\"first\"}").await;
    let mut events = [invocation(&mut event_log).await, invocation(&mut event_log).await];
    events.sort_by_key(|event| event["event"].get("failures").is_some());
    assert_eq!(events[0]["event"], json!({ "name": "first" }));
    let message = without_trace(events[1]["event"].clone());
    let failures = message["failures"].as_array().unwrap();
    assert_eq!((failures.len(), &message["topic"]), (2, &json!("in/x")));
    assert_eq!(failures[0]["failedAction"], "RepublishAction");
    assert_eq!(failures[0]["failedResource"], "out/${missing}");
    assert_eq!(failures[0]["errorMessage"], "${missing} is undefined");
    assert_eq!(failures[1]["failedAction"], "LambdaAction");
    assert!(failures[1]["errorMessage"].as_str().unwrap().starts_with(&unknown), "{message}");
    assert!(subscriber.until_fence(&mut sender).await.contains_key("out/ok"));
}

/// The statement, the actions, the error action, a payload, and the outcomes in the event log.
type Row<'a> = (&'a str, Value, Option<Value>, &'a str, &'a [(&'a str, &'a str)]);

#[tokio::test]
async fn each_failure_has_an_entry_that_names_it() {
    let rules = Rules::open().await;
    let mut sender = rules.client("sender").await;
    let foreign = |arn: &str| json!({ "lambda": { "functionArn": arn } });
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    let table: [Row<'_>; 11] = [
        ("SELECT x FROM 'in'", republish("out/x"), None, "no JSON", &[("sql", "the payload is not JSON")]),
        (
            "SELECT x FROM 'in'",
            republish("out/x"),
            Some(republish("out/error")),
            "no JSON",
            &[("sql", "the payload is not JSON"), ("error action republish out/error", "")],
        ),
        ("SELECT * FROM 'in'", lambda("collect"), None, "no JSON", &[("lambda", "functions take only JSON")]),
        ("SELECT * FROM 'in'", lambda("nothing"), None, "{}", &[("lambda", "--lambda nothing=COMMAND")]),
        (
            "SELECT * FROM 'in'",
            foreign("arn:aws:lambda:eu-west-1:123456789012:function:collect"),
            None,
            "{}",
            &[("lambda", "no function runs for arn:aws:lambda:eu-west-1:")],
        ),
        (
            "SELECT * FROM 'in'",
            foreign("arn:aws:lambda:us-east-1:999999999999:function:collect"),
            None,
            "{}",
            &[("lambda", "no function runs for arn:aws:lambda:us-east-1:999999999999:")],
        ),
        (
            "SELECT * FROM 'in'",
            lambda("nothing"),
            Some(lambda("neither")),
            "{}",
            &[("lambda", "--lambda nothing="), ("error action lambda", "--lambda neither=")],
        ),
        (
            "SELECT * FROM 'in'",
            lambda("nothing"),
            Some(republish("out/${missing}")),
            "{}",
            &[("lambda", "--lambda nothing="), ("error action republish out/${missing}", "is undefined")],
        ),
        (
            "SELECT *, x AS y FROM 'in'",
            republish("out/x"),
            None,
            &large,
            &[("republish out/x", "larger than 128 KiB")],
        ),
        (
            "SELECT *, x AS y FROM 'in'",
            republish("out/x"),
            Some(republish("out/error")),
            &large,
            &[("republish out/x", "larger than 128 KiB"), ("error action republish", "larger than 128 KiB")],
        ),
        (
            "SELECT * FROM 'in'",
            republish("$$aws/events/forged"),
            None,
            "{}",
            &[("republish $$aws/events/forged", "only AWS IoT publishes to $aws/events/")],
        ),
    ];
    for (i, (sql, action, error_action, payload, expected)) in table.into_iter().enumerate() {
        let name = format!("r{i}");
        let mut rule = json!({ "sql": sql, "actions": [action] });
        if let Some(action) = error_action {
            rule["errorAction"] = action;
        }
        rules.create(&name, &rule).await;
        let mut event_log = rules.gateway.event_log.subscribe();
        sender.send("in", payload).await;
        for (action, text) in expected {
            let (found, outcome) = entry_of(&mut event_log, &name).await;
            assert!(found.starts_with(action), "{sql}: {found}");
            let outcome = outcome.err().unwrap_or_default();
            assert!(outcome.contains(text) && text.is_empty() == outcome.is_empty(), "{sql}: {outcome}");
        }
        rules.api.call(&format!("DELETE /rules/{name}"), "", &Value::Null).await;
    }
    // Entries have no payload, not even of what failed.
    let (entries, _) = rules.gateway.event_log.since(0);
    let texts = entries.iter().map(|entry| entry.to_json().to_string());
    assert!(!texts.into_iter().any(|text| text.contains("no JSON") || text.contains("xxxxxx")));
}

#[tokio::test]
async fn a_loop_ends() {
    let rules = Rules::open().await;
    let mut subscriber = rules.subscriber().await;
    let mut sender = rules.client("sender").await;
    let mut event_log = rules.gateway.event_log.subscribe();
    let payload = json!({
        "sql": "SELECT * FROM 'out/loop'", "actions": [republish("out/loop")], "errorAction": republish("out/loop"),
    });
    rules.create("r", &payload).await;
    sender.send("out/loop", "{}").await;
    let found = [(); 4].map(|()| "r");
    let mut outcomes = Vec::new();
    for name in found {
        outcomes.push(entry_of(&mut event_log, name).await);
    }
    let is_loop =
        |outcome: &Result<(), String>| outcome.as_ref().is_err_and(|error| error.contains("in a row"));
    let summary: Vec<_> =
        outcomes.iter().map(|(action, outcome)| (action.as_str(), is_loop(outcome))).collect();
    let (action, error) = ("republish out/loop", "error action republish out/loop");
    assert_eq!(summary, [(action, false), (action, false), (action, true), (error, true)]);
    let received = subscriber.until_fence(&mut sender).await;
    assert_eq!(received["out/loop"].len(), 3);
    assert_eq!(count(&mut event_log, |kind| matches!(kind, EntryKind::Rule { rule, .. } if rule == "r")), 0);
    assert!(rules.gateway.event_log.since(0).0.len() < 100);
}
