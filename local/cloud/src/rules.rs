//! Topic rules: their SQL, and what they do with a message. No I/O, no clock.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html>

pub mod sql;

mod action;
mod error_message;
mod rule;
mod topic;

pub use action::{Action, InvalidAction};
pub use error_message::{ActionFailure, error_message};
pub use rule::{InvalidRule, Payload, Rule, RuleMessage, Selected};
pub use topic::{InvalidTopic, TopicTemplate};
