//! When a device tries. A real client and a simulated one with the same seed and number choose the same delays.

use fastrand::Rng;

use crate::settings::{BackOff, Storm};

/// A device that is not connected.
#[derive(Debug, Clone)]
pub struct Device {
    random: Rng,
    /// The limit of the next delay.
    limit: f64,
}

impl Device {
    /// Returns a device, and when it first tries.
    #[must_use]
    pub fn new(storm: &Storm, number: u32) -> (Self, f64) {
        // Seeds that differ in few bits result in similar first numbers. The generator of the storm separates them.
        let mut random = Rng::with_seed(storm.seed ^ (u64::from(number) << 32));
        let mut random = Rng::with_seed(random.u64(..));
        let first = random.f64() * storm.spread;
        (Self { random, limit: storm.back_off.first }, first)
    }

    /// Returns the delay before the next attempt.
    pub fn delay(&mut self, back_off: BackOff) -> f64 {
        let delay = self.random.f64() * self.limit;
        self.limit = (self.limit * 2.0).min(back_off.max);
        delay
    }

    /// Begins with the first delay again, after an attempt that got further than those before.
    pub fn reset(&mut self, back_off: BackOff) {
        self.limit = back_off.first;
    }
}
