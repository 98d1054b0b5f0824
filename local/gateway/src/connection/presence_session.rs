//! What both presence events of a connection have.

use uuid::Uuid;

/// The connection of a client whose `connected` event is published.
pub(crate) struct PresenceSession {
    pub(crate) client_id: String,
    pub(crate) principal: String,
    pub(crate) session: Uuid,
    pub(crate) version: u64,
    pub(crate) thing: Option<String>,
}
