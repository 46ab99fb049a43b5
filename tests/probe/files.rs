//! Attempts on files: reading, writing, and getting around names.

use std::ffi::CString;

use crate::answer::{
    Answer, Refusal, Words, c_pointer, kernel, one_line, pointer, pointer_mut, signed,
};
use crate::setup::descriptor_path;

const AT_FDCWD: usize = signed(libc::AT_FDCWD as i64);
/// As much of a file as an answer shows.
const SHOWN: usize = 64 * 1024;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "read" => words.path().and_then(|path| read_path(&path, libc::O_RDONLY)),
        "read-beneath" => read_beneath(words),
        "reopen-path" => reopen_path(words),
        "write" => write(words),
        "create" => create(words),
        "reopen" => reopen(words),
        "fill" => fill(words),
        "list" => list(words),
        "list-fd" => list_descriptors(),
        "walk-up" => walk_up(words),
        "stat" => stat(words),
        "readlink" => readlink(words),
        "open-read" => open_as(words, libc::O_RDONLY),
        "open-write" => open_as(words, libc::O_WRONLY),
        "truncate" => one_path(words, "truncate", libc::SYS_truncate, 0),
        "unlink" => one_path(words, "unlink", libc::SYS_unlink, 0),
        "rmdir" => one_path(words, "rmdir", libc::SYS_rmdir, 0),
        "mkdir" => one_path(words, "mkdir", libc::SYS_mkdir, 0o777),
        "chmod" => chmod(words),
        "mknod" => mknod(words),
        "rename" => two_paths(words, "rename", libc::SYS_rename),
        "link" => two_paths(words, "link", libc::SYS_link),
        "symlink" => two_paths(words, "symlink", libc::SYS_symlink),
        "exchange" => exchange(words),
        "read-at" => read_at(words),
        _ => return None,
    })
}

/// Opens a path with flags; `O_CLOEXEC` is added.
fn open(path: &CString, flags: i32) -> Result<i64, Refusal> {
    let flags = signed((flags | libc::O_CLOEXEC).into());
    kernel("openat", libc::SYS_openat, &[AT_FDCWD, c_pointer(path), flags, 0o666])
}

fn read_path(path: &CString, flags: i32) -> Answer {
    read_all(open(path, flags)?)
}

fn read_all(descriptor: i64) -> Answer {
    let mut text = vec![0_u8; SHOWN];
    let mut length = 0;
    while length < SHOWN {
        let room = &mut text[length..];
        let arguments = [signed(descriptor), pointer_mut(&mut *room), SHOWN - length];
        match kernel("read", libc::SYS_read, &arguments)? {
            0 => break,
            more => length += usize::try_from(more).expect("a length is not negative"),
        }
    }
    Ok(one_line(&text[..length]))
}

/// openat2(2) without any restriction: another door to the same file.
fn read_beneath(words: &mut Words) -> Answer {
    let path = words.path()?;
    let how = [libc::O_RDONLY as u64, 0, 0];
    let arguments = [AT_FDCWD, c_pointer(&path), pointer(&how), size_of_val(&how)];
    read_all(kernel("openat2", libc::SYS_openat2, &arguments)?)
}

/// Opens only the place, then the file through the descriptor's magic link.
fn reopen_path(words: &mut Words) -> Answer {
    let place = open(&words.path()?, libc::O_PATH)?;
    read_path(&descriptor_path(place), libc::O_RDONLY)
}

fn write(words: &mut Words) -> Answer {
    let path = words.path()?;
    let text = words.text()?;
    let file = open(&path, libc::O_WRONLY)?;
    kernel("write", libc::SYS_write, &[signed(file), pointer(text.as_bytes()), text.len()])?;
    Ok(String::new())
}

/// Opens and leaves it at that: the content of some files must not be touched.
fn open_as(words: &mut Words, flags: i32) -> Answer {
    open(&words.path()?, flags).map(|_| String::new())
}

fn create(words: &mut Words) -> Answer {
    open(&words.path()?, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL).map(|_| String::new())
}

/// Opens a descriptor once more through /proc, for writing.
fn reopen(words: &mut Words) -> Answer {
    let descriptor = words.number()?;
    let flags = match words.text()?.as_str() {
        "write" => libc::O_WRONLY,
        "truncate" => libc::O_WRONLY | libc::O_TRUNC,
        "read" => return read_path(&descriptor_path(descriptor), libc::O_RDONLY),
        other => return Err(Refusal::Usage(format!("`{other}`: read, write or truncate"))),
    };
    open(&descriptor_path(descriptor), flags).map(|_| String::new())
}

/// Reserves so many MiB in a new file.
fn fill(words: &mut Words) -> Answer {
    let path = words.path()?;
    let mebibytes = words.number()?;
    let file = open(&path, libc::O_WRONLY | libc::O_CREAT).map_err(Refusal::in_setup)?;
    let reserved =
        kernel("fallocate", libc::SYS_fallocate, &[signed(file), 0, 0, signed(mebibytes << 20)]);
    kernel("unlink", libc::SYS_unlink, &[c_pointer(&path)]).map_err(Refusal::in_setup)?;
    reserved.map(|_| String::new())
}

/// The names in a directory, sorted.
fn list(words: &mut Words) -> Answer {
    names(open(&words.path()?, libc::O_RDONLY | libc::O_DIRECTORY)?)
}

