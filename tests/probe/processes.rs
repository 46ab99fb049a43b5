//! Attempts on other processes, and what this process is.

use std::ffi::CString;

use crate::answer::{Answer, Refusal, Words, failed, kernel, pointer, pointer_mut, signed};

const PTRACE_EVENT_STOP_ONLY: usize = 0;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "kill" => kill(words),
        "pidfd-open" => pidfd_open(words).map(|_| String::new()),
        "pidfd-getfd" => pidfd_getfd(words),
        "pidfd-signal" => pidfd_signal(words),
        "trace" => trace(words),
        "trace-child" => with_child(trace_and_let_go),
        "read-memory" => words.number().and_then(read_memory),
        "read-memory-child" => with_child(read_memory),
        "kcmp" => kcmp(words),
        "fork-many" => fork_many(words),
        "ids" => ids(),
        "status" => status(words),
        "limit" => limit(words),
        "set-limit" => set_limit(words),
        "environment" => environment(words),
        "pids" => pids().map(|pids| pids.join(" ")),
        "search-processes" => search_processes(words),
        "host-name" => host_name(),
        _ => return None,
    })
}

fn kill(words: &mut Words) -> Answer {
    let (process, signal) = (words.number()?, words.number()?);
    kernel("kill", libc::SYS_kill, &[signed(process), signed(signal)]).map(|_| String::new())
}

fn pidfd_open(words: &mut Words) -> Result<i64, Refusal> {
    let process = words.number()?;
    kernel("pidfd_open", libc::SYS_pidfd_open, &[signed(process), 0])
}

/// Takes a copy of another process's descriptor.
fn pidfd_getfd(words: &mut Words) -> Answer {
    let process = pidfd_open(words).map_err(Refusal::in_setup)?;
    let wanted = words.number()?;
    let arguments = [signed(process), signed(wanted), 0];
    kernel("pidfd_getfd", libc::SYS_pidfd_getfd, &arguments).map(|_| String::new())
}

fn pidfd_signal(words: &mut Words) -> Answer {
    let process = pidfd_open(words).map_err(Refusal::in_setup)?;
    let arguments = [signed(process), signed(words.number()?), 0, 0];
    kernel("pidfd_send_signal", libc::SYS_pidfd_send_signal, &arguments).map(|_| String::new())
}

fn trace(words: &mut Words) -> Answer {
    trace_and_let_go(words.number()?)
}

/// Attaches without stopping the process, so that it can be left without a trace.
fn trace_and_let_go(process: i64) -> Answer {
    let arguments = [libc::PTRACE_SEIZE as usize, signed(process), 0, PTRACE_EVENT_STOP_ONLY];
    kernel("ptrace", libc::SYS_ptrace, &arguments).map(|_| String::new())
}

/// Reads one byte of another process.
fn read_memory(process: i64) -> Answer {
    let mut byte = [0_u8];
    let local = [pointer_mut(&mut byte), 1];
    let remote = [mapped_address(process), 1];
    let arguments = [signed(process), pointer(&local), 1, pointer(&remote), 1, 0];
    kernel("process_vm_readv", libc::SYS_process_vm_readv, &arguments).map(|_| String::new())
}

/// An address that the process has: the first of its maps. If those cannot be seen, any other:
/// the kernel asks for the right to read before it looks for the page.
fn mapped_address(process: i64) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
    let first = maps.split('-').next().unwrap_or_default();
    usize::from_str_radix(first, 16).unwrap_or(mapped_address as *const () as usize)
}

/// Are the memories of two processes the same object? Its answer leaks kernel addresses' order.
fn kcmp(words: &mut Words) -> Answer {
    let process = match words.number()? {
        0 => kernel("getpid", libc::SYS_getpid, &[])?,
        other => other,
    };
    let process = signed(process);
    kernel("kcmp", libc::SYS_kcmp, &[process, process, 1, 0, 0]).map(|_| String::new())
}

/// Makes so many sleeping children, says how far it got, and ends them.
fn fork_many(words: &mut Words) -> Answer {
    let mut children = Vec::new();
    let mut refused = None;
    for _ in 0..words.number()? {
        match fork_paused() {
            Ok(child) => children.push(child),
            Err(refusal) => {
                refused = Some(refusal);
                break;
            }
        }
    }
    for child in &children {
        end(*child).map_err(Refusal::in_setup)?;
    }
    match refused {
        Some(refusal) => Err(refusal),
        None => Ok(children.len().to_string()),
    }
}

/// Makes a sleeping child for the attempt, and ends it.
fn with_child(attempt: fn(i64) -> Answer) -> Answer {
    let child = fork_paused().map_err(Refusal::in_setup)?;
    let answer = attempt(child);
    end(child).map_err(Refusal::in_setup)?;
    answer
}

