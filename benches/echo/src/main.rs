//! A minimal function on `lambda_runtime`, which responds with its event. Its cost is the cost of the runtime itself.
//! The benches and the instruction counts compare the authorizer with it.

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let echo = service_fn(async |event: LambdaEvent<Box<RawValue>>| Ok::<_, Error>(event.payload));
    runtime.block_on(Runtime::new(echo).run())
}
