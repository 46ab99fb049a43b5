//! [`Plan`]: what will be done, drawn from a profile and the facts about the host.

pub mod filter;
mod types;

pub use types::{
    Access, Action, Extent, IdMap, LandlockRule, Mount, Plan, Resource, RootSource, Ruleset, Step,
    Subject,
};
