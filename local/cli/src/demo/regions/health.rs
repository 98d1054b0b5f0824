//! The health check of a Region: an MQTT round trip, as in AWS's solution "Disaster Recovery for AWS IoT". A check of
//! the port alone would find a gateway healthy whose authorizer or broker hangs.

use std::time::Duration;

use crate::demo::client::{Client, TokenPlace};

/// How long a round trip may take. A gateway that hangs has failed the check then.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The client of the check, who has a token. Not `Debug`: it holds the token.
pub(super) struct Probe {
    pub(super) client_id: String,
    pub(super) token: String,
    /// A topic of the client.
    pub(super) topic: String,
}

impl Probe {
    /// Connects, subscribes, publishes and receives in time. Returns whether all of it succeeded.
    pub(super) async fn check(&self, port: u16) -> bool {
        tokio::time::timeout(TIMEOUT, self.round_trip(port)).await.unwrap_or(false)
    }

    async fn round_trip(&self, port: u16) -> bool {
        let (client, _) = Client::connect(port, &self.client_id, &self.token, TokenPlace::Password).await;
        let Some(mut client) = client else { return false };
        let is_success = client.subscribe(&self.topic).await.is_allowed
            && client.publish(&self.topic).await.is_allowed
            && client.receive(&self.topic).await.is_allowed;
        client.disconnect().await;
        is_success
    }
}
