//! A transient scope of the user's systemd: a cgroup that this user may divide.
//!
//! [`Scope::ask`] forks the **keeper**, a process that speaks to systemd over D-Bus and then
//! stays in the scope, so that systemd keeps the cgroup until its figures have been read. The
//! supervisor itself stays where it is, without the library's allocations and tasks. What the
//! keeper found out comes back over a socket as one [`answer`]; the end of that socket tells
//! each of the two that the other is gone.

mod address;
mod answer;
mod ask;
mod keeper;
mod place;
mod systemd;
mod words;

pub use ask::Scope;
