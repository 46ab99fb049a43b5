//! End to end: the real program, as an ordinary user, one module for each subject.

mod allow;
mod bare;
mod completions;
mod death;
mod doctor;
mod escape;
mod faults;
mod harness;
mod images;
mod install;
mod kernels;
mod limits;
mod manners;
mod network;
mod profile_commands;
mod profiles;
mod recipes;
mod report;
mod support;
mod tools;
mod transcripts;
mod words;
