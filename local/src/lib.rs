//! The AWS IoT Core front door on one's own machine.

pub mod answer;
pub mod policy;