fn names(directory: i64) -> Answer {
    let mut names = Vec::new();
    let mut buffer = vec![0_u8; SHOWN];
    loop {
        let arguments = [signed(directory), pointer_mut(&mut buffer[..]), SHOWN];
        let length = kernel("getdents64", libc::SYS_getdents64, &arguments)?;
        let mut entries = &buffer[..usize::try_from(length).expect("a length is not negative")];
        if entries.is_empty() {
            break;
        }
        while !entries.is_empty() {
            // struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name.
            let length = usize::from(u16::from_ne_bytes([entries[16], entries[17]]));
            let name = entries[19..length].split(|byte| *byte == 0).next().unwrap_or(&[]);
            names.push(one_line(name));
            entries = &entries[length..];
        }
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names.join(" "))
}

/// The numbers of all open descriptors and what they refer to.
fn list_descriptors() -> Answer {
    let directory = open(&crate::answer::c_string("/proc/self/fd"), libc::O_DIRECTORY)?;
    let numbers = names(directory)?;
    Ok(numbers
        .split(' ')
        .filter(|number| **number != directory.to_string())
        .collect::<Vec<_>>()
        .join(" "))
}

/// Opens `..` again and again, never by an absolute path, and lists where it ends.
fn walk_up(words: &mut Words) -> Answer {
    let mut directory = open(&crate::answer::c_string("."), libc::O_RDONLY | libc::O_DIRECTORY)?;
    let parent = crate::answer::c_string("..");
    for _ in 0..words.number()? {
        let flags = (libc::O_RDONLY | libc::O_DIRECTORY) as usize;
        let arguments = [signed(directory), c_pointer(&parent), flags];
        let above = kernel("openat", libc::SYS_openat, &arguments)?;
        kernel("close", libc::SYS_close, &[signed(directory)])?;
        directory = above;
    }
    names(directory)
}

fn stat(words: &mut Words) -> Answer {
    let path = words.path()?;
    let mut answer = [0_u8; size_of::<libc::statx>()];
    let mask = libc::STATX_BASIC_STATS as usize;
    let arguments = [
        AT_FDCWD,
        c_pointer(&path),
        libc::AT_SYMLINK_NOFOLLOW as usize,
        mask,
        pointer_mut(&mut answer),
    ];
    kernel("statx", libc::SYS_statx, &arguments)?;
    // struct statx: stx_uid at 20, stx_mode at 28, stx_size at 40.
    let uid = u32::from_ne_bytes(answer[20..24].try_into().expect("4 bytes"));
    let mode = u16::from_ne_bytes(answer[28..30].try_into().expect("2 bytes"));
    let size = u64::from_ne_bytes(answer[40..48].try_into().expect("8 bytes"));
    Ok(format!("mode={mode:o} uid={uid} size={size}"))
}

fn readlink(words: &mut Words) -> Answer {
    let path = words.path()?;
    let mut target = vec![0_u8; 4096];
    let arguments = [AT_FDCWD, c_pointer(&path), pointer_mut(&mut target[..]), 4096];
    let length = kernel("readlinkat", libc::SYS_readlinkat, &arguments)?;
    Ok(one_line(&target[..usize::try_from(length).expect("a length is not negative")]))
}

fn chmod(words: &mut Words) -> Answer {
    let mode = signed(words.number()?);
    let path = words.path()?;
    kernel("chmod", libc::SYS_chmod, &[c_pointer(&path), mode]).map(|_| String::new())
}

/// A device node, by kind (`char` or `block`), major and minor number.
fn mknod(words: &mut Words) -> Answer {
    let path = words.path()?;
    let kind = match words.text()?.as_str() {
        "char" => libc::S_IFCHR,
        "block" => libc::S_IFBLK,
        other => return Err(Refusal::Usage(format!("`{other}`: char or block"))),
    };
    let device = libc::makedev(as_u32(words.number()?), as_u32(words.number()?));
    let arguments = [c_pointer(&path), (kind | 0o666) as usize, device as usize];
    kernel("mknod", libc::SYS_mknod, &arguments).map(|_| String::new())
}

fn exchange(words: &mut Words) -> Answer {
    let (from, to) = (words.path()?, words.path()?);
    let flags = libc::RENAME_EXCHANGE as usize;
    let arguments = [AT_FDCWD, c_pointer(&from), AT_FDCWD, c_pointer(&to), flags];
    kernel("renameat2", libc::SYS_renameat2, &arguments).map(|_| String::new())
}

/// Reads a path relative to an inherited directory.
fn read_at(words: &mut Words) -> Answer {
    let directory = words.number()?;
    let path = words.path()?;
    let arguments = [signed(directory), c_pointer(&path), libc::O_RDONLY as usize];
    read_all(kernel("openat", libc::SYS_openat, &arguments)?)
}

fn one_path(words: &mut Words, call: &'static str, number: libc::c_long, extra: usize) -> Answer {
    let path = words.path()?;
    kernel(call, number, &[c_pointer(&path), extra]).map(|_| String::new())
}

fn two_paths(words: &mut Words, call: &'static str, number: libc::c_long) -> Answer {
    let (from, to) = (words.path()?, words.path()?);
    kernel(call, number, &[c_pointer(&from), c_pointer(&to)]).map(|_| String::new())
}

fn as_u32(number: i64) -> u32 {
    u32::try_from(number).expect("a device number fits")
}
