//! What other processes can see of our memory.

use std::ffi::{CStr, c_char};

unsafe extern "C" {
    /// The environment as the C library keeps it; see environ(7).
    static mut environ: *mut *mut c_char;
}

/// Overwrites the strings that /proc/PID/cmdline and /proc/PID/environ show.
///
/// The kernel lays them out in one block: the arguments, then the environment, each with its
/// NUL (execve(2)). Nothing may read the arguments or the environment of this process later.
/// Returns false, having changed nothing, if the block is not laid out like that.
pub fn wipe_arguments_and_environment(argument_count: usize) -> bool {
    // SAFETY: the process is single-threaded, so nobody writes `environ` meanwhile.
    let environment = unsafe { environ };
    if environment.is_null() || argument_count == 0 {
        return false;
    }
    // SAFETY: at exec the kernel puts the argument vector, its NULL and the environment
    // vector next to each other; nobody here calls setenv(3), which would move the latter.
    // The NULL check below sees if that was wrong, before anything is written.
    let end_of_arguments = unsafe { *environment.wrapping_sub(1) };
    if !end_of_arguments.is_null() {
        return false;
    }
    // SAFETY: the vector before that NULL has `argument_count` entries.
    let first = unsafe { *environment.wrapping_sub(1 + argument_count) };
    let last = last_entry(environment);
    if first.is_null() || last < first {
        return false;
    }
    // SAFETY: `last` is a live, NUL-terminated string of the same block.
    let tail = unsafe { CStr::from_ptr(last) }.to_bytes().len();
    let length = last as usize - first as usize + tail;
    // SAFETY: from the first argument to the end of the last variable is one block of
    // writable stack that belongs to this process alone.
    unsafe { first.write_bytes(0, length) };
    true
}

/// The last string of the environment, or of the arguments if there is no environment.
fn last_entry(environment: *mut *mut c_char) -> *mut c_char {
    let mut entry = environment;
    loop {
        // SAFETY: the vector ends in NULL, and the loop stops there.
        let string = unsafe { *entry };
        if string.is_null() {
            break;
        }
        entry = entry.wrapping_add(1);
    }
    let before = if entry == environment { 2 } else { 1 };
    // SAFETY: one before the end is the last variable; without variables two before it is
    // the last argument, in front of the arguments' own NULL.
    unsafe { *entry.wrapping_sub(before) }
}
