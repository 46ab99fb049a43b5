//! Escapes.

use crate::require;
use crate::support::{Feature, Jail};

#[test]
fn a_nested_user_namespace_is_refused() {
    require!(Feature::Userns);
    let jail = Jail::new();
    jail.outside("unshare user").answers("");
}
