//! The front door with real MQTT clients and a real function process.

mod ends;
mod http;
mod pages;
mod policy;
mod sandboxes;
mod support;
