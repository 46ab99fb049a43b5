//! The `jail` program.

fn main() {}
