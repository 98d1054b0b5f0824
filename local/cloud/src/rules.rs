//! Topic rules: their SQL, and what they do with a message. No I/O, no clock.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html>

pub mod sql;
