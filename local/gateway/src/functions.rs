//! The functions that run on this machine, found by their ARNs.

pub(crate) mod environment;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use iot_local_lambda::{InvokeError, Lambda};
use iot_local_policy::Arn;

/// Why a function has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// No function has the ARN.
    #[error(transparent)]
    None(#[from] NoFunction),
    /// The function sends no response.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
}

/// No function has an ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no function runs for {arn}; help: start with --lambda {name}=COMMAND or --lambda {name}=URL")]
pub struct NoFunction {
    /// The ARN.
    pub arn: String,
    /// The name of the function.
    pub name: String,
}

/// The running functions: the one of the built-in authorizer, which can be replaced, and further ones.
pub struct Functions {
    /// The ARN of the built-in authorizer's function.
    own_arn: Arn,
    own_name: String,
    own: RwLock<Arc<Lambda>>,
    further: RwLock<BTreeMap<String, Arc<Lambda>>>,
}

impl Functions {
    /// Lists functions by their names. `own_arn` is the ARN of the built-in authorizer's function.
    #[must_use]
    pub fn new(
        own: Arc<Lambda>,
        own_arn: Arn,
        own_name: String,
        further: BTreeMap<String, Arc<Lambda>>,
    ) -> Self {
        Self { own_arn, own_name, own: RwLock::new(own), further: RwLock::new(further) }
    }

    /// Finds a function. A version or an alias in the ARN is ignored. Functions of other accounts and Regions do not
    /// run here.
    ///
    /// # Errors
    /// No function has the ARN.
    pub fn find(&self, arn: &str) -> Result<Arc<Lambda>, NoFunction> {
        let name = name_of(arn);
        let is_here = arn.parse::<Arn>().is_ok_and(|arn| self.own_arn.iot("thing/a") == arn.iot("thing/a"));
        let further = || self.further.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let found = further().or_else(|| (self.own_name == name).then(|| self.own()));
        let no_function = || NoFunction { arn: arn.to_owned(), name: name.to_owned() };
        found.filter(|_| is_here).ok_or_else(no_function)
    }

    /// Finds a function and invokes it.
    ///
    /// # Errors
    /// No function has the ARN, or it sends no response.
    pub async fn invoke(&self, arn: &str, event: Bytes) -> Result<Bytes, FunctionError> {
        Ok(self.find(arn)?.invoke(event).await?)
    }

    /// Returns the function of the built-in authorizer.
    #[must_use]
    pub fn own(&self) -> Arc<Lambda> {
        Arc::clone(&self.own.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the ARN of the built-in authorizer's function.
    #[must_use]
    pub fn own_arn(&self) -> &Arn {
        &self.own_arn
    }

    /// Replaces the function of the built-in authorizer. The earlier one ends once its last invocation has ended.
    pub(crate) fn replace_own(&self, lambda: Arc<Lambda>) {
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = lambda;
    }

    /// Ends all functions.
    pub(crate) fn stop(&self) {
        self.replace_own(Arc::new(Lambda::stopped()));
        self.further.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Returns the name in the ARN of a function.
pub(crate) fn name_of(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or_default()
}
