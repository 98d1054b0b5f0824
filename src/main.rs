//! What Lambda starts.

fn main() {}
