//! A storm: all devices of a fleet connect at once, and AWS's limits decide how long that takes. Nothing here reads a
//! clock, opens a socket or knows the authorizer; a storm with the same seed has the same result.
//!
//! ```text
//! Storm ─(device: first delay, back-off)─> attempt
//!       ─(region: connects, function, registrations)─> End ─> Outcome ─> chart
//! ```

mod settings;
mod time;

mod device;
mod function;
mod region;

mod outcome;
mod simulation;

mod chart;

pub use chart::chart;
pub use device::Device;
pub use outcome::{Counts, Outcome, Second, time_of};
pub use settings::{BackOff, FunctionLimits, KeyServer, Outage, Overflow, RegionLimits, Storm, Way};
pub use simulation::simulate;
