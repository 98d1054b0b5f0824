//! Example commands of well-known clients, each with a new token that the configuration allows.
//!
//! The authorizer is called with the token, since only its policy says which topics are allowed.

use std::time::{Duration, SystemTime};

use iot_local_gateway::auth::custom::CustomAuthorizer;
use iot_local_gateway::preview::{Examples, PreviewRequest};
use iot_local_identity::example_users::ExampleUser;
use iot_local_identity::issuer::{DevelopmentIssuer, TokenRequest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The lifetime of the token, unless the configuration accepts only less.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// Returns the commands of an example user and their heading, or `None` if the user is denied or has no topic.
pub(super) async fn commands(
    user: &ExampleUser,
    issuer: &DevelopmentIssuer,
    authorizer: &CustomAuthorizer,
    port: u16,
    now: SystemTime,
) -> Option<String> {
    let (settings, client_id) = (issuer.settings(), &*user.client_id);
    let ttl = settings.max_lifetime.map_or(TOKEN_LIFETIME, |max| max.min(TOKEN_LIFETIME));
    let request = TokenRequest { sub: user.sub.clone(), claims: user.claims.clone(), ttl, at: now };
    let token = issuer.mint(&request).ok()?;
    // The commands do not name an authorizer, either.
    let request = PreviewRequest { token: &token, client_id, names_authorizer: false, is_logged: false };
    let granted = request.call(authorizer).await.outcome.ok()?;
    let examples = Examples::find(&granted.documents, &granted.policy, client_id);
    let (topic, filter) = (examples.publish.0?, examples.subscribe.0?);
    if ![&topic, &filter, client_id].into_iter().all(is_quotable) {
        return None;
    }
    let commands = format_commands(client_id, &token, &topic, &filter, port);
    Some(format!("Copy-paste examples (tokens valid for {}):\n\n{commands}", format_duration(ttl)))
}

fn format_duration(duration: Duration) -> String {
    match duration.as_secs() {
        3600 => "1 hour".to_owned(),
        seconds if seconds > 60 && seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

/// Whether a text needs no escape inside quotes of a language that are inside quotes of a shell.
fn is_quotable(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "/#+-_.:@=".contains(c))
}

fn format_commands(client_id: &str, token: &str, topic: &str, filter: &str, port: u16) -> String {
    let encoded = utf8_percent_encode(topic, NON_ALPHANUMERIC);
    format!(
        "\
# mqtt.js (npm install mqtt)
node -e \"const c = require('mqtt').connect('ws://127.0.0.1:{port}/mqtt', {{ clientId: '{client_id}', username: '{client_id}', \
password: '{token}', reconnectPeriod: 0 }}); c.on('message', (topic, message) => {{ console.log(topic, String(message)); \
c.end() }}); c.on('error', error => console.error(error.message)); c.on('connect', () => c.subscribe('{filter}', () => \
c.publish('{topic}', 'hello')))\"

# paho (pip install paho-mqtt)
python3 -c \"from paho.mqtt.publish import single; single('{topic}', 'hello', qos=1, hostname='127.0.0.1', port={port}, \
client_id='{client_id}', auth={{'username': '{client_id}', 'password': '{token}'}}, transport='websockets')\"

# curl
curl -d hello -H 'Authorization: Bearer {token}' 'http://127.0.0.1:{port}/topics/{encoded}?qos=1'
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_special_characters_are_not_quotable() {
        assert!(is_quotable("acme/users/ana@example.com/#"));
        for text in ["a'b", "a\"b", "a b", "$(a)", "`a`", "a\\b", "a\nb", "a;b", "a|b", "ä"] {
            assert!(!is_quotable(text), "{text}");
        }
    }

    #[test]
    fn the_heading_has_the_lifetime() {
        for (seconds, expected) in
            [(3600, "1 hour"), (900, "15 minutes"), (90, "90 seconds"), (60, "60 seconds")]
        {
            assert_eq!(format_duration(Duration::from_secs(seconds)), expected);
        }
    }
}
