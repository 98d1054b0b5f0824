//! The operations: each is a function from an input to an output. The route table of the API names them.

pub(crate) mod endpoint;
pub(crate) mod input;
pub(crate) mod names;
pub(crate) mod paging;
pub(crate) mod sts;

use serde_json::{Value, json};

pub(crate) use self::input::{Input, expected, missing};

use crate::cloud::Cloud;
use crate::error::ApiError;

/// An operation. Its output is the body of the response.
pub(crate) type Operation = fn(&Cloud, &Input) -> Result<Value, ApiError>;

/// Returns a time of the registry as the API writes it: seconds since 1970, with a fraction.
pub(crate) fn timestamp(milliseconds: i64) -> Value {
    let (seconds, rest) = (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
    if rest == 0 {
        return json!(seconds);
    }
    format!("{seconds}.{rest:03}").parse::<f64>().map_or_else(|_| json!(seconds), |number| json!(number))
}
