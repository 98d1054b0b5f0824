//! The control plane as the functions need it: four questions, and the steps of a plan. [`aws`] is the only file that
//! talks to AWS.

pub mod aws;
pub mod backoff;
pub mod call;
pub mod reply;
pub mod settings;

use std::fmt;

use crate::expected::DeviceRecord;
use crate::plan::Step;
use crate::registered::{Certificate, Thing};

/// The control plane of an account: AWS IoT, and the tables of expected devices.
pub trait ControlPlane {
    /// A certificate, if it exists.
    fn certificate(&self, id: &str) -> impl Future<Output = Result<Option<Certificate>, CallError>>;

    /// A thing without its principals, if it exists.
    fn thing(&self, name: &str) -> impl Future<Output = Result<Option<Thing>, CallError>>;

    /// The principals of a thing. A missing thing has none.
    fn principals(&self, thing: &str) -> impl Future<Output = Result<Vec<String>, CallError>>;

    /// The row of a device, if the table has one. It is as the last write left it.
    fn device(
        &self,
        table: &str,
        device: &str,
    ) -> impl Future<Output = Result<Option<DeviceRecord>, CallError>>;

    /// Makes one call that changes something.
    fn run(&self, step: &Step) -> impl Future<Output = Result<StepResult, CallError>>;
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepResult {
    /// It is done, now or before.
    Done,
    /// A certificate with this id was made.
    Made(String),
    /// What is registered has changed since the plan was made.
    Conflict,
    /// AWS IoT does not accept the certification request.
    Rejected,
}

/// A call that failed, after its retries. Lambda is to try the event again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// AWS's name of the operation, as `CreateThing`.
    pub operation: &'static str,
    /// Why, with AWS's name of the error.
    pub what: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} failed: {}", self.operation, self.what)
    }
}

impl std::error::Error for CallError {}
