//! A plan for people ([`to_text`]) and for programs ([`to_json`]).

mod json;
mod text;
mod words;

pub use json::to_json;
pub use text::to_text;
