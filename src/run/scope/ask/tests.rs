mod bus;

use std::io::{ErrorKind, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::getpid;
use tempfile::TempDir;

use crate::sys::exit_now;

use nix::sys::signal::SigSet;

use super::*;

#[test]
fn a_bus_that_is_not_there_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let bus = address(&directory);
    assert_eq!(
        because(&bus),
        format!("no D-Bus answers at `{bus}`: no such file or directory [ENOENT]")
    );
}

#[test]
fn a_socket_that_nobody_listens_at_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(directory.path().join("bus")).unwrap());
    let bus = address(&directory);
    assert_eq!(
        because(&bus),
        format!("no D-Bus answers at `{bus}`: connection refused [ECONNREFUSED]")
    );
}

#[test]
fn the_last_socket_of_a_list_is_tried_too() {
    let (directory, listener) = silent_bus();
    let bus = format!("unix:path={}/none;{}", directory.path().display(), address(&directory));
    let asking = thread::spawn(move || because(&bus));
    drop(listener.accept().unwrap());
    assert!(asking.join().unwrap().contains("does not let this process in"));
}

#[test]
fn a_bus_that_hangs_up_is_an_error() {
    let (directory, listener) = silent_bus();
    let bus = address(&directory);
    let asking = thread::spawn(move || because(&bus));
    drop(listener.accept().unwrap());
    let because = asking.join().unwrap();
    assert!(because.contains("does not let this process in"), "{because}");
}

#[test]
fn a_bus_that_hangs_up_before_the_job_is_done_is_an_error() {
    let (directory, listener) = silent_bus();
    let bus = address(&directory);
    let asking = thread::spawn(move || because(&bus));
    let (line, keeper) = keeper_at(&listener);
    bus::begin_a_job(line, keeper.as_raw().cast_unsigned());
    assert_eq!(
        asking.join().unwrap(),
        format!(
            "the talk with systemd by way of `{}` broke off: the bus hung up",
            address(&directory)
        )
    );
}

#[test]
fn a_bus_that_says_nothing_is_not_waited_for() {
    let (directory, listener) = silent_bus();
    let bus = address(&directory);
    let limit = Duration::from_secs(1);
    let diagnostic = Scope::ask_within(limit, &bus, "test", getpid()).unwrap_err();
    assert_eq!(
        diagnostic.because.unwrap(),
        format!("no answer by way of `{bus}` within 1 s [ETIMEDOUT]")
    );
    let (_connection, keeper) = keeper_at(&listener);
    assert_eq!(kill(keeper, None), Err(Errno::ESRCH), "the keeper is left");
}

#[test]
fn a_keeper_that_is_killed_is_an_error() {
    let (directory, listener) = silent_bus();
    let bus = address(&directory);
    let asking = thread::spawn(move || because(&bus));
    kill(keeper_at(&listener).1, Signal::SIGKILL).unwrap();
    assert_eq!(asking.join().unwrap(), "the process that asks for it was killed by signal 9");
}

#[test]
fn a_signal_ends_the_wait_though_it_is_blocked() {
    let (directory, listener) = silent_bus();
    let bus = address(&directory);
    let supervisor = match fork().unwrap() {
        Clone::Child => {
            SigSet::from(Signal::SIGTERM).thread_block().unwrap();
            because(&bus);
            exit_now(0)
        }
        Clone::Parent { child } => child,
    };
    let (mut connection, _) = keeper_at(&listener);
    kill(supervisor, Signal::SIGTERM).unwrap();
    assert_eq!(wait(supervisor), Some(Change::Signaled(15)));
    // The keeper goes with it, and that ends what it has said.
    connection.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_keeper_dies_with_the_thread_that_made_it() {
    let (directory, listener) = silent_bus();
    let bus = address(&directory);
    let (ends, may_end) = UnixStream::pair().unwrap();
    let making = thread::spawn(move || {
        let (keeper, socket) = start_keeper(&bus, "test", getpid()).unwrap();
        mem::forget(keeper);
        (&may_end).read_exact(&mut [0]).unwrap_err();
        socket
    });
    let (_connection, keeper) = keeper_at(&listener);
    drop(ends);
    let _socket = making.join().unwrap();
    assert_eq!(wait(keeper), Some(Change::Signaled(9)));
}

#[test]
fn a_keeper_without_a_supervisor_asks_for_nothing() {
    let (directory, listener) = silent_bus();
    let bus = address(&directory);
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(ours);
    let keeper = match fork().unwrap() {
        Clone::Child => keeper::run(theirs.into(), &bus, "test", getpid()),
        Clone::Parent { child } => child,
    };
    assert_eq!(wait(keeper), Some(Change::Exited(0)));
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_keeper_holds_no_pipe_of_the_caller() {
    let (directory, listener) = silent_bus();
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let (keeper, _socket) = start_keeper(&address(&directory), "test", getpid()).unwrap();
    let _connection = keeper_at(&listener);
    drop(writer);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    for fd in 0..=2 {
        let target = std::fs::read_link(format!("/proc/{}/fd/{fd}", keeper.0)).unwrap();
        assert_eq!(target, Path::new("/dev/null"));
    }
}

#[test]
fn a_bus_without_systemd_is_an_error() {
    let Some(bus) = Bus::start() else { return };
    assert_eq!(
        because(&bus.address),
        "no systemd is on that D-Bus: The name org.freedesktop.systemd1 was not provided by any \
         .service files [org.freedesktop.DBus.Error.ServiceUnknown]"
    );
}

/// A dbus-daemon of our own, which can start no service.
struct Bus {
    address: String,
    daemon: Child,
    _directory: TempDir,
}

impl Bus {
    /// `None` if there is no such program; said so, and not allowed where nothing may lack.
    fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bus.conf");
        let address = address(&directory);
        std::fs::write(&file, configuration(&address)).unwrap();
        let daemon = Command::new("dbus-daemon")
            .arg("--nofork")
            .arg("--print-address=1")
            .arg(format!("--config-file={}", file.display()))
            .stdout(Stdio::piped())
            .spawn();
        let mut daemon = match daemon {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                assert!(
                    std::env::var_os("JAIL_TEST_REQUIRE").is_none(),
                    "JAIL_TEST_REQUIRE is set, and there is no program `dbus-daemon`"
                );
                eprintln!("skipped: there is no program `dbus-daemon`");
                return None;
            }
            daemon => daemon.unwrap(),
        };
        // It says its address when it listens.
        daemon.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Some(Self { address, daemon, _directory: directory })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

fn configuration(address: &str) -> String {
    format!(
        "<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>\
         <policy context='default'><allow send_destination='*'/>\
         <allow receive_sender='*'/></policy></busconfig>"
    )
}

/// A socket that takes connections and says nothing.
fn silent_bus() -> (TempDir, UnixListener) {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("bus")).unwrap();
    (directory, listener)
}

fn address(directory: &TempDir) -> String {
    format!("unix:path={}", directory.path().join("bus").display())
}

/// The process that connects next; it has let go of the caller's descriptors by then.
fn keeper_at(listener: &UnixListener) -> (UnixStream, Pid) {
    let (connection, _) = listener.accept().unwrap();
    let keeper = getsockopt(&connection, PeerCredentials).unwrap().pid();
    (connection, Pid::from_raw(keeper))
}

fn because(bus: &str) -> String {
    Scope::ask(bus, "test", getpid()).unwrap_err().because.unwrap()
}
