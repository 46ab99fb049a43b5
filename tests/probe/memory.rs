//! Attempts to use more memory than there is.

use crate::answer::{
    Answer, Refusal, Words, c_pointer, c_string, kernel, pointer, pointer_mut, signed,
};

const MEBIBYTE: usize = 1 << 20;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "allocate" => mebibytes(words).and_then(allocate).map(|_| String::new()),
        "allocate-in-child" => mebibytes(words).and_then(allocate_in_child),
        "write-file" => write_file(words),
        "write-memfd" => write_memfd(words),
        _ => return None,
    })
}

fn mebibytes(words: &mut Words) -> Result<usize, Refusal> {
    Ok(signed(words.number()?) * MEBIBYTE)
}

/// Maps so much memory, and has the kernel put a page under all of it.
fn allocate(length: usize) -> Result<i64, Refusal> {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE) as usize;
    kernel("mmap", libc::SYS_mmap, &[0, length, protection, flags, signed(-1), 0])
}

/// Allocates in a child with a name of its own, `greedy`; tells how that ended.
fn allocate_in_child(length: usize) -> Answer {
    let child = kernel("fork", libc::SYS_fork, &[]).map_err(Refusal::in_setup)?;
    if child == 0 {
        let name = c_string("greedy");
        let named = [libc::PR_SET_NAME as usize, c_pointer(&name), 0, 0, 0];
        let done = kernel("prctl", libc::SYS_prctl, &named).and_then(|_| allocate(length)).is_ok();
        std::process::exit(i32::from(!done));
    }
    let mut status = 0_i32;
    let arguments = [signed(child), pointer_mut(&mut status), 0, 0];
    kernel("wait4", libc::SYS_wait4, &arguments).map_err(Refusal::in_setup)?;
    Ok(format!("status={status}"))
}

/// Writes so many MiB to a new file; it stays.
fn write_file(words: &mut Words) -> Answer {
    let path = words.path()?;
    let flags = (libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC) as usize;
    let file = kernel("open", libc::SYS_open, &[c_pointer(&path), flags, 0o666])
        .map_err(Refusal::in_setup)?;
    write_mebibytes(file, words)
}

/// The same to a file that has no name, nor a file system whose size could be limited.
fn write_memfd(words: &mut Words) -> Answer {
    let name = c_string("probe");
    let file = kernel("memfd_create", libc::SYS_memfd_create, &[c_pointer(&name), 0])
        .map_err(Refusal::in_setup)?;
    write_mebibytes(file, words)
}

fn write_mebibytes(file: i64, words: &mut Words) -> Answer {
    let block = vec![1_u8; MEBIBYTE];
    let mut left = mebibytes(words)?;
    while left > 0 {
        let arguments = [signed(file), pointer(&block[..]), left.min(MEBIBYTE)];
        left -= signed(kernel("write", libc::SYS_write, &arguments)?);
    }
    Ok(String::new())
}
