//! Runs a Lambda function on one machine: as processes behind the Lambda Runtime API, or behind an invoke endpoint.
//!
//! ```text
//! Lambda -> queue -> sandbox -> process <-> runtime_api
//!        -> endpoint
//!        -> lazy -> one of these, at the first invocation
//! ```

mod limits;

mod error;
mod invoker;
mod spec;

mod lambda;

mod queue;
mod sandbox;

mod lines;
mod process;
mod process_group;
mod runtime_api;

mod endpoint;
mod lazy;

pub use endpoint::{Endpoint, NotAnEndpoint};
pub use error::{InvokeError, StartError};
pub use invoker::InvokerIdentity;
pub use lambda::{InvokeTarget, Lambda};
pub use lazy::LazyTarget;
pub use limits::{ASYNC_INVOKE_LIMIT, INIT_LIMIT, INVOKE_LIMIT};
pub use process_group::ProcessGroup;
pub use spec::{LambdaSpec, LineSink, LineSource, SandboxLine};
