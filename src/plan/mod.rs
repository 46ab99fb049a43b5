//! [`Plan`]: what will be done, drawn from a profile and the facts about the host.

mod draw;
pub mod filter;
mod print;
mod shown;
mod types;

pub use draw::draw;
pub use print::{to_json, to_text};
pub use shown::{could_show, has_own_root, is_shown};
pub use types::{
    Access, Action, CgroupParent, Extent, IdMap, LandlockRule, Limit, Mount, Nat, NetworkSpace,
    Plan, RootSource, Ruleset, Step, Subject,
};
