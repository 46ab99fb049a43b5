//! Programs that keep passwords: `docker-credential-NAME get`.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use crate::diagnostic::{Diagnostic, cause};

use super::super::options::Surroundings;
use super::Credentials;

/// What the helper that a file names has for a server; `None` if it has nothing.
pub fn ask(
    name: &str,
    server: &str,
    file: &str,
    here: &Surroundings,
) -> Result<Option<Credentials>, Diagnostic> {
    ask_within(TIME, name, server, file, here)
}

fn ask_within(
    time: Duration,
    name: &str,
    server: &str,
    file: &str,
    here: &Surroundings,
) -> Result<Option<Credentials>, Diagnostic> {
    let program = program(name, file)?;
    let failed = |why: String| {
        Diagnostic::error(format!("`{program}` gives no credentials for `{server}`")).because(why)
    };
    let mut child = start(&program, here).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => failed(cause(&error))
            .help(format!("install `{program}`, or take `{name}` out of `{file}`")),
        _ => failed(cause(&error)),
    })?;
    let end = Instant::now() + time;
    let answer = talk(&mut child, server, end, time);
    if answer.is_err() {
        // It is ended whatever it is doing; that it has ended already is fine.
        let _ = child.kill();
    }
    let status = wait(child, end);
    let answer = answer.map_err(failed)?;
    let status = status.map_err(failed)?;
    let text = String::from_utf8_lossy(&answer);
    if !status.success() {
        return match text.trim() {
            NOTHING => Ok(None),
            "" => Err(failed(format!("it ended with {status}"))),
            said => Err(failed(format!("it says: {}", said.chars().take(200).collect::<String>()))),
        };
    }
    // The text is not shown: it may be a password in an odd form.
    let found: Found =
        serde_json::from_str(&text).map_err(|_| failed("its answer is not valid".to_owned()))?;
    Ok(Some(found.credentials()))
}

/// The name comes from a file that anything may have written for the user; it must stay a name.
fn program(name: &str, file: &str) -> Result<String, Diagnostic> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_fine) {
        return Err(Diagnostic::error(format!("`{name}` is no name of a credential helper"))
            .because(format!("`{file}` asks for the program `docker-credential-{name}`"))
            .help("correct `credsStore` or `credHelpers` there"));
    }
    Ok(format!("docker-credential-{name}"))
}

/// The words of every helper for this case (docker-credential-helpers, `errCredentialsNotFound`).
const NOTHING: &str = "credentials not found in native keychain";
const TIME: Duration = Duration::from_secs(30);
const MOST_OUTPUT: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    username: String,
    secret: String,
}

impl Found {
    fn credentials(self) -> Credentials {
        if self.username == "<token>" {
            return Credentials::Identity(self.secret);
        }
        Credentials::Password { user: self.username, password: self.secret }
    }
}

fn start(program: &str, here: &Surroundings) -> std::io::Result<Child> {
    Command::new(program)
        .arg("get")
        .env_clear()
        .envs(here.variables())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

/// Everything that it prints, within the time.
fn talk(child: &mut Child, server: &str, end: Instant, time: Duration) -> Result<Vec<u8>, String> {
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A helper that does not want to know may be gone already; its answer tells.
    let _ = stdin.write_all(server.as_bytes());
    drop(stdin);
    let stdout = child.stdout.as_mut().expect("it is a pipe");
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let wait = PollTimeout::try_from(left).expect("half a minute fits");
        match poll(&mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)], wait) {
            Ok(0) => return Err(format!("no answer in {} seconds", time.as_secs())),
            Ok(_) => (),
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(crate::diagnostic::errno_cause(errno)),
        }
        match stdout.read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
            Err(error) => return Err(cause(&error)),
        }
        if answer.len() > MOST_OUTPUT {
            return Err("its answer is too long".to_owned());
        }
    }
}

/// How it ended. One that has said everything and does not end is ended.
fn wait(mut child: Child, end: Instant) -> Result<ExitStatus, String> {
    let process = Pid::from_raw(i32::try_from(child.id()).expect("it is a pid"));
    let (sender, ended) = channel();
    // Nobody has waited for it yet, so the number is still its own.
    let end_it = || kill(process, Signal::SIGKILL).map_err(crate::diagnostic::errno_cause);
    if let Err(error) = Builder::new().spawn(move || sender.send(child.wait())) {
        end_it()?;
        return Err(format!("cannot start a thread: {}", cause(&error)));
    }
    match ended.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(status) => status.map_err(|error| cause(&error)),
        Err(_) => {
            end_it()?;
            Err("it has answered and does not end".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn asked(script: &str) -> Result<Option<Credentials>, Diagnostic> {
        asked_within(TIME, script)
    }

    fn asked_within(time: Duration, script: &str) -> Result<Option<Credentials>, Diagnostic> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker-credential-test");
        fs::write(directory.path().join("script"), script).unwrap();
        write_program(&path, &directory.path().join("script"));
        let search = format!("{}:/usr/bin:/bin", directory.path().display());
        let here = Surroundings::new([("PATH", search)], "/etc");
        ask_within(time, "test", "r.example", "config.json", &here)
    }

    /// Written by another process: a child of another thread, between fork and exec, would have
    /// a descriptor of it, and nobody could execute it (ETXTBSY).
    fn write_program(path: &Path, script: &Path) {
        let made = Command::new("sh")
            .args(["-c", "printf '#!/bin/sh\\n. %s\\n' \"$1\" >\"$2\"", "sh"])
            .args([script, path])
            .status();
        assert!(made.unwrap().success());
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_helper_is_asked_by_name() {
        let script = "[ \"$1\" = get ] && [ \"$(cat)\" = r.example ] || exit 3\n\
                      echo '{\"ServerURL\":\"x\",\"Username\":\"me\",\"Secret\":\"s\"}'";
        let wanted = Credentials::Password { user: "me".to_owned(), password: "s".to_owned() };
        assert!(asked(script).unwrap() == Some(wanted));
        let script = "echo '{\"Username\":\"<token>\",\"Secret\":\"s\"}'";
        assert!(asked(script).unwrap() == Some(Credentials::Identity("s".to_owned())));
    }

    #[test]
    fn a_helper_may_have_nothing() {
        let script = "echo credentials not found in native keychain; exit 1";
        assert!(asked(script).unwrap().is_none());
    }

    #[test]
    fn a_helper_that_fails_is_an_error() {
        for (script, why) in [
            ("echo locked; exit 1", "it says: locked"),
            ("exit 1", "it ended with exit status: 1"),
            ("echo no json", "its answer is not valid"),
            ("yes", "its answer is too long"),
        ] {
            let error = asked(script).err().unwrap();
            assert_eq!(error.because.as_deref(), Some(why), "{script}");
        }
    }

    #[test]
    fn a_helper_that_does_not_end_is_ended() {
        for (script, why) in [
            ("exec sleep 1000", "no answer in 0 seconds"),
            ("exec sleep 1000 >&-", "it has answered and does not end"),
        ] {
            let error = asked_within(Duration::from_millis(300), script).err().unwrap();
            assert_eq!(error.because.as_deref(), Some(why), "{script}");
        }
    }

    #[test]
    fn a_helper_is_no_path() {
        for name in ["", "../x", "a/b", "a b", "a\0"] {
            assert!(ask(name, "r", "config.json", &Surroundings::here()).is_err(), "{name}");
        }
        let nowhere = Surroundings::new([("PATH", "/nowhere")], "/etc");
        let error = ask("missing", "r", "config.json", &nowhere);
        assert!(error.err().unwrap().help[0].contains("`docker-credential-missing`"));
    }
}
