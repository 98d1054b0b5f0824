//! Throttling on purpose, to test what calls the control plane: AWS IoT throttles each operation of an account.
//! <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#throttling-limits>

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

/// Which calls are throttled: one in a number of calls, or none of them.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    every: Option<NonZeroU32>,
    /// Calls since the last one that was throttled.
    calls: u32,
}

impl Throttle {
    /// Throttles one call in so many.
    pub(crate) fn set(&self, every: NonZeroU32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).every = Some(every);
    }

    /// Counts a call. Returns whether it is throttled.
    pub(crate) fn is_throttled(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(every) = state.every else { return false };
        state.calls = state.calls.saturating_add(1);
        let is_throttled = state.calls >= every.get();
        if is_throttled {
            state.calls = 0;
        }
        is_throttled
    }
}
