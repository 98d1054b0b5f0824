//! The echo function for several events at once, as on Lambda Managed Instances: the floor of the authorizer there.

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let echo = service_fn(async |event: LambdaEvent<Box<RawValue>>| Ok::<_, Error>(event.payload));
    runtime.block_on(Runtime::new(echo).run_concurrent())
}
