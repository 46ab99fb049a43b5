//! A command that has ended, and what to say about it.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};

use serde_json::Value;

/// How a command ended and what it wrote. Each assertion returns it, to go on.
#[derive(Debug)]
#[must_use = "an ended command proves nothing until something is asserted about it"]
pub struct Finished {
    pub command: String,
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Finished {
    pub fn new(command: String, output: Output) -> Self {
        Self { command, status: output.status, stdout: output.stdout, stderr: output.stderr }
    }

    #[track_caller]
    pub fn exits(&self, status: i32) -> &Self {
        self.check(self.status.code() == Some(status), &format!("exits with {status}"))
    }

    #[track_caller]
    pub fn succeeds(&self) -> &Self {
        self.exits(0)
    }

    /// With any status but 0: by which of its errors is the program's business.
    #[track_caller]
    pub fn fails(&self) -> &Self {
        self.check(!self.status.success(), "fails")
    }

    /// A signal ended it. Jail itself passes that on as a status of 128 and the signal.
    #[track_caller]
    pub fn killed_by(&self, signal: i32) -> &Self {
        let direct = self.status.signal() == Some(signal);
        let passed_on = self.status.code() == Some(128 + signal);
        self.check(direct || passed_on, &format!("is killed by signal {signal}"))
    }

    /// Standard output is exactly this.
    #[track_caller]
    pub fn outputs(&self, text: &str) -> &Self {
        self.check(self.stdout == text.as_bytes(), &format!("outputs {text:?}"))
    }

    #[track_caller]
    pub fn output_has(&self, text: &str) -> &Self {
        self.check(self.stdout_text().contains(text), &format!("outputs something with {text:?}"))
    }

    #[track_caller]
    pub fn output_lacks(&self, text: &str) -> &Self {
        let lacks = !self.stdout_text().contains(text);
        self.check(lacks, &format!("outputs nothing with {text:?}"))
    }

    /// Standard error has this.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let stderr = String::from_utf8_lossy(&self.stderr);
        self.check(stderr.contains(text), &format!("says {text:?}"))
    }

    /// Standard error has nothing of this.
    #[track_caller]
    pub fn says_nothing_of(&self, text: &str) -> &Self {
        let stderr = String::from_utf8_lossy(&self.stderr);
        self.check(!stderr.contains(text), &format!("says nothing of {text:?}"))
    }

    #[track_caller]
    pub fn is_silent(&self) -> &Self {
        self.check(self.stderr.is_empty(), "says nothing")
    }

    /// The last attempt of the probe succeeded with exactly this detail.
    #[track_caller]
    pub fn answers(&self, detail: &str) -> &Self {
        let line = if detail.is_empty() { "ok".to_string() } else { format!("ok {detail}") };
        let right = self.status.success() && self.last_line() == line;
        self.check(right, &format!("answers {line:?}"))
    }

    /// The last attempt of the probe was refused by the kernel with this errno.
    #[track_caller]
    pub fn refused(&self, errno: &str) -> &Self {
        let right = self.status.code() == Some(1) && self.errno() == Some(errno);
        self.check(right, &format!("is refused with {errno}"))
    }

    /// Refused with one of several: which wall stands first is not part of the promise.
    #[track_caller]
    pub fn refused_with_any(&self, errnos: &[&str]) -> &Self {
        let any = self.errno().is_some_and(|errno| errnos.contains(&errno));
        let right = self.status.code() == Some(1) && any;
        self.check(right, &format!("is refused with one of {errnos:?}"))
    }

    /// What follows `ok` in the last line of the probe.
    #[track_caller]
    pub fn detail(&self) -> String {
        let line = self.last_line();
        self.check(self.status.success() && line.starts_with("ok"), "answers something");
        line["ok".len()..].trim_start().to_string()
    }

    /// The report that follows on standard output has this value at a JSON pointer.
    #[track_caller]
    pub fn reports(&self, pointer: &str, value: impl Into<Value>) -> &Self {
        let (value, found) = (value.into(), self.reported(pointer));
        self.check(found == value, &format!("reports {value} at {pointer}, not {found}"))
    }

    /// What is at a JSON pointer of the report that follows on standard output.
    #[track_caller]
    pub fn reported(&self, pointer: &str) -> Value {
        let text = self.stdout_text();
        let start = if text.starts_with('{') { Some(0) } else { text.find("\n{").map(|at| at + 1) };
        let report: Option<Value> = start.and_then(|at| serde_json::from_str(&text[at..]).ok());
        let found = report.as_ref().and_then(|report| report.pointer(pointer));
        self.check(found.is_some(), &format!("reports something at {pointer}"));
        found.cloned().unwrap_or_default()
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    fn errno(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.stdout).ok()?;
        text.lines().last()?.split_once(": ").map(|(errno, _)| errno)
    }

    fn last_line(&self) -> String {
        self.stdout_text().lines().last().unwrap_or_default().to_string()
    }

    #[track_caller]
    fn check(&self, right: bool, expected: &str) -> &Self {
        assert!(
            right,
            "expected that this {expected}:\n  {}\n{}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.status,
            self.stdout_text(),
            String::from_utf8_lossy(&self.stderr),
        );
        self
    }
}
