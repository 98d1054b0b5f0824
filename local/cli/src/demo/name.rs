//! The names of the demos.

use clap::ValueEnum;

/// A demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoName {
    /// Clients with tokens, which the authorizer decides on
    Jwt,
    /// Devices with certificates that are registered before delivery
    Kitting,
    /// Devices that share a credential, and ask for certificates of their own
    Bootstrap,
    /// Devices that a function registers when they first connect
    Jitr,
    /// Devices that a template provisions when they first connect
    Jitp,
    /// Devices that get their certificates by a claim, and by a trusted user
    Fleet,
    /// People with Cognito identities, whose requests are signed
    Cognito,
    /// Clients of two Regions behind one name, of which one is killed
    Regions,
    /// All of them
    All,
}
