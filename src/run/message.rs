//! What supervisor and init tell each other: fixed-size records without text.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::outcome::Full;

/// The call that failed; named in the explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Call {
    Bind,
    Capset,
    Chdir,
    Clone,
    CloseRange,
    Connect,
    Execve,
    Fsmount,
    HandOver,
    Keyctl,
    Landlock,
    Mkdir,
    Mount,
    MountSetattr,
    MoveMount,
    Netlink,
    Open,
    OpenTree,
    PivotRoot,
    Prctl,
    SchedSetscheduler,
    Seccomp,
    Sethostname,
    Setpriority,
    Setrlimit,
    Setsid,
    Signalfd,
    Symlink,
    Umount,
    Unshare,
    Write,
}

const CALLS: [(Call, &str); 31] = [
    (Call::Bind, "bind"),
    (Call::Capset, "capset"),
    (Call::Chdir, "chdir"),
    (Call::Clone, "clone"),
    (Call::CloseRange, "close_range"),
    (Call::Connect, "ioctl"),
    (Call::Execve, "execve"),
    (Call::Fsmount, "fsmount"),
    (Call::HandOver, "sendmsg"),
    (Call::Keyctl, "keyctl"),
    (Call::Landlock, "landlock"),
    (Call::Mkdir, "mkdir"),
    (Call::Mount, "mount"),
    (Call::MountSetattr, "mount_setattr"),
    (Call::MoveMount, "move_mount"),
    (Call::Netlink, "netlink"),
    (Call::Open, "open"),
    (Call::OpenTree, "open_tree"),
    (Call::PivotRoot, "pivot_root"),
    (Call::Prctl, "prctl"),
    (Call::SchedSetscheduler, "sched_setscheduler"),
    (Call::Seccomp, "seccomp"),
    (Call::Sethostname, "sethostname"),
    (Call::Setpriority, "setpriority"),
    (Call::Setrlimit, "setrlimit"),
    (Call::Setsid, "setsid"),
    (Call::Signalfd, "signalfd"),
    (Call::Symlink, "symlink"),
    (Call::Umount, "umount"),
    (Call::Unshare, "unshare"),
    (Call::Write, "write"),
];

impl Call {
    pub fn name(self) -> &'static str {
        CALLS[self as usize].1
    }
}

/// A call of the kernel that said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub call: Call,
    pub errno: Errno,
}

/// Names the call beside the errno that it gave.
pub trait During<T> {
    fn during(self, call: Call) -> Result<T, Fault>;
}

impl<T> During<T> for Result<T, Errno> {
    fn during(self, call: Call) -> Result<T, Fault> {
        self.map_err(|errno| Fault { call, errno })
    }
}

/// A fault and the step of the plan that it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub step: u16,
    pub fault: Fault,
}

/// From init, or from the payload's process before it executes the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A step failed; nothing was executed.
    Failed(Failure),
    /// The command has stopped (job control), so often by now.
    Stopped {
        stops: u16,
    },
    /// The user namespace has its ids, so that others can enter it.
    Mapped,
    /// The command is executed next; what comes after is its own, but for a failure to do so.
    Started,
    /// The time limit is reached; SIGTERM was sent to everything inside.
    TimedOut,
    /// A file system in memory that this step made is full.
    Full(Full),
    Exited(u8),
    Signaled(i32),
}

/// From the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// All is done that has to be done from outside.
    Begin,
    /// Pass this signal on to the command.
    Signal(i32),
    /// Continue the command, if it has stopped as often as this and not once more since.
    Continue { stops: u16 },
}

/// One record on the wire: kind, call, step, value.
type Record = [u8; 8];

fn record(kind: u8, call: u8, step: u16, value: i32) -> Record {
    let [step_low, step_high] = step.to_ne_bytes();
    let [a, b, c, d] = value.to_ne_bytes();
    [kind, call, step_low, step_high, a, b, c, d]
}

fn value_of(record: Record) -> i32 {
    i32::from_ne_bytes([record[4], record[5], record[6], record[7]])
}

impl Report {
    fn encode(self) -> Record {
        match self {
            Self::Failed(Failure { step, fault }) => {
                record(0, fault.call as u8, step, fault.errno as i32)
            }
            Self::Stopped { stops } => record(1, 0, stops, 0),
            Self::Started => record(6, 0, 0, 0),
            Self::Mapped => record(7, 0, 0, 0),
            Self::TimedOut => record(4, 0, 0, 0),
            Self::Full(Full { step, files }) => record(5, 0, step, files.into()),
            Self::Exited(status) => record(2, 0, 0, status.into()),
            Self::Signaled(signal) => record(3, 0, 0, signal),
        }
    }

