//! The gateway, with real MQTT clients and a real function process.

mod apis;
mod authorizers;
mod certificates;
mod connects;
mod delivery;
mod devices;
mod disconnects;
mod endpoints;
mod follow;
mod function_choice;
mod http;
mod packets;
mod pages;
mod policy;
mod presence;
mod publish;
mod refresh;
mod rejections;
mod rules;
mod sandboxes;
mod secure;
mod selection;
mod statements;
mod support;
mod tls;
mod x509;
