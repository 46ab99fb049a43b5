//! The script: what a plan becomes for the kernel.

pub mod bpf;
