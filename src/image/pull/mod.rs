//! From a source into the store, everything verified.
//!
//! ```text
//! root ─resolve→ manifest, config ─layers→ layers, at most three at once ─record→ Image
//!                digests, sizes            committed one by one
//! ```
//!
//! - [`resolve`](mod@resolve): documents; [`layers`](mod@layers): all layers; [`layer`]: one of
//!   them; [`feed`]: its bytes.
//! - [`progress`]: what is told while it goes on.

mod feed;
mod layer;
mod layers;
mod progress;
mod resolve;
mod start;

pub use progress::{Progress, Silent, State, Waiting};
pub use start::pull;
