//! What a storm results in, as text and as JSON.

use std::io::{self, Write};

use iot_local_base::numbers::grouped;
use iot_local_storm::{Outcome, Storm, Way};
use serde_json::{Map, Value, json};

use super::figures::Times;
use super::rehearsal::RealOutcome;

/// The shares of devices that are reported.
const SHARES: [(f64, &str); 4] = [(0.5, "half of them"), (0.9, "90 %"), (0.99, "99 %"), (1.0, "all")];
/// Their names in JSON.
const SHARE_NAMES: [&str; 4] = ["p50", "p90", "p99", "all"];

/// A storm and its result.
pub(super) struct Report<'a> {
    pub(super) storm: &'a Storm,
    pub(super) outcome: &'a Outcome,
    /// What real clients did, in a rehearsal.
    pub(super) real: Option<&'a RealOutcome>,
    /// Times of the function on this machine, in milliseconds.
    pub(super) measured: Option<Times>,
    /// Times of the function in the simulation, in milliseconds.
    pub(super) times: Times,
}

impl Report<'_> {
    /// One line about the fleet.
    pub(super) fn title(&self) -> String {
        let Storm { devices, spread, back_off, way, .. } = self.storm;
        let with = match way {
            Way::Token => "tokens",
            Way::Registered => "certificates",
            Way::FirstConnect => "certificates that are registered at the first connect",
        };
        format!(
            "{} devices with {with}, first attempts within {spread} s, back-off {} to {} s",
            grouped(u64::from(*devices)),
            back_off.first,
            back_off.max
        )
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.title())?;
        let region = &self.storm.region;
        writeln!(
            out,
            "limits: {:.0} connects a second, {} sandboxes; a first call takes {:.0} ms, a warm one {:.2} ms",
            region.connects_per_second,
            grouped(region.function.concurrency.into()),
            region.function.cold_seconds * 1000.0,
            region.function.warm_seconds * 1000.0
        )?;
        if let Some(here) = self.measured {
            writeln!(
                out,
                "measured here: start and first call {:.2} ms, a warm call {:.3} ms",
                here.cold, here.warm
            )?;
        }
        if let Some(outage) = &self.storm.outage {
            writeln!(
                out,
                "the first Region is lost; the name leads to the second one after {} s",
                outage.failover
            )?;
        }
        writeln!(out)?;
        match self.real {
            Some(real) => self.write_comparison(real, out),
            None => self.write_times(out),
        }?;
        self.write_attempts(out)
    }

    fn write_times(&self, out: &mut dyn Write) -> io::Result<()> {
        for (share, name) in SHARES {
            match self.outcome.connected_after(share) {
                Some(time) => writeln!(out, "{name:<14} connected after {} s", short(time))?,
                None => writeln!(out, "{name:<14} not connected within {} s", self.storm.end)?,
            }
        }
        Ok(())
    }

    fn write_comparison(&self, real: &RealOutcome, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:<14} {:>12} {:>12} {:>12}", "connected", "simulated, s", "real, s", "difference")?;
        for (share, name) in SHARES {
            let (simulated, real) = (self.outcome.connected_after(share), real.connected_after(share));
            let (Some(simulated), Some(real)) = (simulated, real) else {
                writeln!(out, "{name:<14} not all are connected")?;
                continue;
            };
            let difference = 100.0 * (simulated / real - 1.0);
            writeln!(out, "{name:<14} {:>12} {:>12} {difference:>+10.1} %", short(simulated), short(real))?;
        }
        let (simulated, real) = (self.outcome.attempts, real.attempts);
        writeln!(out, "{:<14} {:>12} {:>12} {:>+10.1} %", "attempts", grouped(simulated), grouped(real), {
            100.0 * (as_f64(simulated) / as_f64(real) - 1.0)
        })?;
        Ok(())
    }

    fn write_attempts(&self, out: &mut dyn Write) -> io::Result<()> {
        let Outcome { attempts, failed, registered, sandboxes, key_requests, .. } = self.outcome;
        writeln!(
            out,
            "\n{} attempts, {:.2} of each device, at most {} in a second",
            grouped(*attempts),
            as_f64(*attempts) / f64::from(self.storm.devices),
            grouped(self.outcome.peak_attempts().into())
        )?;
        for (name, count) in failed.named().into_iter().filter(|(_, count)| *count > 0) {
            writeln!(out, "  {:<38} {:>12}", meaning(name), grouped(count))?;
        }
        if *registered > 0 {
            writeln!(out, "  {:<38} {:>12}", "first connect that registered a device", grouped(*registered))?;
        }
        if self.storm.way == Way::Token {
            writeln!(
                out,
                "{} sandboxes, {} requests for keys",
                grouped((*sandboxes).into()),
                grouped(*key_requests)
            )?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let outcome = self.outcome;
        let times = |find: &dyn Fn(f64) -> Option<f64>| {
            let pairs = SHARES.iter().zip(SHARE_NAMES);
            Value::Object(pairs.map(|((share, _), name)| (name.to_owned(), json!(find(*share)))).collect())
        };
        let failed: Map<String, Value> =
            outcome.failed.named().iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let seconds: Vec<_> =
            outcome.seconds.iter().map(|second| json!([second.attempts, second.connected])).collect();
        let real = self.real.map(|real| {
            json!({ "connectedAfter": times(&|share| real.connected_after(share)), "attempts": real.attempts })
        });
        json!({
            "devices": self.storm.devices,
            "seed": self.storm.seed,
            "times": { "coldMs": self.times.cold, "warmMs": self.times.warm },
            "measured": self.measured.map(|here| json!({ "coldMs": here.cold, "warmMs": here.warm })),
            "connectedAfter": times(&|share| outcome.connected_after(share)),
            "unconnected": outcome.unconnected,
            "attempts": outcome.attempts,
            "peakAttempts": outcome.peak_attempts(),
            "failed": failed,
            "registered": outcome.registered,
            "sandboxes": outcome.sandboxes,
            "keyRequests": outcome.key_requests,
            "seconds": seconds,
            "real": real,
        })
    }
}

/// What a reason means for an operator.
fn meaning(name: &str) -> &'static str {
    match name {
        "region_lost" => "the name still led to the lost Region",
        "connect_throttled" => "above AWS IoT's connects (THROTTLED)",
        "function_throttled" => "above Lambda's concurrency or calls",
        "keys_unavailable" => "a new sandbox had no keys",
        "response_timeout" => "the function took more than 5 s",
        _ => "above the rate of registrations",
    }
}

fn short(seconds: f64) -> String {
    if seconds < 100.0 { format!("{seconds:.1}") } else { format!("{seconds:.0}") }
}

fn as_f64(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
