//! Whoever ends takes along what must not stay, and nothing else ends too early.

use std::collections::BTreeSet;
use std::fs;
use std::hint::spin_loop;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::network::{Outside, processes_of_pasta, with_own_pasta};
use crate::support::{Feature, Jail, Pty, Running, mounts_now, processes_named, wait_until};

/// Also gives the outer processes of the jail standard output, under a number above 2, so
/// that it ends only when all of them are gone: [`Running::finish`] waits for that.
const HELD: [&str; 4] = ["sh", "-c", "exec 9>&1; exec \"$@\"", "sh"];

const MOMENTS: u32 = 50;

fn killed_at(jail: &Jail, moment: Duration, marker: &str) {
    let started = Instant::now();
    let running = jail.start(["sh", "-c", "sleep 300; :", marker]);
    while started.elapsed() < moment {
        spin_loop();
    }
    running.signal(Signal::SIGKILL);
    running.finish().killed_by(libc::SIGKILL);
}

fn all_below(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("it can be listed") {
            let entry = entry.expect("it can be listed");
            if entry.file_type().expect("an entry has a type").is_dir() {
                open.push(entry.path());
            }
            found.insert(entry.path());
        }
    }
    found
}

/// Seen from the host: inside, hidepid is the wall before this one.
#[test]
fn init_shows_no_arguments_of_its_caller() {
    let jail = Jail::new();
    let mut running = jail.start(["sh", "-c", "echo ready; read line", "s3cr3t"]);
    running.wait_for("ready");
    let supervisor = running.pid();
    let parent = format!("\nPPid:\t{supervisor}\n");
    let is_child = |path: &PathBuf| {
        fs::read_to_string(path.join("status")).is_ok_and(|status| status.contains(&parent))
    };
    let processes = fs::read_dir("/proc").expect("it can be listed").flatten();
    let init = processes.map(|entry| entry.path()).find(is_child).expect("init is a child");
    let holds = |process: &Path| {
        let words = fs::read(process.join("cmdline")).expect("it is running");
        words.windows(6).any(|window| window == b"s3cr3t")
    };
    let supervisor = PathBuf::from(format!("/proc/{supervisor}"));
    assert!(holds(&supervisor), "the supervisor shows its own");
    assert!(!holds(&init), "init shows them still");
    running.say("");
    running.finish().succeeds();
}

#[test]
fn a_real_time_signal_ends_the_command_like_any_other() {
    Jail::new().run(["sh", "-c", "kill -35 $$"]).exits(128 + 35);
}

#[test]
fn a_supervisor_killed_at_any_moment_leaves_nothing() {
    let jail = Jail::new().directory("run").directory("tmp").through(HELD);
    let runtime = jail.project().join("run");
    let temporary = jail.project().join("tmp");
    let jail = jail.env("XDG_RUNTIME_DIR", runtime).env("TMPDIR", temporary);
    let started = Instant::now();
    jail.run(["true"]).succeeds();
    let whole = started.elapsed();
    let (mounts, files) = (mounts_now(), all_below(&jail.home()));
    let marker = format!("jail-killed-{}", std::process::id());

    for moment in 0..MOMENTS {
        killed_at(&jail, whole * moment * 3 / (MOMENTS * 2), &marker);

        assert_eq!(processes_named(&marker), [0_u32; 0], "moment {moment}");
    }

    assert_eq!(mounts_now(), mounts);
    // The description of a killed run is removed by the next.
    jail.run(["true"]).succeeds();
    assert_eq!(all_below(&jail.home()), files);
}

#[test]
fn a_supervisor_killed_takes_a_running_and_a_stopped_command_along() {
    for stop in ["", "kill -STOP $$;"] {
        let jail = Jail::new().through(HELD);
        let script = format!("setsid sleep 300 & echo ready; {stop} sleep 300; :");
        let mut running = jail.start(["sh", "-c", &script]);
        running.wait_for("ready");
        running.signal(Signal::SIGKILL);

        running.finish().killed_by(libc::SIGKILL);
    }
}

