//! The program that the tests run, inside and outside.
//!
//! `probe ATTEMPT [WORD]... [-- ATTEMPT [WORD]...]...` makes each attempt in turn, in one
//! process, and prints one line for each: `ok DETAIL`, or the name of the errno and the
//! call. It stops at the first that does not succeed. Exit status: 0 all succeeded,
//! 1 refused by the kernel, 2 not understood, 3 what the attempt needs could not be had.
//!
//! It calls the kernel itself: what a libc does in between, such as falling back from one
//! call to another, would hide what a filter answers. It is static, so that it also runs
//! where nothing else is.
#![expect(unsafe_code, reason = "attacks are system calls that no safe interface offers")]

mod answer;
mod files;
mod greeting;
mod ipc;
mod kernel_calls;
mod load;
mod memory;
mod mounts;
mod namespaces;
mod network;
mod processes;
mod setup;
mod signals;
mod strangers;
mod terminal;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::ExitCode;

use answer::{Answer, Refusal, Words, errno_name};

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut rest = words.as_slice();
    loop {
        // What comes after a step that executes another program belongs to that program.
        let end = if rest.first().is_some_and(|name| setup::takes_all(name)) {
            rest.len()
        } else {
            rest.iter().position(|word| word == OsStr::new("--")).unwrap_or(rest.len())
        };
        let status = report(attempt(rest[..end].to_vec()));
        if status != 0 || end >= rest.len() {
            return ExitCode::from(status);
        }
        rest = &rest[end + 1..];
    }
}

/// Makes one attempt.
fn attempt(words: Vec<OsString>) -> Answer {
    let mut words = Words::new(words);
    let name = words.text()?;
    [
        setup::attempt,
        files::attempt,
        namespaces::attempt,
        mounts::attempt,
        processes::attempt,
        network::attempt,
        greeting::attempt,
        ipc::attempt,
        terminal::attempt,
        kernel_calls::attempt,
        memory::attempt,
        load::attempt,
        signals::attempt,
        strangers::attempt,
    ]
    .iter()
    .find_map(|subject| subject(&name, &mut words))
    .unwrap_or_else(|| Err(Refusal::Usage(format!("there is no attempt `{name}`"))))
}

/// Prints the line of one answer; returns the exit status.
fn report(answer: Answer) -> u8 {
    let (line, status) = match answer {
        Ok(detail) if detail.is_empty() => ("ok".to_string(), 0),
        Ok(detail) => (format!("ok {detail}"), 0),
        Err(Refusal::Errno { call, errno }) => (format!("{}: {call}", errno_name(errno)), 1),
        Err(Refusal::Usage(why)) => (format!("usage: {why}"), 2),
        Err(Refusal::Setup(why)) => (format!("setup: {why}"), 3),
    };
    // Standard output may be closed or a full device, and that must not hide the status.
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => status,
        Err(error) => {
            eprintln!("{line} (and standard output: {error})");
            status.max(3)
        }
    }
}
