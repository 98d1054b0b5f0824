//! The Lambda functions that bring devices into AWS IoT: one program, whose handler says which of them it is.
//!
//! ```text
//! event ─(jitr | claim | hook | attach)─> request ─(control plane, expected devices)─> Registered
//!       ─(plan)─> Plan: steps and an end ─(engine, step by step)─> control plane
//! ```
//!
//! A plan is a value before it is a call. Every plan can run twice, and no certificate is ACTIVE before it has its
//! policy and its thing. Read the modules in this order: what is decided ([`plan`]), the four triggers, what they are
//! decided with, the configuration, then what is around.

pub mod plan;
pub mod denial;

pub mod jitr;
pub mod claim;
pub mod hook;
pub mod attach;

pub mod engine;
pub mod registered;
pub mod control;
pub mod expected;
pub mod certificate;
pub mod names;
pub mod pattern;

pub mod config;

pub mod function;
pub mod log;