/// Makes a child that sleeps, and ends with this process.
pub fn fork_paused() -> Result<i64, Refusal> {
    let child = kernel("fork", libc::SYS_fork, &[])?;
    if child != 0 {
        return Ok(child);
    }
    // The child must not come back into the caller, whatever pause(2) says.
    let kill = libc::PR_SET_PDEATHSIG as usize;
    let _ = kernel("prctl", libc::SYS_prctl, &[kill, libc::SIGKILL as usize, 0, 0, 0]);
    loop {
        let _ = kernel("pause", libc::SYS_pause, &[]);
    }
}

/// Kills a child, and waits for its end.
pub fn end(child: i64) -> Result<(), Refusal> {
    let mut status = 0_i32;
    kernel("kill", libc::SYS_kill, &[signed(child), libc::SIGKILL as usize])?;
    kernel("wait4", libc::SYS_wait4, &[signed(child), pointer_mut(&mut status), 0, 0])?;
    Ok(())
}

fn ids() -> Answer {
    let uid = kernel("getuid", libc::SYS_getuid, &[])?;
    let euid = kernel("geteuid", libc::SYS_geteuid, &[])?;
    let gid = kernel("getgid", libc::SYS_getgid, &[])?;
    let egid = kernel("getegid", libc::SYS_getegid, &[])?;
    Ok(format!("uid={uid} euid={euid} gid={gid} egid={egid}"))
}

/// The values of the named lines of /proc/self/status.
fn status(words: &mut Words) -> Answer {
    let text = std::fs::read_to_string("/proc/self/status")
        .map_err(|error| failed("read /proc/self/status", &error))?;
    let mut values = Vec::new();
    for wanted in words.rest() {
        let wanted = wanted.to_string_lossy().into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(&wanted)?.strip_prefix(':'));
        let value = value.ok_or_else(|| Refusal::Setup(format!("no line `{wanted}`")))?;
        values.push(format!("{wanted}={}", value.trim()));
    }
    Ok(values.join(" "))
}

/// Soft and hard limit of a resource by its number.
fn limit(words: &mut Words) -> Answer {
    let resource = words.number()?;
    let mut limits = [0_u64; 2];
    let arguments = [0, signed(resource), 0, pointer_mut(&mut limits)];
    kernel("prlimit64", libc::SYS_prlimit64, &arguments)?;
    Ok(format!("soft={} hard={}", limits[0], limits[1]))
}

/// Sets soft and hard limit of a resource by its number.
fn set_limit(words: &mut Words) -> Answer {
    let resource = words.number()?;
    let limits = [words.number()?, words.number()?];
    let arguments = [0, signed(resource), pointer(&limits), 0];
    kernel("prlimit64", libc::SYS_prlimit64, &arguments).map(|_| String::new())
}

/// All variables, or the named one.
fn environment(words: &mut Words) -> Answer {
    let Some(name) = words.optional() else {
        let all: Vec<String> = std::env::vars_os()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        return Ok(all.join(" "));
    };
    match std::env::var_os(&name) {
        Some(value) => Ok(value.to_string_lossy().into_owned()),
        None => Err(Refusal::Errno { call: "getenv", errno: libc::ENOENT }),
    }
}

/// The processes that /proc shows.
fn pids() -> Result<Vec<String>, Refusal> {
    let entries = std::fs::read_dir("/proc").map_err(|error| failed("open /proc", &error))?;
    let mut pids = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| failed("getdents64 /proc", &error))?.file_name();
        pids.extend(name.to_string_lossy().parse::<u32>());
    }
    pids.sort_unstable();
    Ok(pids.iter().map(u32::to_string).collect())
}

/// Looks for a text in the arguments and the environment of every other process.
fn search_processes(words: &mut Words) -> Answer {
    let text = words.text()?;
    let own = std::process::id().to_string();
    for pid in pids()?.iter().filter(|pid| **pid != own) {
        for file in ["cmdline", "environ"] {
            // Others' files cannot be read, and a process may end meanwhile.
            let content = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            if content.windows(text.len()).any(|part| part == text.as_bytes()) {
                return Ok(file.to_string());
            }
        }
    }
    Err(Refusal::Errno { call: "search", errno: libc::ENOENT })
}

fn host_name() -> Answer {
    let mut names = [0_u8; size_of::<libc::utsname>()];
    kernel("uname", libc::SYS_uname, &[pointer_mut(&mut names)])?;
    let node: Vec<u8> = names[65..130].iter().copied().take_while(|byte| *byte != 0).collect();
    Ok(CString::new(node).expect("it ends at the first NUL byte").to_string_lossy().into_owned())
}
