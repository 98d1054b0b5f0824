//! The AWS IoT Core front door on one's own machine, for trying an authorizer with real clients. Never shipped.

pub mod answer;
pub mod broker;
pub mod certificate;
pub mod clock;
pub mod connection;
pub mod demo;
pub mod env_file;
pub mod event;
pub mod front;
pub mod function;
pub mod gate;
pub mod invoke;
pub mod issuer;
pub mod journal;
pub mod lambda;
pub mod launch;
pub mod limits;
pub mod oidc;
pub mod people;
pub mod policy;
pub mod rights;
pub mod selection;
pub mod serve;
pub mod tls;
pub mod token;
pub mod workspace;
