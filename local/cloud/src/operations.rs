//! The operations: each is a function from an input to an answer.
