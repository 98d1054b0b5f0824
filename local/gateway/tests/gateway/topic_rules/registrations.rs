//! Just-in-time registration: the event of a first connect reaches the function of the rule for its CA, and no other.

use super::*;
use crate::devices::{Connect, PKI};
use crate::first_connect::register_ca;
use crate::secure;

#[tokio::test]
async fn a_function_gets_the_first_connects_of_its_ca() {
    let gateway = secure::open_changed(|options| options.functions = vec![rule_function("collect")]).await;
    let api = Api { port: gateway.running.port };
    let ca = register_ca(&api, false).await;
    let mut event_log = gateway.running.event_log.subscribe();
    let own = format!("'$aws/events/certificates/registered/{ca}'");
    let other = format!("'$aws/events/certificates/registered/{}'", "0".repeat(64));
    for (name, from) in [
        ("own", format!("{own} WHERE certificateStatus = 'PENDING_ACTIVATION'")),
        ("other", other),
        ("active", format!("{own} WHERE certificateStatus = 'ACTIVE'")),
        ("foreign", format!("{own} WHERE awsAccountId <> '123456789012'")),
        ("client", format!("{own} WHERE clientid() <> 'n/a'")),
        ("all", "'#'".to_owned()),
    ] {
        let sql = format!("SELECT certificateId, caCertificateId, '{name}' AS name FROM {from}");
        let rule = json!({ "sql": sql, "actions": [lambda("collect")] });
        api.call(&format!("POST /rules/{name}"), "", &rule).await;
    }
    let device = PKI.fresh("jitr-rule");
    let connect = Connect::new(gateway.mqtts_port, &device);
    for _ in 0..2 {
        assert_eq!(gateway.connect_device(&connect, "jitr-rule", 4).await, "closed");
        let event = invocation(&mut event_log).await;
        let expected = json!({ "certificateId": device.id(), "caCertificateId": ca, "name": "own" });
        assert_eq!(event["event"], expected);
    }
    assert!(gateway.running.end().await);
    assert_eq!(
        count(&mut event_log, |kind| is_invocation(kind)
            || matches!(kind, EntryKind::Rule { rule, .. } if rule != "own")),
        0
    );
}
