//! End to end: the real program, as an ordinary user, one module for each subject.

mod allow;
mod bare;
mod death;
mod escape;
mod faults;
mod harness;
mod images;
mod kernels;
mod limits;
mod network;
mod report;
mod support;
mod tools;
mod words;
