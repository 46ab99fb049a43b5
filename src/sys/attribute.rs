//! Extended attributes.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use super::checked;

/// The value of an extended attribute of a file, the first bytes if it is long (lgetxattr(2)).
pub fn attribute(path: &Path, name: &CStr) -> Result<Vec<u8>, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let mut value = [0_u8; 256];
    // SAFETY: two live strings that end in NUL, and a live buffer of the length given.
    let length = unsafe {
        libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len())
    };
    let length = checked(length as libc::c_long)?;
    Ok(value[..length as usize].to_vec())
}

/// The whole value of an extended attribute of an open file (fgetxattr(2)).
pub fn attribute_of(file: BorrowedFd, name: &CStr) -> Result<Vec<u8>, Errno> {
    grown(|buffer| {
        // SAFETY: an open descriptor, a live string that ends in NUL, and a live buffer of the length given.
        let length = unsafe {
            libc::fgetxattr(
                file.as_raw_fd(),
                name.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            )
        };
        checked(length as libc::c_long)
    })
}

/// Sets an extended attribute of an open file (fsetxattr(2)).
pub fn set_attribute(file: BorrowedFd, name: &CStr, value: &[u8]) -> Result<(), Errno> {
    // SAFETY: a live string that ends in NUL, and a live buffer of the length given; the kernel
    // copies both.
    let result = unsafe {
        libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
    };
    checked(result.into()).map(drop)
}

/// Removes an extended attribute of an open file (fremovexattr(2)); `ENODATA` if it has none.
pub fn remove_attribute(file: BorrowedFd, name: &CStr) -> Result<(), Errno> {
    // SAFETY: a live string that ends in NUL, which the kernel copies.
    let result = unsafe { libc::fremovexattr(file.as_raw_fd(), name.as_ptr()) };
    checked(result.into()).map(drop)
}

/// The names of all extended attributes of an open file (flistxattr(2)).
pub fn attribute_names(file: BorrowedFd) -> Result<Vec<CString>, Errno> {
    let names = grown(|buffer| {
        // SAFETY: an open descriptor, and a live buffer of the length given.
        let length =
            unsafe { libc::flistxattr(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        checked(length as libc::c_long)
    })?;
    let names = names.split(|byte| *byte == 0);
    // None has a NUL inside: they were split there.
    Ok(names.filter(|name| !name.is_empty()).filter_map(|name| CString::new(name).ok()).collect())
}

/// What a call puts into a buffer. Nearly always it is little or nothing; the most that there can
/// be is 64 KiB (XATTR_SIZE_MAX and XATTR_LIST_MAX in xattr(7)).
fn grown(read: impl Fn(&mut [u8]) -> Result<libc::c_long, Errno>) -> Result<Vec<u8>, Errno> {
    let mut little = [0_u8; 256];
    match read(&mut little) {
        Err(Errno::ERANGE) => {
            let mut much = vec![0_u8; 65536];
            let length = read(&mut much)?;
            much.truncate(length as usize);
            Ok(much)
        }
        length => Ok(little[..length? as usize].to_vec()),
    }
}
