//! The classic flow, and guests.

use rumqttc::Packet;
use rumqttc::QoS;
use serde_json::{Value, json};

use super::support::{Identities, POOL, PROVIDER, apps, credentials, role};
use crate::support::post;

const APP: &str = "arn:aws:iam::123456789012:role/app";

/// Calls AssumeRoleWithWebIdentity. Returns the status and the XML.
async fn assume(gateway: &Identities, parameters: &[(&str, &str)]) -> (u16, String) {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let more: String = parameters.iter().map(|(name, value)| format!("&{name}={}", encode(value))).collect();
    let body = format!("Action=AssumeRoleWithWebIdentity&Version=2011-06-15{more}");
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let response = post(gateway.running.port, "/", headers, &body).await;
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap(), response.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// The content of an XML element.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {xml}"));
    rest.split_once(&format!("</{name}>")).unwrap().0
}

async fn open_id_token(gateway: &Identities, user: &str) -> (String, String) {
    let token = gateway.log_in(user).await;
    let id = gateway.identity_id(&token).await;
    let body = json!({ "IdentityId": id, "Logins": { PROVIDER: token } });
    let (status, answer) = gateway.call("GetOpenIdToken", &body).await;
    assert_eq!((status, answer["IdentityId"].as_str()), (200, Some(id.as_str())), "{answer}");
    (id, answer["Token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_classic_flow_gives_credentials_of_a_role_that_trusts_the_pool() {
    let all = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    let gateway = Identities::open_with(|_, pool| {
        pool.classic = true;
        pool.roles.insert("all".to_owned(), role("all", &all));
    })
    .await;
    let (id, token) = open_id_token(&gateway, "ana").await;
    let good = [("RoleArn", APP), ("RoleSessionName", "session-1"), ("WebIdentityToken", token.as_str())];
    let (status, xml) = assume(&gateway, &good).await;
    assert_eq!(status, 200, "{xml}");
    assert_eq!(element(&xml, "SubjectFromWebIdentityToken"), id);
    assert_eq!(element(&xml, "Audience"), POOL);
    assert_eq!(element(&xml, "Arn"), "arn:aws:sts::123456789012:assumed-role/app/session-1");
    assert!(element(&xml, "AssumedRoleId").ends_with(":session-1"));
    let text = |name: &str| json!(element(&xml, name));
    let body = json!({
        "AccessKeyId": text("AccessKeyId"), "SecretAccessKey": text("SecretAccessKey"), "SessionToken": text("SessionToken"),
    });
    // The policies of the identity count as in the enhanced flow.
    let issued = credentials(&body, "SecretAccessKey");
    gateway.api().create_policy("app", &apps()).await;
    assert!(gateway.connect(&id, &issued).await.is_err());
    gateway.attach("app", &id).await;
    let mut client = gateway.connect(&id, &issued).await.unwrap();
    client.mqtt.publish(format!("apps/{id}/t"), QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));

    let id_token = gateway.log_in("ana").await;
    let changed = |name: &str, value: &str| {
        let mut changed = good.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        changed.retain(|(known, _)| known != name);
        changed.push((name.to_owned(), value.to_owned()));
        changed
    };
    for (parameters, status, code, message) in [
        (changed("DurationSeconds", "899"), 400, "ValidationError", "between 900 and 43200"),
        (changed("DurationSeconds", "43201"), 400, "ValidationError", "between 900 and 43200"),
        (changed("DurationSeconds", "an hour"), 400, "ValidationError", "between 900 and 43200"),
        (changed("RoleSessionName", "a"), 400, "ValidationError", "RoleSessionName"),
        (changed("RoleSessionName", "a b"), 400, "ValidationError", "RoleSessionName"),
        (changed("WebIdentityToken", ""), 400, "ValidationError", "WebIdentityToken is missing"),
        (changed("WebIdentityToken", &id_token), 400, "InvalidIdentityToken", "not a valid JWT"),
        (changed("WebIdentityToken", &format!("{token}x")), 400, "InvalidIdentityToken", "not a valid JWT"),
        (changed("RoleArn", "arn:aws:iam::123456789012:role/other"), 403, "AccessDenied", "Not authorized"),
        (changed("RoleArn", "arn:aws:iam::999999999999:role/app"), 403, "AccessDenied", "Not authorized"),
        (changed("RoleArn", "app"), 403, "AccessDenied", "Not authorized"),
        (changed("Policy", "{}"), 501, "NotImplemented", "Policy is not implemented"),
    ] {
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (found, xml) = assume(&gateway, &parameters).await;
        assert_eq!((found, element(&xml, "Code")), (status, code), "{xml}");
        assert!(element(&xml, "Message").contains(message), "{xml}");
        assert!(!xml.contains(&token), "{xml}");
    }
    let duration: Vec<_> = changed("DurationSeconds", "900");
    let duration: Vec<_> = duration.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(assume(&gateway, &duration).await.0, 200);
    // Any role that trusts the pool.
    let all = changed("RoleArn", "arn:aws:iam::123456789012:role/all");
    let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(assume(&gateway, &all).await.0, 200);
}

#[tokio::test]
async fn the_classic_flow_is_off_by_default() {
    let gateway = Identities::open().await;
    let token = gateway.log_in("ana").await;
    let id = gateway.identity_id(&token).await;
    let body = json!({ "IdentityId": id, "Logins": { PROVIDER: token } });
    let (status, answer) = gateway.call("GetOpenIdToken", &body).await;
    assert_eq!((status, answer["__type"].as_str()), (400, Some("InvalidParameterException")));
    assert!(answer["message"].as_str().unwrap().contains("classic"), "{answer}");
    let parameters = [("RoleArn", APP), ("RoleSessionName", "session"), ("WebIdentityToken", token.as_str())];
    let (status, xml) = assume(&gateway, &parameters).await;
    assert_eq!((status, element(&xml, "Code")), (403, "AccessDenied"), "{xml}");
}

/// A guest has the rights of the role alone; an identity with a login needs the login.
#[tokio::test]
async fn a_guest_connects_by_the_role_alone() {
    let guest = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "ARN:client/guest-*" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": "ARN:topic/guests" },
    ]);
    let gateway = Identities::open_with(|_, pool| {
        pool.guests = true;
        pool.roles.insert("app".to_owned(), role("app", &guest));
    })
    .await;
    let (status, answer) = gateway.call("GetId", &json!({ "IdentityPoolId": POOL })).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["IdentityId"].as_str().unwrap().to_owned();
    let (_, other) = gateway.call("GetId", &json!({ "IdentityPoolId": POOL })).await;
    assert_ne!(other["IdentityId"], answer["IdentityId"]);
    let (status, answer) = gateway.call("GetCredentialsForIdentity", &json!({ "IdentityId": id })).await;
    assert_eq!(status, 200, "{}", answer["message"]);
    let issued = credentials(&answer["Credentials"], "SecretKey");
    let mut client = gateway.connect("guest-1", &issued).await.unwrap();
    client.mqtt.publish("guests", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));
    client.mqtt.publish("apps/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(client.next().await.is_err());
    assert!(gateway.connect("other", &issued).await.is_err());
    // The identity of a login, without the login.
    let token = gateway.log_in("ana").await;
    let person = gateway.identity_id(&token).await;
    for id in [person.as_str(), POOL, "us-east-1:00000000-0000-4000-8000-00000000000b"] {
        let (status, answer) = gateway.call("GetCredentialsForIdentity", &json!({ "IdentityId": id })).await;
        assert_eq!((status, &answer["__type"]), (400, &Value::from("NotAuthorizedException")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("is forbidden"), "{answer}");
    }
}
