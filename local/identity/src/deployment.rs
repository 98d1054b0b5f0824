//! The authorizer's deployment on this machine: its configuration, its ARN, its state folder.

pub mod document;

/// The default ARN of the function. All resources have its Region and account.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:iot-jwt-authorizer";

/// The name of the state folder, which is next to the configuration.
pub const STATE: &str = ".iot-local";
