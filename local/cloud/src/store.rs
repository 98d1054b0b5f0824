//! The registry on disk: a snapshot and a log of changes.
