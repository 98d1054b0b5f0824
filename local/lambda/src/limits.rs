//! Time and size limits of AWS IoT and Lambda.

use std::time::Duration;

/// How long AWS IoT waits for a custom authorizer, cold start and queueing included.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-troubleshooting.html>
pub const INVOKE_LIMIT: Duration = Duration::from_secs(5);

/// How long a function runs that is invoked asynchronously: 60 seconds, the most that a function of a rule gets here.
/// On AWS the function's own timeout counts, 3 seconds unless it is set.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
pub const ASYNC_INVOKE_LIMIT: Duration = Duration::from_secs(60);

/// How long Lambda lets a function initialise before it requests its first event.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The largest response of a synchronous invocation, 6 MiB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// The longest `errorMessage` that is kept. The rest is cut off.
pub(crate) const MAX_ERROR_MESSAGE_CHARS: usize = 1000;
