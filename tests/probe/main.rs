//! The program that the tests run inside.

fn main() {}
