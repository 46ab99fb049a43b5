//! Attempts on other processes of the same user, and on files that may not be written, by calls in
//! which neither a path nor a right is looked at by Landlock.

use crate::answer::{
    Answer, Refusal, Words, c_pointer, c_string, kernel, pointer, pointer_mut, signed,
};
use crate::setup::descriptor_path;

const FCHMODAT2: libc::c_long = 452;
const FS_IOC_GETFLAGS: usize = 0x8008_6601;
const FS_IOC_SETFLAGS: usize = 0x4008_6602;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "limit-other" => limit_other(words),
        "renice-other" => renice_other(words),
        "pin-other" => pin_other(words),
        "schedule-other" => schedule_other(words),
        "io-priority-other" => io_priority_other(words),
        "processor-time-other" => processor_time_other(words),
        "watch" => watch(words),
        "chown" => chown(words),
        "touch" => touch(words),
        "chmod-at" => chmod_at(words),
        "chmod-descriptor" => chmod_descriptor(words),
        "chmod-by-proc" => chmod_by_proc(words),
        "touch-descriptor" => touch_descriptor(words),
        "set-attribute" => set_attribute(words),
        "set-flags" => set_flags(words),
        "request" => request(words),
        "datagram" => datagram(words),
        "mode" => mode(words),
        _ => return None,
    })
}

/// Sets a limit of another process to what it is.
fn limit_other(words: &mut Words) -> Answer {
    let process = signed(words.number()?);
    let mut limit = [0_u64; 2];
    let nofile = libc::RLIMIT_NOFILE as usize;
    kernel("prlimit64", libc::SYS_prlimit64, &[process, nofile, 0, pointer_mut(&mut limit)])?;
    kernel("prlimit64", libc::SYS_prlimit64, &[process, nofile, pointer(&limit), 0]).map(nothing)
}

fn renice_other(words: &mut Words) -> Answer {
    let process = signed(words.number()?);
    let arguments = [libc::PRIO_PROCESS as usize, process, 0];
    kernel("setpriority", libc::SYS_setpriority, &arguments).map(nothing)
}

fn pin_other(words: &mut Words) -> Answer {
    let process = signed(words.number()?);
    let all = [u64::MAX; 16];
    let arguments = [process, size_of_val(&all), pointer(&all)];
    kernel("sched_setaffinity", libc::SYS_sched_setaffinity, &arguments).map(nothing)
}

fn schedule_other(words: &mut Words) -> Answer {
    let process = signed(words.number()?);
    let arguments = [process, libc::SCHED_OTHER as usize, pointer(&0_i32)];
    kernel("sched_setscheduler", libc::SYS_sched_setscheduler, &arguments).map(nothing)
}

fn io_priority_other(words: &mut Words) -> Answer {
    let process = signed(words.number()?);
    // IOPRIO_WHO_PROCESS, and the fourth level of the class best-effort.
    kernel("ioprio_set", libc::SYS_ioprio_set, &[1, process, 2 << 13 | 4]).map(nothing)
}

/// Has the kernel tell what happens in a directory.
fn watch(words: &mut Words) -> Answer {
    let path = words.path()?;
    let queue = kernel("inotify_init1", libc::SYS_inotify_init1, &[0])?;
    let arguments = [signed(queue), c_pointer(&path), libc::IN_ALL_EVENTS as usize];
    kernel("inotify_add_watch", libc::SYS_inotify_add_watch, &arguments).map(nothing)
}

/// Gives a file to whom it belongs.
fn chown(words: &mut Words) -> Answer {
    let path = words.path()?;
    let uid = kernel("getuid", libc::SYS_getuid, &[])?;
    let gid = kernel("getgid", libc::SYS_getgid, &[])?;
    let arguments = [c_pointer(&path), signed(uid), signed(gid)];
    kernel("chown", libc::SYS_chown, &arguments).map(nothing)
}

fn touch(words: &mut Words) -> Answer {
    let path = words.path()?;
    let times = [1_i64, 0, 1, 0];
    let arguments = [signed(libc::AT_FDCWD.into()), c_pointer(&path), pointer(&times), 0];
    kernel("utimensat", libc::SYS_utimensat, &arguments).map(nothing)
}

