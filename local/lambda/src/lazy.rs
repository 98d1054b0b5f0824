//! A function whose program is built at its first invocation.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::error::InvokeError;
use crate::lambda::Lambda;
use crate::spec::{LambdaSpec, LineSink};

/// The program, or why it cannot be built.
type Built = Pin<Box<dyn Future<Output = Result<PathBuf, String>> + Send>>;

/// A function in processes whose program is built at its first invocation.
#[derive(Clone)]
pub struct LazyTarget {
    pub(crate) spec: LambdaSpec,
    build: Arc<dyn Fn() -> Built + Send + Sync>,
}

impl LazyTarget {
    /// `spec` says how to run the program that `build` returns. An error of `build` is that of the invocation, and the
    /// next one calls it again.
    #[must_use]
    pub fn new<F>(spec: LambdaSpec, build: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<PathBuf, String>> + Send + 'static,
    {
        Self { spec, build: Arc::new(move || Box::pin(build())) }
    }
}

/// The function, once it has started.
pub(crate) struct LazyHost {
    target: LazyTarget,
    line_sink: LineSink,
    lambda: OnceCell<Box<Lambda>>,
}

impl LazyHost {
    pub(crate) fn new(target: LazyTarget, line_sink: LineSink) -> Self {
        Self { target, line_sink, lambda: OnceCell::new() }
    }

    /// Returns the running function. Invocations that come while it starts wait for the same start.
    ///
    /// # Errors
    /// The function cannot be built, or does not start.
    pub(crate) async fn started(&self) -> Result<&Lambda, InvokeError> {
        let start = async || {
            let program = (self.target.build)().await.map_err(InvokeError::NotStarted)?;
            let spec = LambdaSpec { program, ..self.target.spec.clone() };
            let lambda = Box::pin(Lambda::start(spec, Arc::clone(&self.line_sink))).await;
            lambda.map(Box::new).map_err(|error| InvokeError::NotStarted(error.to_string()))
        };
        self.lambda.get_or_try_init(start).await.map(|lambda| &**lambda)
    }

    /// The function, if it has started.
    pub(crate) fn running(&self) -> Option<&Lambda> {
        self.lambda.get().map(|lambda| &**lambda)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use iot_local_base::env::Env;

    use super::*;
    use crate::lambda::InvokeTarget;

    #[tokio::test]
    async fn nothing_is_built_before_an_invocation_and_after_a_failure_the_next_one_builds_again() {
        let attempts = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&attempts);
        let spec = LambdaSpec {
            program: PathBuf::new(),
            args: Vec::new(),
            env: Env::default(),
            current_dir: PathBuf::from("/"),
            sandboxes: 1,
            function_arn: "arn:aws:lambda:us-east-1:123456789012:function:jitr".to_owned(),
        };
        let target = InvokeTarget::Lazy(LazyTarget::new(spec, move || {
            let attempt = counter.fetch_add(1, Ordering::Relaxed);
            async move {
                if attempt < 2 { Err("cannot build it".to_owned()) } else { Ok("/absent/program".into()) }
            }
        }));
        assert!(target.arn().ends_with(":jitr"));
        let lambda = Lambda::start(target, Arc::new(|_| {})).await.unwrap();
        assert!(lambda.process_ids().is_empty());
        let built = || attempts.load(Ordering::Relaxed);
        assert_eq!(built(), 0);
        for (attempt, expected) in [(1, "cannot build it"), (2, "cannot build it"), (3, "/absent/program")] {
            let invocation = Bytes::from_static(b"{}");
            // Both kinds of invocation start it.
            let response = if attempt == 2 {
                lambda.invoke_async(invocation).await
            } else {
                lambda.invoke(invocation).await
            };
            let error = response.unwrap_err();
            assert!(matches!(&error, InvokeError::NotStarted(why) if why.contains(expected)), "{error}");
            assert_eq!(built(), attempt);
        }
    }
}
