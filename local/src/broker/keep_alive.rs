//! Keep-alive as AWS IoT takes it: never off, never very short or long. The broker's patience is half as long again.
//! <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits>

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use rmqtt::codec::types::Publish;
use rmqtt::fitter::{DefaultFitter, Fitter, FitterManager};
use rmqtt::types::{ConnectInfo, Disconnect, FitterType, Id, ListenerConfig};

use crate::limits;

/// Gives every connection the keep-alive time that AWS IoT would give it, and the broker's own rules for the rest.
pub(super) struct KeepAlive;

struct Rules(DefaultFitter);

impl FitterManager for KeepAlive {
    fn create(&self, connect: Arc<ConnectInfo>, id: Id, listener: ListenerConfig) -> FitterType {
        Arc::new(Rules(DefaultFitter::new(connect, id, listener)))
    }
}

/// The time that a client gets for the one that it asks for, in seconds.
fn granted(asked: u16) -> u16 {
    let (least, most) = (*limits::KEEP_ALIVE.start(), *limits::KEEP_ALIVE.end());
    if asked == 0 { most } else { asked.clamp(least, most) }
}

impl Fitter for Rules {
    /// Leaves the time for the client in `asked`, and returns how long the broker waits.
    fn keep_alive(&self, asked: &mut u16) -> rmqtt::Result<u16> {
        *asked = granted(*asked);
        Ok(asked.saturating_add(*asked >> 1))
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
    use super::granted;

    #[test]
    fn a_keep_alive_is_never_off_nor_out_of_range() {
        for (asked, expected) in
            [(0, 1200), (1, 30), (29, 30), (30, 30), (45, 45), (1200, 1200), (1201, 1200), (u16::MAX, 1200)]
        {
            assert_eq!(granted(asked), expected, "{asked}");
        }
    }
}
