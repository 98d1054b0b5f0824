//! The front door with real MQTT clients and a real function process.

mod ends;
mod function_choice;
mod http;
mod pages;
mod policy;
mod sandboxes;
mod secure;
mod selection;
mod support;
mod tls;
