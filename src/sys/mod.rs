//! The kernel, one function per call. All `unsafe` of the program stands in this folder.
//!
//! Every descriptor made here is close-on-exec from birth. Calls that `nix` has are used from there.
#![expect(unsafe_code, reason = "the system calls that no library wraps")]

mod attribute;
mod calls;
mod clone;
mod filter;
mod inherited;
mod landlock;
mod lookup;
mod memory;
mod mount;
mod namespace;
mod netlink;
mod notification;
mod open;
mod pass;
mod process;
mod random;

pub use attribute::{attribute, attribute_names, attribute_of, remove_attribute, set_attribute};
pub use calls::{Argument, CallsLeft};
pub use clone::{
    Clone, NAMESPACES, NEW_CGROUP, NEW_NETWORK, NEW_USER, clone_process, clone_sibling, fork,
    spawn_sharing_memory,
};
pub use filter::{attach_filter, dropped_packets};
pub use inherited::{Inherited, inherited, is_on_hugetlbfs};
pub use landlock::landlock_abi;
pub use lookup::{look_names_up_by_files_and_dns, look_users_up_by_files};
pub use memory::wipe_arguments_and_environment;
pub use mount::{
    Attributes, FsContext, READ_ONLY, detach_here, move_mount, open_tree, set_attributes,
};
pub use namespace::{namespace_kind, owner_of_user_namespace, owning_user_namespace};
pub use netlink::Netlink;
pub use notification::{Notification, install_asking_filter};
pub use open::{
    Links, create_file, occupy_standard_streams, open_beneath, open_directory, open_path,
    open_to_read,
};
pub use pass::{MOST_AT_ONCE, receive_descriptors, send_descriptors};
pub use process::{
    Change, Used, become_subreaper, close_all_but, close_from, continue_with_parents_death,
    die_with_parent, drop_bounding, duplicate, exec, exit_now, join_new_session_keyring,
    keep_open_on_exec, leave_real_time, lock_securebits, next_change, no_new_privileges,
    not_dumpable, raise_ambient, restore_default, schedule_ordinarily, set_capabilities,
    set_loopback_up, set_niceness, signal_all, wait_for_end,
};

pub use random::random;

use nix::errno::Errno;

/// The result of a raw call: what it returned, or errno.
fn checked(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result < 0 { Err(Errno::last()) } else { Ok(result) }
}
