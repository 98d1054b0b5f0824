//! The operations: each is a function from an input to an output. The route table of the API names them.

mod input;

pub(crate) mod endpoint;
pub(crate) mod sts;

use serde_json::Value;

pub(crate) use self::input::{Input, expected, missing};

use crate::cloud::Cloud;
use crate::error::ApiError;

/// An operation. Its output is the body of the response.
pub(crate) type Operation = fn(&Cloud, &Input) -> Result<Value, ApiError>;
