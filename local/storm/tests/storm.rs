//! Storms whose results follow from the limits alone, and properties of all storms.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

use iot_local_storm::{
    BackOff, FunctionLimits, KeyServer, Outage, Outcome, Overflow, RegionLimits, Storm, Way, simulate,
};
use proptest::prelude::*;

fn function() -> FunctionLimits {
    FunctionLimits {
        cold_seconds: 0.3,
        warm_seconds: 0.003,
        warm_sandboxes: 0,
        concurrency: 1000,
        calls_per_second: 10_000.0,
        new_sandboxes: 1000.0,
        new_sandboxes_per_second: 100.0,
        overflow: Overflow::Throttled,
        key_server: None,
    }
}

fn region() -> RegionLimits {
    RegionLimits {
        connects_per_second: 100.0,
        connect_seconds: 0.05,
        function: function(),
        registrations_per_second: 10.0,
        registration_seconds: 0.5,
    }
}

fn storm() -> Storm {
    Storm {
        devices: 2_000,
        spread: 1.0,
        back_off: BackOff { first: 1.0, max: 20.0 },
        way: Way::Token,
        region: region(),
        outage: None,
        end: 3600.0,
        seed: 1,
    }
}

/// What a storm must result in.
struct Expected {
    /// All devices are connected within these seconds.
    last: std::ops::RangeInclusive<f64>,
    /// The reasons of failed attempts that occur.
    failures: &'static [&'static str],
}

#[test]
fn the_limits_decide() {
    let with = |change: &dyn Fn(&mut Storm)| {
        let mut storm = storm();
        change(&mut storm);
        storm
    };
    let cases: [(&str, Storm, Expected); 9] = [
        // The last ones wait for their back-off: more than devices / limit.
        ("connects of AWS IoT", storm(), Expected { last: 19.0..=60.0, failures: &["connect_throttled"] }),
        (
            "a spread that is sufficient",
            with(&|storm| storm.spread = 40.0),
            Expected { last: 39.0..=41.0, failures: &[] },
        ),
        (
            "a limit that is never reached",
            with(&|storm| storm.region.connects_per_second = 1e6),
            Expected { last: 0.9..=2.0, failures: &[] },
        ),
        (
            "warm sandboxes",
            with(&|storm| {
                storm.region.connects_per_second = 1e6;
                storm.region.function.warm_sandboxes = 100;
            }),
            Expected { last: 0.9..=1.5, failures: &[] },
        ),
        (
            "a new account's concurrency",
            with(&|storm| {
                (storm.region.function.concurrency, storm.region.function.calls_per_second) = (10, 100.0);
                storm.region.connects_per_second = 1e6;
            }),
            Expected { last: 18.0..=60.0, failures: &["function_throttled"] },
        ),
        (
            "certificates need no function",
            with(&|storm| {
                storm.way = Way::Registered;
                storm.region.function.concurrency = 0;
                storm.spread = 30.0;
            }),
            Expected { last: 29.0..=31.0, failures: &[] },
        ),
        (
            "registrations",
            with(&|storm| (storm.way, storm.spread, storm.devices) = (Way::FirstConnect, 30.0, 1_000)),
            Expected { last: 95.0..=160.0, failures: &["connect_throttled", "registration_throttled"] },
        ),
        (
            "a slow key server",
            with(&|storm| {
                storm.region.function.key_server = Some(KeyServer { requests: 2, requests_per_second: 10.0 });
                storm.region.connects_per_second = 1e6;
            }),
            Expected { last: 60.0..=600.0, failures: &["keys_unavailable"] },
        ),
        (
            "another Region",
            with(&|storm| {
                storm.outage = Some(Outage { failover: 30.0, second: region() });
                storm.spread = 10.0;
            }),
            Expected { last: 45.0..=90.0, failures: &["region_lost", "connect_throttled"] },
        ),
    ];
    for (title, storm, Expected { last, failures }) in cases {
        let outcome = simulate(&storm);
        assert_eq!(outcome.unconnected, 0, "{title}");
        let reached = outcome.connected_after(1.0).unwrap();
        assert!(last.contains(&reached), "{title}: all connected after {reached} s");
        let found: Vec<_> = outcome.failed.named().into_iter().filter(|(_, count)| *count > 0).collect();
        let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, failures, "{title}: {found:?}");
    }
}

