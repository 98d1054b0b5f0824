//! What a Region keeps for clients, and what of it the other Region has.

use std::time::Duration;

use serde_json::{Value, json};

use super::setup::{DEVICE, Regions, Side};
use crate::demo::DemoError;
use crate::demo::client::session::Access;
use crate::demo::client::{self, Client};
use crate::demo::output::Output;

const RETAINED: &str = "devices/sensor-1/status";
const INBOX: &str = "acme/users/ana/inbox";
const SHADOW: &str = "$aws/things/sensor-1/shadow";
/// A second client of the device.
const READER: &str = "sensor-1-reader";
/// The client with a session that outlives its connection.
const PHONE: &str = "ana/phone";
/// How long to wait for a message that may not arrive.
const SILENCE: Duration = Duration::from_millis(400);

/// Stores a session with a queued message, a retained message and a shadow in the Region that is used first.
///
/// # Errors
/// The gateway cannot be reached.
pub(super) async fn store(regions: &Regions, output: &mut Output) -> Result<(), DemoError> {
    output.section("clients leave something in eu-west-1, which their name leads to");
    let ports = regions.ports();
    let phone = Access::TokenOverWebSocket(regions.token());
    let mut is_subscribed = false;
    if let (Some(mut client), _) = Client::resume(ports.plain, PHONE, &phone).await {
        is_subscribed = client.subscribe(INBOX).await.is_allowed;
        client.disconnect().await;
    }
    let posted = client::post(ports.plain, INBOX, &regions.token()).await.map_err(DemoError::Gateway)?;
    let shown = if is_subscribed && posted.is_allowed {
        Ok("with a subscription, and a message of QoS 1 that is queued for it")
    } else {
        Err("not stored")
    };
    output.observation("session", PHONE, shown);
    let (device, outcome) = Client::resume(ports.mqtts, READER, &regions.device_access()).await;
    let Some(mut device) = device else {
        output.observation("connect", DEVICE, Err(&outcome.response));
        return Ok(());
    };
    let retained = device.publish_retained(RETAINED).await;
    let shown = if retained.is_allowed { Ok("stored") } else { Err(retained.response.as_str()) };
    output.observation("retained", RETAINED, shown);
    let (outcome, _) =
        ask(&mut device, "update", &json!({ "state": { "reported": { "temperature": 21 } } })).await;
    let shown = if outcome == "accepted" { Ok("version 1") } else { Err(outcome.as_str()) };
    output.observation("shadow", DEVICE, shown);
    device.disconnect().await;
    Ok(())
}

/// Shows what of it the other Region does not have.
pub(super) async fn compare(regions: &Regions, output: &mut Output) {
    output.section("what stayed in eu-west-1: the same name leads to ap-northeast-1 now");
    let ports = regions.ports();
    let phone = Access::TokenOverWebSocket(regions.token());
    let (client, outcome) = Client::resume(ports.plain, PHONE, &phone).await;
    let shown = match client {
        Some(mut client) => {
            let has_session = client.has_session;
            let is_delivered = client.receives_within(INBOX, SILENCE).await;
            client.disconnect().await;
            match (has_session, is_delivered) {
                (false, false) => {
                    Ok("session present 0: no subscription, and the queued message is not here")
                }
                _ => Err("the session is here"),
            }
        }
        None => Err(outcome.response.as_str()),
    };
    output.observation("session", PHONE, shown);
    let (device, outcome) = Client::resume(ports.mqtts, READER, &regions.device_access()).await;
    let Some(mut device) = device else {
        output.observation("connect", DEVICE, Err(&outcome.response));
        return;
    };
    let is_subscribed = device.subscribe(RETAINED).await.is_allowed;
    let is_delivered = device.receives_within(RETAINED, SILENCE).await;
    let shown = match (is_subscribed, is_delivered) {
        (true, false) => Ok("no message for a new subscription"),
        _ => Err("not subscribed, or the message is here"),
    };
    output.observation("retained", RETAINED, shown);
    let (outcome, answer) = ask(&mut device, "get", &json!({})).await;
    let code = answer.get("code").and_then(Value::as_u64);
    let message = answer.get("message").and_then(Value::as_str).unwrap_or_default();
    let text = format!("{outcome}: {message}");
    output.observation("shadow", DEVICE, if code == Some(404) { Ok(&text) } else { Err(&text) });
    device.disconnect().await;
}

/// Stores a retained message in a Region. Returns whether it is stored.
pub(super) async fn retain(regions: &Regions, side: Side) -> bool {
    let Some(mut device) = reader(regions, side).await else { return false };
    let is_stored = device.publish_retained(RETAINED).await.is_allowed;
    device.disconnect().await;
    is_stored
}

/// Returns whether a new subscription in a Region gets the retained message.
pub(super) async fn is_retained(regions: &Regions, side: Side) -> bool {
    let Some(mut device) = reader(regions, side).await else { return false };
    let is_delivered =
        device.subscribe(RETAINED).await.is_allowed && device.receives_within(RETAINED, SILENCE).await;
    device.disconnect().await;
    is_delivered
}

/// Returns whether a new client of the common name is connected.
pub(super) async fn connects(regions: &Regions) -> bool {
    let port = regions.ports().mqtts;
    Client::resume(port, READER, &regions.device_access()).await.0.is_some()
}

/// Connects to a Region itself, without the common name.
async fn reader(regions: &Regions, side: Side) -> Option<Client> {
    let port = regions.region(side).ports.mqtts;
    Client::resume(port, READER, &regions.device_access()).await.0
}

/// Sends a request about the shadow. Returns `accepted` or `rejected`, and the answer.
async fn ask(device: &mut Client, operation: &str, request: &Value) -> (String, Value) {
    let topic = format!("{SHADOW}/{operation}");
    for suffix in ["accepted", "rejected"] {
        device.subscribe(&format!("{topic}/{suffix}")).await;
    }
    let (outcome, answer) = device.ask(&topic, request).await;
    (outcome.response.split(' ').next().unwrap_or_default().to_owned(), answer)
}
