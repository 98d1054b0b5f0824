//! The smallest function that `lambda_runtime` makes: it answers with its event. What the runtime itself costs is what this costs;
//! the benches and the gates measure everything beside it.

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let echo = service_fn(async |event: LambdaEvent<Box<RawValue>>| Ok::<_, Error>(event.payload));
    runtime.block_on(Runtime::new(echo).run())
}
