//! The changes of the registry, as the log on disk keeps them.

use serde::{Deserialize, Serialize};

/// One change. A call of the API makes several at once, which are one line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {}