    fn decode(record: Record) -> Option<Self> {
        let value = value_of(record);
        match record[0] {
            0 => Some(Self::Failed(Failure {
                step: u16::from_ne_bytes([record[2], record[3]]),
                fault: Fault {
                    call: CALLS.get(usize::from(record[1]))?.0,
                    errno: Errno::from_raw(value),
                },
            })),
            1 => Some(Self::Stopped { stops: u16::from_ne_bytes([record[2], record[3]]) }),
            2 => u8::try_from(value).ok().map(Self::Exited),
            3 => Some(Self::Signaled(value)),
            4 => Some(Self::TimedOut),
            6 => Some(Self::Started),
            7 => Some(Self::Mapped),
            5 => {
                let step = u16::from_ne_bytes([record[2], record[3]]);
                Some(Self::Full(Full { step, files: value != 0 }))
            }
            _ => None,
        }
    }

    pub fn send(self, socket: impl AsFd) -> Result<(), Errno> {
        send_record(socket, self.encode())
    }

    /// The next report; `None` when init and the payload's process have let go of the socket.
    pub fn receive(socket: impl AsFd) -> Result<Option<Self>, Errno> {
        let Some(record) = receive_record(socket)? else { return Ok(None) };
        Self::decode(record).map(Some).ok_or(Errno::EBADMSG)
    }
}

impl Order {
    pub fn send(self, socket: impl AsFd) -> Result<(), Errno> {
        send_record(
            socket,
            match self {
                Self::Begin => record(0, 0, 0, 0),
                Self::Signal(signal) => record(1, 0, 0, signal),
                Self::Continue { stops } => record(2, 0, stops, 0),
            },
        )
    }

    /// The next order; `None` when the supervisor is dead.
    pub fn receive(socket: impl AsFd) -> Result<Option<Self>, Errno> {
        let Some(record) = receive_record(socket)? else { return Ok(None) };
        match record[0] {
            0 => Ok(Some(Self::Begin)),
            1 => Ok(Some(Self::Signal(value_of(record)))),
            2 => Ok(Some(Self::Continue { stops: u16::from_ne_bytes([record[2], record[3]]) })),
            _ => Err(Errno::EBADMSG),
        }
    }
}

fn send_record(socket: impl AsFd, record: Record) -> Result<(), Errno> {
    loop {
        match send(socket.as_fd().as_raw_fd(), &record, MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            result => return result.map(drop),
        }
    }
}

fn receive_record(socket: impl AsFd) -> Result<Option<Record>, Errno> {
    let mut record = Record::default();
    loop {
        match recv(socket.as_fd().as_raw_fd(), &mut record, MsgFlags::empty()) {
            Ok(0) => return Ok(None),
            Ok(length) if length == record.len() => return Ok(Some(record)),
            Ok(_) => return Err(Errno::EBADMSG),
            // The other side ended without reading all that we sent. The kernel says so once,
            // before it hands out what the other side sent us (unix(7)).
            Err(Errno::ECONNRESET | Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    #[test]
    fn every_report_arrives_as_it_was_sent() {
        let (here, there) = pair();
        let fault = Fault { call: Call::Write, errno: Errno::ENOSPC };
        let reports = [
            Report::Failed(Failure { step: 65535, fault }),
            Report::Stopped { stops: 65535 },
            Report::Started,
            Report::Mapped,
            Report::TimedOut,
            Report::Full(Full { step: 65535, files: true }),
            Report::Exited(255),
            Report::Signaled(64),
        ];
        for report in reports {
            report.send(&here).unwrap();
            assert_eq!(Report::receive(&there), Ok(Some(report)));
        }
    }

    #[test]
    fn every_order_arrives_as_it_was_sent() {
        let (here, there) = pair();
        for order in [Order::Begin, Order::Signal(64), Order::Continue { stops: 65535 }] {
            order.send(&here).unwrap();
            assert_eq!(Order::receive(&there), Ok(Some(order)));
        }
    }

    #[test]
    fn the_end_of_the_other_side_is_no_error() {
        let (here, there) = pair();
        drop(here);
        assert_eq!(Order::receive(&there), Ok(None));
    }

    #[test]
    fn the_last_report_arrives_though_an_order_was_left_unread() {
        let (here, there) = pair();
        Order::Signal(2).send(&here).unwrap();
        Report::Signaled(2).send(&there).unwrap();
        drop(there);
        assert_eq!(Report::receive(&here), Ok(Some(Report::Signaled(2))));
        assert_eq!(Report::receive(&here), Ok(None));
    }

    #[test]
    fn calls_stand_in_the_table_by_their_number() {
        for (index, (call, name)) in CALLS.iter().enumerate() {
            assert_eq!(*call as usize, index, "{name}");
        }
    }

    fn pair() -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
        let kind = SockType::SeqPacket;
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }
}