#[test]
fn a_storm_without_capacity_ends() {
    for change in [
        |storm: &mut Storm| storm.region.connects_per_second = 0.0,
        |storm: &mut Storm| storm.region.function.concurrency = 0,
        |storm: &mut Storm| storm.region.function.calls_per_second = 0.0,
        |storm: &mut Storm| storm.region.function.cold_seconds = 6.0,
    ] {
        let mut storm = Storm { devices: 50, end: 100.0, ..storm() };
        change(&mut storm);
        let outcome = simulate(&storm);
        let failed: u64 = outcome.failed.named().iter().map(|(_, count)| count).sum();
        if storm.region.function.cold_seconds < 6.0 {
            assert_eq!((outcome.unconnected, outcome.connected_after(0.1)), (50, None));
        } else {
            // The calls that start a sandbox come too late; those after them are in time.
            assert!(outcome.failed.response_timeout > 0 && outcome.unconnected == 0, "{outcome:?}");
        }
        assert!(failed > 0);
    }
}

fn any_storm() -> impl Strategy<Value = Storm> {
    let way = prop_oneof![Just(Way::Token), Just(Way::Registered), Just(Way::FirstConnect)];
    let limits = (1.0..500.0f64, 1.0..100.0f64, 0u32..50, 0u32..5, any::<bool>(), any::<bool>());
    (0u32..400, 0.0..20.0f64, 0.1..5.0f64, 1.0..30.0f64, way, limits, any::<u64>(), any::<bool>()).prop_map(
        |(devices, spread, first, factor, way, limits, seed, is_lost)| {
            let (connects, registrations, concurrency, warm, waits, fetches) = limits;
            let overflow = if waits { Overflow::Waits } else { Overflow::Throttled };
            let key_server = fetches.then_some(KeyServer { requests: 2, requests_per_second: 5.0 });
            let region = RegionLimits {
                connects_per_second: connects,
                registrations_per_second: registrations,
                function: FunctionLimits {
                    concurrency,
                    warm_sandboxes: warm,
                    overflow,
                    key_server,
                    ..function()
                },
                ..region()
            };
            let outage = is_lost.then(|| Outage { failover: 10.0, second: region.clone() });
            let back_off = BackOff { first, max: first * factor };
            Storm { devices, spread, back_off, way, region, outage, end: 500.0, seed }
        },
    )
}

/// What holds for each storm.
fn check(storm: &Storm, outcome: &Outcome) -> Result<(), TestCaseError> {
    let connected = u64::try_from(outcome.connected.len()).unwrap();
    prop_assert_eq!(connected + u64::from(outcome.unconnected), u64::from(storm.devices));
    let failed: u64 = outcome.failed.named().iter().map(|(_, count)| count).sum();
    // Each attempt has one end.
    prop_assert_eq!(outcome.attempts, connected + failed + outcome.registered);
    let (attempts, new) = outcome.seconds.iter().fold((0, 0), |(attempts, new), second| {
        (attempts + u64::from(second.attempts), new + u64::from(second.connected))
    });
    prop_assert_eq!((attempts, new), (outcome.attempts, connected));
    // No second has more connections than AWS IoT accepts, beyond the bucket's own second.
    let accepted = storm.region.connects_per_second * 2.0 + 1.0;
    let latest = outcome.seconds.iter().map(|second| second.connected).max().unwrap_or_default();
    if storm.way != Way::Token {
        prop_assert!(f64::from(latest) <= accepted, "{} in a second, {} accepted", latest, accepted);
    }
    prop_assert!(
        outcome.sandboxes <= storm.region.function.concurrency.max(storm.region.function.warm_sandboxes)
    );
    if storm.way == Way::FirstConnect {
        prop_assert!(outcome.registered >= connected);
    }
    if let Some(outage) = &storm.outage {
        prop_assert!(outcome.connected.first().is_none_or(|time| *time >= outage.failover));
    }
    Ok(())
}

proptest! {
    #[test]
    fn each_attempt_has_one_end_within_the_limits(storm in any_storm()) {
        let outcome = simulate(&storm);
        check(&storm, &outcome)?;
        // The same seed has the same result.
        prop_assert_eq!(simulate(&storm), outcome);
    }
}
