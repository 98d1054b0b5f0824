//! Measures the function on this machine: its own build, with the user's configuration and a development token.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use iot_local_base::clock;
use iot_local_cloud::{AuthorizerTest, MqttContext};
use iot_local_gateway::auth::test_invoke;
use iot_local_gateway::selection::{AuthorizerDefinition, SelectionError};
use iot_local_identity::workspace::Workspace;
use iot_local_lambda::{InvokeError, InvokeTarget, Lambda, StartError};
use thiserror::Error;
use tokio::time::Instant;

use super::figures::Times;
use crate::launch::{self, FunctionArgs, LaunchError, LaunchSettings};
use crate::token::{self, TokenError};

/// The starts whose median is taken.
const STARTS: usize = 11;
/// The warm calls of each start.
const CALLS: usize = 50;

/// An error that prevents a measurement.
#[derive(Debug, Error)]
pub(crate) enum MeasureError {
    /// The function cannot be prepared.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The configuration has no single issuer, or no token can be minted.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The event cannot be built.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The function does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The function does not respond.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
}

/// Returns the medians of a start with its first call, and of a warm call, in milliseconds.
///
/// # Errors
/// See [`MeasureError`].
pub(super) async fn measure(args: &FunctionArgs, settings: &LaunchSettings) -> Result<Times, MeasureError> {
    let one = LaunchSettings { sandboxes: 1, ..settings.clone() };
    let (workspace, function) = launch::launch(args, &one).await?;
    let event = event(&workspace, settings)?;
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let start = Instant::now();
        let lambda = start_function(&function).await?;
        lambda.invoke(event.clone()).await?;
        cold.push(start.elapsed());
        for _ in 0..CALLS {
            let start = Instant::now();
            lambda.invoke(event.clone()).await?;
            warm.push(start.elapsed());
        }
    }
    Ok(Times { cold: milliseconds(median(cold)), warm: milliseconds(median(warm)) })
}

async fn start_function(function: &InvokeTarget) -> Result<Lambda, StartError> {
    Lambda::start(function.clone(), Arc::new(|_| {})).await
}

/// The event of a connect with a valid token.
fn event(workspace: &Workspace, settings: &LaunchSettings) -> Result<Bytes, MeasureError> {
    let token = token::example_token(workspace, &settings.env, clock::now())?;
    let mqtt = MqttContext { username: None, password: Some(token.into_bytes()), client_id: None };
    let test = AuthorizerTest { mqtt: Some(mqtt), ..AuthorizerTest::default() };
    Ok(test_invoke::event(&AuthorizerDefinition::default(), &test)?.json)
}

/// Returns the median of some times; zero for none.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len().checked_div(2).unwrap_or_default();
    times.get(middle).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
