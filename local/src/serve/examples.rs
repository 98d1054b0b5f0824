//! What to paste: commands of well-known clients, each with a fresh token that this configuration lets in.
//!
//! Which topics those may use only the authorizer knows, so it is asked, as it would be for a client.

use std::time::{Duration, SystemTime};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::issuer::{Issuer, TokenRequest};
use crate::people;
use crate::rights::{Asked, Examples};

const LIFE: Duration = Duration::from_secs(3600);

/// The commands, or none if the configuration asks for more than can be guessed.
pub(super) async fn paste(
    config: &str,
    issuer: &Issuer,
    asked: Asked<'_>,
    port: u16,
    now: SystemTime,
) -> Option<String> {
    let settings = issuer.settings();
    let ttl = settings.max_lifetime.map_or(LIFE, |longest| longest.min(LIFE));
    let person = people::people(config, &settings.id).into_iter().next()?;
    let request = TokenRequest { sub: person.sub.clone(), claims: person.claims, ttl, at: now };
    let token = issuer.mint(&request).ok()?;
    let (answer, granted) = asked.connect(&token, &person.sub, None).await.outcome.ok()?;
    let examples = Examples::of(&answer, &granted.policy, &person.sub);
    let (topic, filter) = (examples.publish.0?, examples.subscribe.0?);
    let safe = [&topic, &filter, &person.sub].into_iter().all(|text| is_plain(text));
    safe.then(|| commands(&person.sub, &token, &topic, &filter, port))
}

/// Whether a text may go between quotes of a shell inside quotes of a language.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "/#+-_.:@=".contains(c))
}

fn commands(subject: &str, token: &str, topic: &str, filter: &str, port: u16) -> String {
    let encoded = utf8_percent_encode(topic, NON_ALPHANUMERIC);
    format!(
        "\
# mqtt.js (npm install mqtt)
node -e \"const c = require('mqtt').connect('ws://127.0.0.1:{port}/mqtt', {{ clientId: '{subject}', username: '{subject}', \
password: '{token}', reconnectPeriod: 0 }}); c.on('message', (topic, message) => {{ console.log(topic, String(message)); \
c.end() }}); c.on('error', error => console.error(error.message)); c.on('connect', () => c.subscribe('{filter}', () => \
c.publish('{topic}', 'hello')))\"

# paho (pip install paho-mqtt)
python3 -c \"from paho.mqtt.publish import single; single('{topic}', 'hello', qos=1, hostname='127.0.0.1', port={port}, \
client_id='{subject}', auth={{'username': '{subject}', 'password': '{token}'}}, transport='websockets')\"

# curl
curl -d hello -H 'Authorization: Bearer {token}' 'http://127.0.0.1:{port}/topics/{encoded}?qos=1'
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_shell_would_read_is_pasted() {
        assert!(is_plain("acme/users/ana@example.com/#"));
        for text in ["a'b", "a\"b", "a b", "$(a)", "`a`", "a\\b", "a\nb", "a;b", "a|b", "ä"] {
            assert!(!is_plain(text), "{text}");
        }
    }
}
