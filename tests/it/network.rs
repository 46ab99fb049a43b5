//! What the command reaches in each mode, in a world that the tests make around it.

mod files;
mod join;
mod nat;
mod outside;
mod publish;
mod refusals;

pub use nat::{processes_of_pasta, with_own_pasta};
pub use outside::Outside;
