//! A command that is still running, to talk with.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Output};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Finished;

/// How long anything that a test waits for may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A started command with pipes. It is killed when the value goes away.
#[derive(Debug)]
pub struct Running {
    command: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    seen: Vec<u8>,
}

impl Running {
    pub fn new(command: String, mut child: Child) -> Self {
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        std::thread::spawn(move || {
            // The receiver is gone when the test has ended early.
            stdout.split(b'\n').map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut errors = child.stderr.take().expect("standard error is a pipe");
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What could be read is what there is to show.
            let _ = errors.read_to_end(&mut text);
            text
        });
        let stdin = child.stdin.take();
        Self { command, child, stdin, lines, stderr: Some(stderr), seen: Vec::new() }
    }

    /// The process that was started: the supervisor, or outside the command itself.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of standard output that has this text, and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.keep(&line);
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(why) => self.fail(text, why),
            }
        }
    }

    /// Writes a line to standard input.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        writeln!(stdin, "{line}").expect("the command reads its standard input");
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a pid is an int");
        kill(Pid::from_raw(pid), signal).expect("a child that was not waited for is there");
    }

    /// Waits until the command has ended and nobody has its standard output any more: so
    /// nothing that was started by it is left either.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        self.end_input();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.keep(&line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(why @ RecvTimeoutError::Timeout) => self.fail("the end", why),
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        let stderr = self.errors();
        let stdout = std::mem::take(&mut self.seen);
        Finished::new(self.command.clone(), Output { status, stdout, stderr })
    }

    fn keep(&mut self, line: &[u8]) {
        self.seen.extend(line);
        self.seen.push(b'\n');
    }

    fn errors(&mut self) -> Vec<u8> {
        let reader = self.stderr.take();
        reader.map_or_else(Vec::new, |reader| reader.join().expect("the reader does not panic"))
    }

    #[track_caller]
    fn fail(&mut self, wanted: &str, why: RecvTimeoutError) -> ! {
        let _ = self.child.kill();
        let status = self.child.wait();
        let errors = match why {
            // Somebody else may still hold standard error, and reading would wait for them.
            RecvTimeoutError::Timeout => b"(not read)".to_vec(),
            RecvTimeoutError::Disconnected => self.errors(),
        };
        panic!(
            "waited for {wanted:?} from:\n  {}\n{why}; {status:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            String::from_utf8_lossy(&self.seen),
            String::from_utf8_lossy(&errors),
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or the test has: both leave nothing to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
