//! `[network] mode = "allow"`: who is reached, and who is not.

mod attacks;
mod changing;
mod forwarder;
mod packages;
mod programs;
mod questions;
mod reach;
mod services;
mod world;
