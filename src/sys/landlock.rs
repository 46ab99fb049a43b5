//! The one Landlock question that its crate does not answer.

use std::ptr;

use nix::errno::Errno;

use super::checked;

/// `LANDLOCK_CREATE_RULESET_VERSION` of <linux/landlock.h>.
const CREATE_RULESET_VERSION: u32 = 1;

/// The Landlock ABI of this kernel, asked of the kernel itself; 0 where it is not built in
/// or not switched on (landlock_create_ruleset(2), Linux 5.13).
///
/// Any other answer is an error: a lack of memory must not pass for a lack of Landlock.
pub fn landlock_abi() -> Result<u32, Errno> {
    // SAFETY: with the version flag the kernel takes a null pointer and size 0, reads and
    // writes no memory, and makes no descriptor.
    let abi = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<u8>(),
            0usize,
            CREATE_RULESET_VERSION,
        )
    };
    match checked(abi) {
        Err(Errno::ENOSYS | Errno::EOPNOTSUPP) => Ok(0),
        result => result.map(|abi| abi as u32),
    }
}
