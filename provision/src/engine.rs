//! Carries plans out, step by step, and plans again when what is registered has changed meanwhile.

use crate::control::{CallError, ControlPlane, StepResult};
use crate::plan::{End, Plan, Step};

/// How often an event is planned. Each conflict is another run's success, and a name has few of them.
const MAX_ROUNDS: usize = 6;

/// What this run has made so far, for the next plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing.
    None,
    /// A certificate with this id.
    Made(String),
    /// AWS IoT did not accept the certification request.
    Rejected,
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// How the last plan ended. Never [`End::Again`].
    pub end: End,
    /// The id of the certificate.
    pub certificate: Option<String>,
}

/// A request that can be planned any number of times.
pub trait Request {
    /// Reads what is registered, and makes a plan.
    fn plan(
        &self,
        control: &impl ControlPlane,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Plan, CallError>>;
}

/// Plans a request and carries the plan out, until a plan is done. `on_made` gets the id of each certificate that is
/// made, at once: a run that is stopped later leaves its id in the log.
///
/// # Errors
/// The first call that fails, or the last conflict if there are too many.
pub async fn run(
    request: &impl Request,
    control: &impl ControlPlane,
    on_made: &dyn Fn(&str),
) -> Result<Conclusion, CallError> {
    let mut attempt = Attempt::None;
    let mut conflict = "Plan";
    for _ in 0..MAX_ROUNDS {
        let plan = request.plan(control, &attempt).await?;
        match carry_out(&plan.steps, control).await? {
            Progress::Complete if plan.end != End::Again => {
                return Ok(Conclusion { end: plan.end, certificate: plan.certificate });
            }
            Progress::Complete => {}
            Progress::Made(id) => {
                on_made(&id);
                attempt = Attempt::Made(id);
            }
            Progress::Rejected => attempt = Attempt::Rejected,
            Progress::Conflict(operation) => conflict = operation,
        }
    }
    let what = format!("what is registered changed {MAX_ROUNDS} times while the event was handled");
    Err(CallError { operation: conflict, what })
}

enum Progress {
    Complete,
    Made(String),
    Rejected,
    Conflict(&'static str),
}

async fn carry_out(steps: &[Step], control: &impl ControlPlane) -> Result<Progress, CallError> {
    for step in steps {
        match control.run(step).await? {
            StepResult::Done => {}
            StepResult::Made(id) => return Ok(Progress::Made(id)),
            StepResult::Rejected => return Ok(Progress::Rejected),
            StepResult::Conflict => return Ok(Progress::Conflict(step.operation())),
        }
    }
    Ok(Progress::Complete)
}
