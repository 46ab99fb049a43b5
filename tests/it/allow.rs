//! `[network] mode = "allow"`: who is reached, and who is not.

mod attacks;
mod forwarder;
mod programs;
mod reach;
mod whose;
mod world;
