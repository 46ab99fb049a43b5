//! [`Plan`]: what will be done, drawn from a profile and the facts about the host.

mod draw;
pub mod filter;
mod types;

pub use draw::draw;
pub use types::{
    Access, Action, Extent, IdMap, LandlockRule, Mount, Plan, Resource, RootSource, Ruleset, Step,
    Subject,
};
pub fn to_text(p: &Plan) -> String {
    format!("{p:#?}")
}
pub fn to_json(p: &Plan) -> String {
    format!("{p:#?}")
}
