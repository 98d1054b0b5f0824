//! The front door with real MQTT clients and a real function process.

mod ends;
mod http;
mod packets;
mod policy;
mod rules;
mod sandboxes;
mod support;
