//! Attempts to go on when it is time to end, and to end others at a bad moment.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::answer::{Answer, Refusal, Words, failed, kernel, pointer, signed};

const SIG_IGN: u64 = 1;
/// Of a signal set, in bytes.
const SET: usize = 8;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "ignore-signal" => ignore(words),
        "stop" => stop(),
        "leave-spinning" => leave_spinning(),
        "kill-sweep" => kill_sweep(words),
        _ => return None,
    })
}

fn ignore(words: &mut Words) -> Answer {
    let signal = signed(words.number()?);
    // struct sigaction of the kernel: handler, flags, restorer, mask.
    let action = [SIG_IGN, 0, 0, 0];
    let arguments = [signal, pointer(&action), 0, SET];
    kernel("rt_sigaction", libc::SYS_rt_sigaction, &arguments).map(|_| String::new())
}

/// Stops this process, until somebody continues it.
fn stop() -> Answer {
    let own = kernel("getpid", libc::SYS_getpid, &[])?;
    kernel("kill", libc::SYS_kill, &[signed(own), libc::SIGSTOP as usize]).map(|_| String::new())
}

/// A child that is busy for ever, and stays when this process ends.
fn leave_spinning() -> Answer {
    if kernel("fork", libc::SYS_fork, &[])? == 0 {
        loop {
            std::hint::spin_loop();
        }
    }
    Ok(String::new())
}

/// Runs a program once to its end, and then so many times, killing it each time a little
/// later: the last time long after it would have ended.
fn kill_sweep(words: &mut Words) -> Answer {
    let count = u32::try_from(words.number()?).map_err(|_| Refusal::Usage("how many?".into()))?;
    let mut command = Command::new(words.next()?);
    command.args(words.rest()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let whole = command.status().map_err(|error| failed("run", &error).in_setup())?;
    if !whole.success() {
        return Err(Refusal::Setup(format!("left alone, it ends with {whole}")));
    }
    let duration = started.elapsed();
    let mut killed = 0;
    for moment in 0..count {
        let ended = killed_after(&mut command, duration * moment * 3 / (count * 2));
        killed += u32::from(!ended.map_err(|error| failed("run", &error).in_setup())?.success());
    }
    Ok(format!("{killed}"))
}

fn killed_after(command: &mut Command, moment: Duration) -> std::io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let started = Instant::now();
    while started.elapsed() < moment {
        std::hint::spin_loop();
    }
    child.kill()?;
    child.wait()
}
