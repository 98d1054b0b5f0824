//! Keep-alive as on AWS IoT: it cannot be off, and it is limited. The broker waits 1.5 times as long.
//! <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits>

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use iot_local_policy::limits;
use rmqtt::codec::types::Publish;
use rmqtt::fitter::{DefaultFitter, Fitter, FitterManager};
use rmqtt::types::{ConnectInfo, Disconnect, FitterType, Id, ListenerConfig};

/// Sets AWS IoT's keep-alive time for each connection, and the broker's defaults for the rest.
pub(super) struct KeepAlive;

struct ClientFitter(DefaultFitter);

impl FitterManager for KeepAlive {
    fn create(&self, connect: Arc<ConnectInfo>, id: Id, listener: ListenerConfig) -> FitterType {
        Arc::new(ClientFitter(DefaultFitter::new(connect, id, listener)))
    }
}

/// Returns the keep-alive time for the one that a client requests, in seconds.
fn effective_keep_alive(requested: u16) -> u16 {
    let (min, max) = (*limits::KEEP_ALIVE_SECONDS.start(), *limits::KEEP_ALIVE_SECONDS.end());
    if requested == 0 { max } else { requested.clamp(min, max) }
}

impl Fitter for ClientFitter {
    /// Replaces the requested time by the effective one, and returns how long the broker waits; all in seconds.
    fn keep_alive(&self, keep_alive: &mut u16) -> rmqtt::Result<u16> {
        *keep_alive = effective_keep_alive(*keep_alive);
        Ok(keep_alive.saturating_add(*keep_alive >> 1))
    }

    fn max_mqueue_len(&self) -> usize {
        self.0.max_mqueue_len()
    }

    fn mqueue_rate_limit(&self) -> (NonZeroU32, Duration) {
        self.0.mqueue_rate_limit()
    }

    fn max_inflight(&self) -> NonZeroU16 {
        self.0.max_inflight()
    }

    fn session_expiry_interval(&self, disconnect: Option<&Disconnect>) -> Duration {
        self.0.session_expiry_interval(disconnect)
    }

    fn message_expiry_interval(&self, publish: &Publish) -> Duration {
        self.0.message_expiry_interval(publish)
    }

    fn max_client_topic_aliases(&self) -> u16 {
        self.0.max_client_topic_aliases()
    }

    fn max_server_topic_aliases(&self) -> u16 {
        self.0.max_server_topic_aliases()
    }
}

#[cfg(test)]
mod tests {
    use super::effective_keep_alive;

    #[test]
    fn keep_alive_is_never_off_or_out_of_range() {
        for (requested, expected) in
            [(0, 1200), (1, 30), (29, 30), (30, 30), (45, 45), (1200, 1200), (1201, 1200), (u16::MAX, 1200)]
        {
            assert_eq!(effective_keep_alive(requested), expected, "{requested}");
        }
    }
}
