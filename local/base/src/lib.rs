//! The common ground of the crates of `cargo local`: clock, environment, files, and formats of values. Nothing here
//! depends on the product.

pub mod clock;

pub mod env;
pub mod env_file;

pub mod files;

pub mod hex;
pub mod names;
pub mod numbers;
pub mod timestamp;

pub mod token_bucket;
