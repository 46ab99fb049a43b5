//! Attempts to get into other namespaces, new or old.

use crate::answer::{
    Answer, Refusal, Words, c_pointer, c_string, kernel, pointer, pointer_mut, signed,
};

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "unshare" => flags(words)
            .and_then(|flags| kernel("unshare", libc::SYS_unshare, &[flags]))
            .map(|_| String::new()),
        "clone" => clone(words),
        "clone3" => clone3(words),
        "setns" => setns(words),
        "sethostname" => host_name(words, "sethostname", libc::SYS_sethostname),
        "setdomainname" => host_name(words, "setdomainname", libc::SYS_setdomainname),
        _ => return None,
    })
}

/// The clone flag of a namespace by its name in /proc/PID/ns, or `none`.
fn flags(words: &mut Words) -> Result<usize, Refusal> {
    let flag = match words.text()?.as_str() {
        "none" => 0,
        "user" => libc::CLONE_NEWUSER,
        "mnt" => libc::CLONE_NEWNS,
        "pid" => libc::CLONE_NEWPID,
        "net" => libc::CLONE_NEWNET,
        "ipc" => libc::CLONE_NEWIPC,
        "uts" => libc::CLONE_NEWUTS,
        "cgroup" => libc::CLONE_NEWCGROUP,
        "time" => 0x80,
        other => return Err(Refusal::Usage(format!("there is no namespace `{other}`"))),
    };
    Ok(signed(flag.into()))
}

fn clone(words: &mut Words) -> Answer {
    let flags = flags(words)? | libc::SIGCHLD as usize;
    let child = kernel("clone", libc::SYS_clone, &[flags])?;
    end_or_reap(child)
}

/// The flags are in memory here, where a filter cannot see them.
fn clone3(words: &mut Words) -> Answer {
    let mut arguments = [0_u64; 8];
    arguments[0] = flags(words)? as u64;
    arguments[4] = libc::SIGCHLD as u64;
    let size = size_of_val(&arguments);
    end_or_reap(kernel("clone3", libc::SYS_clone3, &[pointer(&arguments), size])?)
}

/// In the child, ends it; in the parent, waits for that.
fn end_or_reap(child: i64) -> Answer {
    if child == 0 {
        kernel("exit_group", libc::SYS_exit_group, &[0])?;
    }
    let mut status = 0_i32;
    kernel("wait4", libc::SYS_wait4, &[signed(child), pointer_mut(&mut status)])?;
    Ok(String::new())
}

/// Enters the namespace that a file refers to; which kind it is, the kernel sees itself.
fn setns(words: &mut Words) -> Answer {
    let path = words.path()?;
    let arguments = [c_pointer(&path), (libc::O_RDONLY | libc::O_CLOEXEC) as usize];
    let namespace = kernel("open", libc::SYS_open, &arguments).map_err(Refusal::in_setup)?;
    kernel("setns", libc::SYS_setns, &[signed(namespace), 0]).map(|_| String::new())
}

fn host_name(words: &mut Words, call: &'static str, number: libc::c_long) -> Answer {
    let name = c_string(words.next()?);
    kernel(call, number, &[c_pointer(&name), name.as_bytes().len()]).map(|_| String::new())
}
