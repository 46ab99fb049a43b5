//! A terminal with somebody at it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};

use super::running::PATIENCE;
use super::spawn::{shown, spawn};
use super::{Jail, probe_binary};

/// A command on a pseudo-terminal, which is its controlling terminal.
#[derive(Debug)]
pub struct Pty {
    command: String,
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// All that was shown so far.
    shown: String,
    /// How much of that has been waited for.
    read: usize,
}

impl Pty {
    /// Starts a command line, such as one of [`Jail::run_line`], on a new terminal of
    /// 24 rows and 80 columns.
    pub fn start(jail: &Jail, line: Vec<OsString>) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a pseudo-terminal can be had");
        close_on_exec(&pty.master);
        close_on_exec(&pty.slave);
        own_terminal(jail, &pty.slave);
        let stdio = || Stdio::from(pty.slave.try_clone().expect("a descriptor can be copied"));
        // The probe makes it the controlling terminal, which takes a system call in the child.
        let probe = probe_binary().as_os_str().to_owned();
        let line: Vec<_> = [probe, "on-terminal".into()].into_iter().chain(line).collect();
        let mut command = jail.command(&line);
        let child = spawn(command.stdin(stdio()).stdout(stdio()).stderr(stdio()));
        let command = shown(&command);
        let keyboard = File::from(pty.master);
        let screen = watch(keyboard.try_clone().expect("a descriptor can be copied"));
        Self { command, child, keyboard, screen, shown: String::new(), read: 0 }
    }

    /// Types text; `\x03` is Ctrl-C.
    pub fn send(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("a terminal takes input");
    }

    /// Waits until this is shown, after what was waited for before; returns what came with it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.shown[self.read..].find(text) {
                let end = self.read + at + text.len();
                let passed = self.shown[self.read..end].to_string();
                self.read = end;
                return passed;
            }
            self.receive(deadline, text);
        }
    }

    /// Waits until all of these have been shown, in any order.
    #[track_caller]
    pub fn wait_for_all(&mut self, texts: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(missing) =
            texts.iter().find(|text| !self.shown[self.read..].contains(**text))
        {
            self.receive(deadline, missing);
        }
        self.read = self.shown.len();
    }

    #[track_caller]
    fn receive(&mut self, deadline: Instant, awaited: &str) {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.screen.recv_timeout(left) {
            Ok(more) => self.shown.push_str(&String::from_utf8_lossy(&more)),
            Err(why) => {
                panic!("waited for {awaited:?} ({why}) from:\n  {}\n{}", self.command, self.shown)
            }
        }
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, rows: u16, columns: u16) {
        let terminal = self.keyboard.try_clone().expect("a descriptor can be copied");
        let mut command = Command::new(probe_binary());
        command.args(["resize", &rows.to_string(), &columns.to_string()]).stdin(terminal);
        let status = spawn(command.stdout(Stdio::null())).wait();
        assert!(status.is_ok_and(|status| status.success()), "the terminal takes a new size");
    }

    /// The process that was started.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end; returns the status and all that was shown.
    #[track_caller]
    pub fn finish(mut self) -> (ExitStatus, String) {
        // The terminal hangs up when the last process has closed it.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(more) => self.shown.push_str(&String::from_utf8_lossy(&more)),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(why) => panic!("{why}: the end of:\n  {}\n{}", self.command, self.shown),
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        (status, std::mem::take(&mut self.shown))
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It has ended, or the test has: both leave nothing to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes on what is shown, until nobody has the terminal any more.
fn watch(mut terminal: File) -> Receiver<Vec<u8>> {
    let (sender, screen) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 4096];
        // The last close of the other side makes read(2) fail with EIO.
        while let Ok(length @ 1..) = terminal.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    screen
}

/// A child that another test starts must not hold this terminal open.
fn close_on_exec(descriptor: &OwnedFd) {
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a flag can be set");
}

/// The terminal is opened again by name, such as /dev/stdin, and belongs to who is at it.
fn own_terminal(jail: &Jail, terminal: &OwnedFd) {
    let name = nix::unistd::ttyname(terminal).expect("a terminal has a name");
    jail.user().own(&name);
}
