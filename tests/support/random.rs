//! The configuration of random tests.

#![allow(clippy::print_stdout, reason = "a failed test shows the seed")]

use proptest::test_runner::{Config, RngSeed};

/// The seed without `PROPTEST_RNG_SEED`.
const DEFAULT_SEED: u64 = 1;

/// The configuration of a random test with this number of cases. It prints the seed, which a failed test shows.
pub(crate) fn config(cases: u32) -> Config {
    let mut config = Config { cases, failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(DEFAULT_SEED);
    }
    println!("PROPTEST_RNG_SEED: {:?}", config.rng_seed);
    config
}
