//! Attempts to take more than a share: processors, processes, threads, the disk.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::answer::{
    Answer, Refusal, Words, c_pointer, errno_name, failed, kernel, pointer, pointer_mut, signed,
};
use crate::processes::{end, fork_paused};

/// A multiple of every block size, which `O_DIRECT` asks for.
const BLOCK: usize = 64 << 10;
const ALIGNMENT: usize = 4096;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "spin" => spin(words),
        "fork-count" => fork_count(words),
        "thread-count" => thread_count(words),
        "fork-bomb" => fork_bomb(words),
        "write-direct" => direct(words, libc::O_WRONLY | libc::O_CREAT),
        "read-direct" => direct(words, libc::O_RDONLY),
        "affinity" => affinity(),
        "set-affinity" => set_affinity(words),
        "niceness" => niceness(),
        "renice" => renice(words),
        _ => return None,
    })
}

/// Keeps so many threads busy for so many milliseconds; says how many processors they got
/// on average, in hundredths.
fn spin(words: &mut Words) -> Answer {
    let threads = words.number()?;
    let duration = milliseconds(words)?;
    let (started, before) = (Instant::now(), processor_time()?);
    let busy = || while started.elapsed() < duration {};
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let thread = std::thread::Builder::new().spawn_scoped(scope, busy);
            thread.map_err(|error| failed("clone", &error).in_setup())?;
        }
        busy();
        Ok(())
    })?;
    let used = processor_time()?.saturating_sub(before);
    let share = used.as_secs_f64() / started.elapsed().as_secs_f64();
    Ok(format!("{:.0}", share * 100.0))
}

fn milliseconds(words: &mut Words) -> Result<Duration, Refusal> {
    let number = words.number()?;
    let number = u64::try_from(number).map_err(|_| Refusal::Usage("a negative time".into()))?;
    Ok(Duration::from_millis(number))
}

/// Of all threads of this process.
fn processor_time() -> Result<Duration, Refusal> {
    let mut time = [0_u64; 2];
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID as usize;
    let arguments = [clock, pointer_mut(&mut time)];
    kernel("clock_gettime", libc::SYS_clock_gettime, &arguments).map_err(Refusal::in_setup)?;
    Ok(Duration::from_secs(time[0]) + Duration::from_nanos(time[1]))
}

/// Makes sleeping children until that is refused, at most so many; says how many and why.
fn fork_count(words: &mut Words) -> Answer {
    let mut children = Vec::new();
    let mut refused = String::new();
    for _ in 0..words.number()? {
        match fork_paused() {
            Ok(child) => children.push(child),
            Err(Refusal::Errno { errno, .. }) => {
                refused = format!(" {}", errno_name(errno));
                break;
            }
            Err(other) => return Err(other),
        }
    }
    for child in &children {
        end(*child).map_err(Refusal::in_setup)?;
    }
    Ok(format!("{}{refused}", children.len()))
}

/// The same with threads of this process.
fn thread_count(words: &mut Words) -> Answer {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let mut threads = Vec::new();
    let mut refused = String::new();
    for _ in 0..words.number()? {
        let gate = Arc::clone(&gate);
        let wait = move || {
            let (open, change) = &*gate;
            let open = open.lock().unwrap_or_else(PoisonError::into_inner);
            drop(change.wait_while(open, |open| !*open));
        };
        match std::thread::Builder::new().stack_size(BLOCK).spawn(wait) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                refused = format!(" {}", errno_name(error.raw_os_error().unwrap_or(0)));
                break;
            }
        }
    }
    let count = threads.len();
    *gate.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    gate.1.notify_all();
    for thread in threads {
        thread.join().map_err(|_| Refusal::Setup("a thread panicked".into()))?;
    }
    Ok(format!("{count}{refused}"))
}

/// Every process makes more of them, for so many milliseconds. Only within a limit.
fn fork_bomb(words: &mut Words) -> Answer {
    let duration = milliseconds(words)?;
    let started = Instant::now();
    let mut first = true;
    while started.elapsed() < duration {
        // Refusals are what this is for; the next attempt comes at once.
        if kernel("fork", libc::SYS_fork, &[]).is_ok_and(|child| child == 0) {
            first = false;
        }
    }
    if first { Ok(String::new()) } else { std::process::exit(0) }
}

/// Writes to a file or reads it, past the page cache: so many KiB; says how many KiB a second.
fn direct(words: &mut Words, flags: i32) -> Answer {
    let path = words.path()?;
    let kibibytes = signed(words.number()?);
    let flags = signed((flags | libc::O_DIRECT | libc::O_CLOEXEC).into());
    let file = kernel("open", libc::SYS_open, &[c_pointer(&path), flags, 0o666])
        .map_err(Refusal::in_setup)?;
    let mut memory = vec![1_u8; BLOCK + ALIGNMENT];
    let offset = memory.as_ptr().align_offset(ALIGNMENT);
    let block = &mut memory[offset..offset + BLOCK];
    let (call, number) = if flags & libc::O_WRONLY as usize == 0 {
        ("read", libc::SYS_read)
    } else {
        ("write", libc::SYS_write)
    };
    let started = Instant::now();
    let mut done = 0;
    while done < kibibytes << 10 {
        match kernel(call, number, &[signed(file), pointer_mut(&mut *block), BLOCK])? {
            0 => return Err(Refusal::Setup("the file is too short".into())),
            length => done += signed(length),
        }
    }
    let rate = (done >> 10) as f64 / started.elapsed().as_secs_f64();
    Ok(format!("{rate:.0}"))
}

/// The processors that this process may run on, by number.
fn affinity() -> Answer {
    let mut mask = [0_u64; 16];
    let size = size_of_val(&mask);
    let arguments = [0, size, pointer_mut(&mut mask)];
    kernel("sched_getaffinity", libc::SYS_sched_getaffinity, &arguments)?;
    let is_set = |number: &usize| mask[number / 64] >> (number % 64) & 1 == 1;
    let numbers: Vec<String> =
        (0..size * 8).filter(is_set).map(|number| number.to_string()).collect();
    Ok(numbers.join(","))
}

/// Asks for one processor.
fn set_affinity(words: &mut Words) -> Answer {
    let number = signed(words.number()?);
    let mut mask = [0_u64; 16];
    mask[number / 64] = 1 << (number % 64);
    let arguments = [0, size_of_val(&mask), pointer(&mask)];
    kernel("sched_setaffinity", libc::SYS_sched_setaffinity, &arguments).map(|_| String::new())
}

fn niceness() -> Answer {
    // The kernel's own call answers 20 - niceness, which is never negative.
    let raw = kernel("getpriority", libc::SYS_getpriority, &[libc::PRIO_PROCESS as usize, 0])?;
    Ok((20 - raw).to_string())
}

fn renice(words: &mut Words) -> Answer {
    let niceness = signed(words.number()?);
    let arguments = [libc::PRIO_PROCESS as usize, 0, niceness];
    kernel("setpriority", libc::SYS_setpriority, &arguments).map(|_| String::new())
}
