//! Sizes, times and paths: the small types that everything else speaks.

pub mod amounts;
mod cpus;
mod path;
mod size;
mod span;

pub use cpus::{BadCpus, Cpus};
pub use path::AbsolutePath;
pub use size::{BadSize, Size};
pub use span::{BadSpan, Span};
