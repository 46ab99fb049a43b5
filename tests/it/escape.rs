//! What must not work inside, one test for each attack, named as the promise.
//!
//! Each test makes the same attempt outside as well, as the same user, and asserts that it
//! succeeds there: else a refusal would say nothing about the jail. Where outside it needs
//! privilege, it gets that in a user namespace of its own, which any user can have.
//!
//! Unless a test says otherwise the jail is the default one, whose grant is the project.

mod descriptors;
mod entries;
mod files;
mod kernel;
mod masks;
mod mounts;
mod network;
mod processes;
mod project;
mod report;
mod resources;
mod secrets;
mod terminal;

use crate::support::Jail;

/// Outside the attempt succeeds; inside it is refused with this errno.
#[track_caller]
fn refused(attempt: &str, errno: &str) {
    let jail = Jail::new();
    jail.outside(attempt).succeeds();
    jail.probe(attempt).refused(errno);
}

/// Outside the attempt succeeds for who is root in a user namespace, after `preparation`;
/// inside it is refused with this errno, also for who is called root there.
#[track_caller]
fn refused_though_root(preparation: &str, attempt: &str, errno: &str) {
    let jail = Jail::new().directory("sub");
    let prepared =
        if preparation.is_empty() { String::new() } else { format!("{preparation} -- ") };
    jail.outside(&format!("in-userns -- {prepared}{attempt}")).succeeds();
    jail.probe(attempt).refused(errno);
    jail.args(["--user", "root"]).probe(attempt).refused(errno);
}

/// The same without a filter: the wall behind it.
#[track_caller]
fn refused_without_filter(preparation: &str, attempt: &str, errno: &str) {
    let jail = Jail::new().directory("sub");
    let prepared =
        if preparation.is_empty() { String::new() } else { format!("{preparation} -- ") };
    jail.outside(&format!("in-userns -- {prepared}{attempt}")).succeeds();
    jail.args(["--user", "root", "--seccomp", "off"]).probe(attempt).refused(errno);
}

/// The kernel lets the call in outside, and answers that it makes no sense; inside the
/// filter answers before that.
#[track_caller]
fn never_reaches_the_kernel(attempt: &str, answer_outside: &str, answer_inside: &str) {
    let jail = Jail::new();
    jail.outside(attempt).refused(answer_outside);
    jail.probe(attempt).refused(answer_inside);
}
