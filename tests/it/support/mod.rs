//! What every end-to-end test stands on.
//!
//! A [`Jail`] is a project of an ordinary user, with a home around it, and the flags of one
//! run. [`Jail::run`] runs a command inside, [`Jail::probe`] an attempt of the probe, and
//! [`Jail::outside`] the same attempt without a jail; each gives a [`Finished`] with
//! assertions that say everything when they fail. [`Jail::start`] gives a [`Running`] to
//! talk with, and [`Pty`] a terminal to run it on.
//!
//! A [`Machine`] is a virtual one with another kernel: a list of checks, made in one boot.
//!
//! When the tests are root, as in CI, all of it runs as the user that `JAIL_TEST_USER`
//! names: what passes only as root proves nothing about a rootless sandbox.

mod binaries;
mod finished;
mod jail;
mod leftovers;
mod machine;
mod pty;
mod real_images;
mod require;
mod running;
mod spawn;
mod tree;
mod user;

pub use binaries::{jail_binary, probe_binary};
pub use finished::Finished;
pub use jail::Jail;
pub use leftovers::{mounts_now, processes_named, wait_until};
pub use machine::{Machine, machine_program};
pub use pty::Pty;
pub use real_images::real_images;
pub use require::{Feature, missing, program};
pub use running::Running;
pub use spawn::spawn;
pub use tree::Tree;
pub use user::User;

/// Leaves the test, printing why, if this machine lacks something that it needs.
#[macro_export]
macro_rules! require {
    ($feature:expr) => {
        if $crate::support::missing(&$feature, module_path!(), line!()) {
            return;
        }
    };
}