fn chmod_at(words: &mut Words) -> Answer {
    let mode = signed(words.number()?);
    let path = words.path()?;
    let arguments =
        [signed(libc::AT_FDCWD.into()), c_pointer(&path), mode, libc::AT_SYMLINK_NOFOLLOW as usize];
    kernel("fchmodat2", FCHMODAT2, &arguments).map(nothing)
}

/// Through a descriptor that may only be read.
fn chmod_descriptor(words: &mut Words) -> Answer {
    let mode = signed(words.number()?);
    let file = open(words, libc::O_RDONLY)?;
    kernel("fchmod", libc::SYS_fchmod, &[signed(file), mode]).map(nothing)
}

fn touch_descriptor(words: &mut Words) -> Answer {
    let file = open(words, libc::O_RDONLY)?;
    let times = [1_i64, 0, 1, 0];
    kernel("utimensat", libc::SYS_utimensat, &[signed(file), 0, pointer(&times), 0]).map(nothing)
}

/// By the magic link of a descriptor that needs no right at all.
fn chmod_by_proc(words: &mut Words) -> Answer {
    let mode = signed(words.number()?);
    let file = open(words, libc::O_PATH)?;
    kernel("chmod", libc::SYS_chmod, &[c_pointer(&descriptor_path(file)), mode]).map(nothing)
}

/// Reads the clock of clock_getcpuclockid(3).
fn processor_time_other(words: &mut Words) -> Answer {
    let clock = (!words.number()? << 3 | 2) as usize;
    let mut time = [0_i64; 2];
    kernel("clock_gettime", libc::SYS_clock_gettime, &[clock, pointer_mut(&mut time)]).map(nothing)
}

fn set_attribute(words: &mut Words) -> Answer {
    let path = words.path()?;
    let name = c_string("user.probe");
    let arguments = [c_pointer(&path), c_pointer(&name), pointer(b"x"), 1, 0];
    kernel("setxattr", libc::SYS_setxattr, &arguments).map(nothing)
}

/// Sets the flags of a file (chattr(1)) to what they are.
fn set_flags(words: &mut Words) -> Answer {
    let file = signed(open(words, libc::O_RDONLY)?);
    let mut flags = 0_u64;
    let read = [file, FS_IOC_GETFLAGS, pointer_mut(&mut flags)];
    kernel("ioctl", libc::SYS_ioctl, &read).map_err(Refusal::in_setup)?;
    kernel("ioctl", libc::SYS_ioctl, &[file, FS_IOC_SETFLAGS, pointer(&flags)]).map(nothing)
}

/// Asks the file system for something, with zeros for what it is to read.
fn request(words: &mut Words) -> Answer {
    let request = signed(words.number()?);
    let file = signed(open(words, libc::O_RDONLY)?);
    let mut content = [0_u64; 512];
    kernel("ioctl", libc::SYS_ioctl, &[file, request, pointer_mut(&mut content)]).map(nothing)
}

/// Sends a datagram to a unix socket by its path, from a socket that has a peer already.
fn datagram(words: &mut Words) -> Answer {
    let path = words.path()?;
    let mut pair = [0_i32; 2];
    let kind = [libc::AF_UNIX as usize, libc::SOCK_DGRAM as usize, 0, pointer_mut(&mut pair)];
    kernel("socketpair", libc::SYS_socketpair, &kind)?;
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    address.extend(path.as_bytes_with_nul());
    let (socket, text) = (signed(pair[0].into()), b"hello");
    let arguments =
        [socket, pointer(&text[..]), text.len(), 0, pointer(&address[..]), address.len()];
    kernel("sendto", libc::SYS_sendto, &arguments).map(nothing)
}

/// The mode and the time of the last change of a file.
fn mode(words: &mut Words) -> Answer {
    use std::os::unix::fs::MetadataExt;
    let path = words.next()?;
    let state = std::fs::metadata(path).map_err(|error| crate::answer::failed("stat", &error))?;
    Ok(format!("{:o} {}", state.mode() & 0o7777, state.mtime()))
}

fn open(words: &mut Words, flags: i32) -> Result<i64, Refusal> {
    let path = words.path()?;
    kernel("open", libc::SYS_open, &[c_pointer(&path), flags as usize]).map_err(Refusal::in_setup)
}

fn nothing(_: i64) -> String {
    String::new()
}
