//! Steps before an attempt: waiting, holding, a user namespace, another program.

use std::ffi::{CString, OsStr};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::sync::Arc;

use crate::answer::{Answer, Refusal, Words, c_pointer, c_string, failed, kernel, pointer, signed};

const KEY_SPEC_SESSION_KEYRING: i64 = -3;
const KEYCTL_JOIN_SESSION_KEYRING: usize = 1;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "say" => words.text(),
        "wait-line" => wait_line(),
        "pause" => pause("paused"),
        "in-userns" => in_userns(),
        "in-session" => kernel("setsid", libc::SYS_setsid, &[]).map(|_| String::new()),
        "chdir" => chdir(words),
        "with-fd" => with_fd(words).and_then(|()| execute(words)),
        "with-session-key" => with_session_key(words).and_then(|()| execute(words)),
        "on-terminal" => on_terminal().and_then(|()| execute(words)),
        "under-policy" => under_policy(words).and_then(|()| execute(words)),
        "exec" => execute(words),
        _ => return None,
    })
}

/// Is the rest of the command line, `--` included, for the program that this step executes?
pub fn takes_all(name: &OsStr) -> bool {
    ["with-fd", "with-session-key", "on-terminal", "under-policy", "exec", "kill-sweep"]
        .iter()
        .any(|step| name == *step)
}

/// Reads one line of standard input: the test says when to go on.
fn wait_line() -> Answer {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') {
        match std::io::stdin().read(&mut byte) {
            Ok(0) => return Err(Refusal::Setup("standard input ended".into())),
            Ok(_) => line.push(byte[0]),
            Err(error) => return Err(failed("read", &error)),
        }
    }
    Ok(String::new())
}

/// Says what it is now, and stays that until it is killed.
pub fn pause(state: &str) -> Answer {
    use std::io::Write;
    writeln!(std::io::stdout(), "ok {state}").map_err(|error| failed("write", &error))?;
    loop {
        // Interrupted by a stop and a continuation, it goes back to sleep.
        if let Err(Refusal::Errno { errno, .. }) = kernel("pause", libc::SYS_pause, &[])
            && errno != libc::EINTR
        {
            return Err(Refusal::Errno { call: "pause", errno });
        }
    }
}

/// Becomes root in new namespaces, with every capability there: what an ordinary user can
/// have outside.
fn in_userns() -> Answer {
    let uid = kernel("getuid", libc::SYS_getuid, &[])?;
    let gid = kernel("getgid", libc::SYS_getgid, &[])?;
    let flags = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWNET;
    kernel("unshare", libc::SYS_unshare, &[signed(flags.into())]).map_err(Refusal::in_setup)?;
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_string()),
        ("/proc/self/uid_map", format!("0 {uid} 1")),
        ("/proc/self/gid_map", format!("0 {gid} 1")),
    ] {
        std::fs::write(file, text)
            .map_err(|error| Refusal::Setup(format!("write {file}: {error}")))?;
    }
    Ok(String::new())
}

fn chdir(words: &mut Words) -> Answer {
    let path = words.path()?;
    kernel("chdir", libc::SYS_chdir, &[c_pointer(&path)]).map(|_| String::new())
}

/// Opens a file as a given descriptor that the program inherits.
fn with_fd(words: &mut Words) -> Result<(), Refusal> {
    let target = signed(words.number()?);
    let path = words.path()?;
    let source = kernel("open", libc::SYS_open, &[c_pointer(&path), libc::O_RDONLY as usize])
        .map_err(Refusal::in_setup)?;
    kernel("dup2", libc::SYS_dup2, &[signed(source), target]).map_err(Refusal::in_setup)?;
    if signed(source) != target {
        kernel("close", libc::SYS_close, &[signed(source)]).map_err(Refusal::in_setup)?;
    }
    Ok(())
}

/// Joins a new session keyring with one key in it, as pam_keyinit(8) and a login do.
fn with_session_key(words: &mut Words) -> Result<(), Refusal> {
    let description = words.path()?;
    let payload = words.text()?;
    let kind = c_string("user");
    kernel("keyctl", libc::SYS_keyctl, &[KEYCTL_JOIN_SESSION_KEYRING, 0])
        .map_err(Refusal::in_setup)?;
    kernel(
        "add_key",
        libc::SYS_add_key,
        &[
            c_pointer(&kind),
            c_pointer(&description),
            pointer(payload.as_bytes()),
            payload.len(),
            signed(KEY_SPEC_SESSION_KEYRING),
        ],
    )
    .map_err(Refusal::in_setup)?;
    Ok(())
}

/// Makes standard input the controlling terminal of a new session.
fn on_terminal() -> Result<(), Refusal> {
    kernel("setsid", libc::SYS_setsid, &[]).map_err(Refusal::in_setup)?;
    kernel("ioctl TIOCSCTTY", libc::SYS_ioctl, &[0, libc::TIOCSCTTY as usize, 0])
        .map_err(Refusal::in_setup)?;
    Ok(())
}

/// Loads a filter in docker's format, as the starter of a container does.
fn under_policy(words: &mut Words) -> Result<(), Refusal> {
    use jail::diagnostic::{Located, Origin, Source};
    use jail::plan::filter;
    use jail::profile::{Base, PathText, Seccomp, SeccompPolicy};

    let name = words.next()?;
    let text = std::fs::read_to_string(&name).map_err(|error| failed("read", &error))?;
    let source = Arc::new(Source { name: name.to_string_lossy().into_owned(), text });
    let file = SeccompPolicy::File(PathText { text: name, base: Base::WorkingDirectory });
    let policy = Some(Located::new(file, Origin::BuiltIn));
    let seccomp = Seccomp { policy, ..Seccomp::default() };
    let request = filter::Request {
        seccomp: &seccomp,
        text: Some(&source),
        nesting: true,
        kept: &[],
        release: (6, 12),
        hugepages: None,
        ports: None,
    };
    let drawn = filter::draw(&request).map_err(|errors| Refusal::Setup(format!("{errors:?}")))?;
    let filter = drawn.ok_or_else(|| Refusal::Setup("no filter".into()))?;
    seccompiler::apply_filter(&jail::script::bpf::assemble(&filter))
        .map_err(|error| Refusal::Setup(error.to_string()))
}

/// Becomes another program.
fn execute(words: &mut Words) -> Answer {
    let program = words.next()?;
    let error = std::process::Command::new(program).args(words.rest()).exec();
    Err(failed("execve", &error))
}

/// A path below /proc for this process's descriptor.
pub fn descriptor_path(descriptor: i64) -> CString {
    c_string(format!("/proc/self/fd/{descriptor}"))
}
