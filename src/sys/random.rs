//! Random numbers of the kernel.

use nix::errno::Errno;

use super::checked;

/// Random bytes (getrandom(2)); up to 256 of them come at once and whole.
pub fn random<const N: usize>() -> Result<[u8; N], Errno> {
    const { assert!(N <= 256) };
    let mut bytes = [0; N];
    // SAFETY: a live buffer of the length given.
    let length = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), N, 0) };
    checked(length as libc::c_long)?;
    Ok(bytes)
}
