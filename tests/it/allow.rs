//! `[network] mode = "allow"`: who is reached, and who is not.

mod attacks;
mod programs;
mod reach;
mod world;
