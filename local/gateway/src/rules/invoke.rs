//! The asynchronous invocation of a function by a rule.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::sync::Arc;
use std::time::Duration;

use crate::functions::Functions;
use crate::time_scale::TimeScale;

use super::run::Body;

/// The waits before the retries. Lambda waits one minute, and then two; here it is a sixtieth, and `--time-scale`
/// divides it further.
const RETRY_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// Invokes functions.
pub(super) struct Invoker {
    pub(super) functions: Arc<Functions>,
    pub(super) time: TimeScale,
}

impl Invoker {
    /// Invokes a function, and after a failure up to twice again. `retried` is given each failure that is followed by a
    /// retry.
    ///
    /// # Errors
    /// No function has the ARN, or the last attempt has failed.
    pub(super) async fn invoke(
        &self,
        arn: &str,
        body: &Body,
        mut retried: impl FnMut(String),
    ) -> Result<(), String> {
        if !body.is_json {
            return Err("the payload is not JSON, and functions take only JSON".to_owned());
        }
        let mut waits = RETRY_WAITS.into_iter();
        loop {
            // Found at each attempt, since a reload replaces a function.
            let lambda = self.functions.find(arn).map_err(|error| error.to_string())?;
            let Err(error) = lambda.invoke_async(body.bytes.clone()).await else { return Ok(()) };
            let Some(wait) = waits.next() else { return Err(error.to_string()) };
            let wait = self.time.scaled(wait);
            retried(format!("{error}; it is invoked again in {:.1} s", wait.as_secs_f64()));
            tokio::time::sleep(wait).await;
        }
    }
}
