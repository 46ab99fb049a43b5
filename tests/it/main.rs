//! End to end: the real program, as an ordinary user, one module for each subject.

mod escape;
mod harness;
mod support;
mod tools;
