//! The front door with real MQTT clients and a real function process.

mod connects;
mod delivery;
mod ends;
mod http;
mod packets;
mod policy;
mod refresh;
mod rules;
mod sandboxes;
mod statements;
mod support;