/// pasta is in the network namespace, so as long as it lives that lives too.
#[test]
fn a_supervisor_killed_at_any_moment_leaves_no_network() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let (jail, pasta) = with_own_pasta(outside.jail());
    let started = Instant::now();
    jail.run(["true"]).succeeds();
    let whole = started.elapsed();
    let marker = format!("jail-killed-{}", std::process::id());
    for moment in 0..MOMENTS {
        killed_at(&jail, whole * moment * 3 / (MOMENTS * 2), &marker);
        // Nobody tells of the end of a guard, which holds none of our pipes.
        wait_until("all have ended", || {
            processes_named(&marker).is_empty() && processes_of_pasta(&pasta).is_empty()
        });
    }
    let mut running = jail.start(["sh", "-c", "echo ready; sleep 300; :", &marker]);
    running.wait_for("ready");
    assert_eq!(processes_of_pasta(&pasta).len(), 1);
    running.signal(Signal::SIGKILL);
    running.finish().killed_by(libc::SIGKILL);
    wait_until("all have ended", || {
        processes_named(&marker).is_empty() && processes_of_pasta(&pasta).is_empty()
    });
}

#[test]
fn a_supervisor_killed_at_any_moment_leaves_no_published_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let jail = Jail::new().args(["-p", &format!("{port}:80")]);
    let started = Instant::now();
    jail.run(["true"]).succeeds();
    let whole = started.elapsed();
    let marker = format!("jail-killed-{}", std::process::id());
    for moment in 0..MOMENTS {
        killed_at(&jail, whole * moment * 3 / (MOMENTS * 2), &marker);
        wait_until("all have ended", || processes_named(&marker).is_empty());
        // Its descriptors are closed a moment after its memory is gone.
        wait_until("nobody listens", || TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    jail.run(["true"]).succeeds();
}

/// A security module may make the kernel forget whose death is pasta's.
#[test]
fn a_supervisor_killed_ends_a_pasta_that_does_not_die_with_its_parent() {
    crate::require!(Feature::Program("perl"));
    let script = "#!/usr/bin/perl\nsyscall(157, 1, 0, 0, 0, 0);\n\
                  $SIG{TERM} = $SIG{HUP} = $SIG{INT} = 'IGNORE';\n$| = 1;\nprint \"$$\\n\";\nsleep 300;\n";
    let jail = Jail::new().script("bin/pasta", script).args(["--network", "nat"]);
    let pasta = jail.project().join("bin/pasta").display().to_string();
    let path = format!("{}:/usr/bin:/bin", jail.project().join("bin").display());
    let jail = jail.env("PATH", path);
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut running = jail.start(["sh", "-c", "echo ready; sleep 300"]);
        running.wait_for("ready");
        assert!(!processes_named(&pasta).is_empty());
        running.signal(signal);
        drop(running.finish());
        wait_until("pasta has ended", || processes_named(&pasta).is_empty());
    }
}

#[test]
fn the_end_of_the_command_ends_all_that_it_started() {
    // `finish` waits for everybody who holds standard output, as the daemon does.
    let daemon = "(trap '' TERM HUP; setsid sleep 300) & exit 3";
    Jail::new().run(["sh", "-c", daemon]).exits(3);
}

#[test]
fn two_hundred_jails_two_at_a_time_succeed() {
    let mounts = mounts_now();
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let jail = Jail::new();
                for _ in 0..100 {
                    jail.run(["true"]).succeeds();
                }
            });
        }
    });
    assert_eq!(mounts_now(), mounts);
}

#[test]
fn sixty_four_jails_at_once_succeed() {
    let jail = Jail::new();
    let mut all: Vec<Running> =
        (0..64).map(|_| jail.start(["sh", "-c", "echo ready; read line"])).collect();
    for running in &mut all {
        running.wait_for("ready");
    }
    for mut running in all {
        running.say("go");
        running.finish().succeeds();
    }
}

/// Says each signal that arrives; `end` on standard input ends it. bash runs a trap between
/// two commands, and some signals do not interrupt `read`, hence its time limit.
const TRAPS: &str = "for s in TERM INT HUP QUIT USR1 USR2 CONT TSTP WINCH; do \
    trap \"echo got-$s\" $s; done; echo ready; \
    while :; do line=; read -t 0.05 line || :; [ \"$line\" = end ] && exit 0; done";

