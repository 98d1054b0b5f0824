//! The simulation: attempts in the order of their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::device::Device;
use crate::outcome::{Failure, Outcome};
use crate::region::{Attempt, End, Region};
use crate::settings::{Storm, Way};
use crate::time::Time;

/// A device that will try.
struct Waiting {
    device: Device,
    way: Way,
}

/// Simulates a storm until all devices are connected, or until its end.
#[must_use]
pub fn simulate(storm: &Storm) -> Outcome {
    let mut outcome = Outcome::default();
    let mut first = Region::new(&storm.region);
    let mut second = storm.outage.as_ref().map(|outage| (outage.failover, Region::new(&outage.second)));
    let (mut devices, mut queue) = (Vec::new(), BinaryHeap::new());
    for number in 0..storm.devices {
        let (device, time) = Device::new(storm, number);
        queue.push(Reverse((Time(time), devices.len())));
        devices.push(Waiting { device, way: storm.way });
    }
    while let Some(Reverse((Time(now), index))) = queue.pop() {
        let Some(waiting) = devices.get_mut(index) else { continue };
        if now > storm.end {
            outcome.unconnected = outcome.unconnected.saturating_add(1);
            continue;
        }
        outcome.attempts = outcome.attempts.saturating_add(1);
        if let Some(second) = outcome.second(now) {
            second.attempts = second.attempts.saturating_add(1);
        }
        let attempt = match &mut second {
            None => first.attempt(now, waiting.way),
            Some((failover, region)) if now >= *failover => region.attempt(now, waiting.way),
            Some(_) => {
                Attempt { time: now + storm.region.connect_seconds, end: End::Failed(Failure::RegionLost) }
            }
        };
        if let Some(next) = waiting.after(attempt, storm, &mut outcome) {
            queue.push(Reverse((Time(next), index)));
        }
    }
    let last = second.map_or(first, |(_, region)| region);
    outcome.sandboxes = last.function.sandboxes();
    outcome.key_requests = last.function.key_requests;
    outcome.connected.sort_by(f64::total_cmp);
    outcome
}

impl Waiting {
    /// Counts the end of an attempt. Returns when the device tries again.
    fn after(&mut self, attempt: Attempt, storm: &Storm, outcome: &mut Outcome) -> Option<f64> {
        match attempt.end {
            End::Connected => {
                outcome.connected.push(attempt.time);
                if let Some(second) = outcome.second(attempt.time) {
                    second.connected = second.connected.saturating_add(1);
                }
                return None;
            }
            End::Registered => {
                outcome.registered = outcome.registered.saturating_add(1);
                self.way = Way::Registered;
                self.device.reset(storm.back_off);
            }
            End::Failed(failure) => outcome.failed.add(failure),
        }
        Some(attempt.time + self.device.delay(storm.back_off))
    }
}