#[test]
fn signals_to_the_supervisor_reach_the_command_once() {
    use Signal::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH};
    let jail = Jail::new();
    let mut running = jail.start(["bash", "-c", TRAPS]);
    running.wait_for("ready");
    let signals = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH];
    let mut expected = String::from("ready\n");
    for signal in signals {
        running.signal(signal);
        let got = format!("got-{}", &signal.as_str()[3..]);
        running.wait_for(&got);
        expected.push_str(&got);
        expected.push('\n');
    }
    running.say("end");
    running.finish().succeeds().outputs(&expected);
}

#[test]
fn a_command_that_ignores_sigterm_goes_on() {
    let jail = Jail::new();
    let mut running = jail.start(["sh", "-c", "trap '' TERM; echo ready; read x; exit 4"]);
    running.wait_for("ready");
    running.signal(Signal::SIGTERM);
    running.say("go");
    running.finish().exits(4);
}

#[test]
fn a_stopped_and_continued_supervisor_goes_on() {
    let jail = Jail::new();
    let mut running = jail.start(["sh", "-c", "echo ready; read x; exit 4"]);
    running.wait_for("ready");
    running.signal(Signal::SIGSTOP);
    running.say("go");
    running.signal(Signal::SIGCONT);
    running.finish().exits(4);
}

#[test]
fn a_command_that_is_continued_from_inside_does_not_leave_jail_stopped() {
    // Without a terminal nobody outside would continue the supervisor.
    let jail = Jail::new().through(["setsid", "--wait"]);
    let script = "(while ! grep -q '^State:.T' /proc/$$/status; do :; done; kill -CONT $$) & \
                  kill -STOP $$; wait; echo went-on";
    let running = jail.start(["sh", "-c", script]);
    running.finish().succeeds().outputs("went-on\n");
}

#[test]
fn a_caller_that_ignores_sigchld_learns_the_status() {
    crate::require!(Feature::Program("perl"));
    let jail = Jail::new().through(["perl", "-e", "$SIG{CHLD} = 'IGNORE'; exec @ARGV"]);
    jail.start(["sh", "-c", "/bin/true; exit 7"]).finish().exits(7);
}

#[test]
fn a_closed_pipe_ends_the_command() {
    // `yes` is ended by SIGPIPE, which Rust ignores for itself.
    let status = "yes | head -n 1; exit ${PIPESTATUS[0]}";
    Jail::new().run(["bash", "-c", status]).exits(128 + libc::SIGPIPE);
}

#[test]
fn ctrl_c_arrives_once() {
    let jail = Jail::new();
    let mut pty = Pty::start(&jail, jail.run_line(["bash", "-c", TRAPS]));
    pty.wait_for("ready");
    pty.send("\x03");
    pty.wait_for("got-INT");
    pty.send("end\n");
    let (status, shown) = pty.finish();
    assert!(status.success(), "{shown}");
    assert_eq!(shown.matches("got-INT").count(), 1, "{shown}");
}

#[test]
fn ctrl_c_arrives_once_in_a_session_of_its_own() {
    let jail = Jail::new().args(["--tty", "none"]);
    let mut pty = Pty::start(&jail, jail.run_line(["bash", "-c", TRAPS]));
    pty.wait_for("ready");
    pty.send("\x03");
    pty.wait_for("got-INT");
    pty.send("end\n");
    let (status, shown) = pty.finish();
    assert!(status.success(), "{shown}");
    assert_eq!(shown.matches("got-INT").count(), 1, "{shown}");
}

/// The process that serves the network is not in the sandbox, and is not pasta either.
#[test]
fn a_supervisor_killed_at_any_moment_leaves_no_forwarder() {
    let jail = Jail::new().args(["--network", "allow", "--allow", "good.example:443"]);
    let marker = format!("jail-forward-{}", std::process::id());
    let started = Instant::now();
    jail.run(["true"]).succeeds();
    let whole = started.elapsed() * 2;
    for number in 0..MOMENTS {
        killed_at(&jail, whole * number / MOMENTS, &marker);
    }
    wait_until("all processes have ended", || processes_named(&marker).is_empty());
}
